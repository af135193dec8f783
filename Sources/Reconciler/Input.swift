package import Model

/// Identifies one piece of work on the engine for as long as the process lives.
package struct WorkID: Sendable, Hashable {
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }
}

/// Everything that can happen to the agent. A history of the agent is a list of these.
package enum Input: Sendable, Hashable {
    /// The server sent an event.
    case event(IncomingEvent)
    /// The server sent an event that there was no room for.
    case overflow(EventHeader, reason: String)
    /// The server sent something that is no event.
    case malformedFrame(frame: String, reason: String)
    /// Work on the engine is over, or what became of it is unknown.
    case outcome(WorkID, OperationOutcome)
    /// Work on the engine has something to tell the user.
    case progress(WorkID, text: String)
    /// The engine listed all its containers.
    case containers([ContainerSummary])
    /// The engine reported a container as new or changed.
    case containerChanged(ContainerSummary)
    case containerGone(id: String)
    /// From now on changes of containers go unnoticed.
    case engineLost
    /// The server has the answer.
    case delivered(eventID: String)
    /// The server does not have the answer, or nobody knows. Final if it will never take it.
    case undelivered(eventID: String, reason: String, isFinal: Bool)
    /// The server can be reached again.
    case serverReached
    /// Time has passed.
    case tick
}

/// Everything the agent can do to the outside. It leaves the reconciler only after what led to it is on the disk.
package enum Effect: Sendable, Hashable {
    /// Do the work and report its outcome as an input.
    case perform(WorkID, Operation, about: String)
    /// Deliver a stored answer and report how that went as an input.
    case publish(eventID: String, body: String)
    /// Tell the server that the event is being worked on. Lost without harm.
    case progress(eventID: String, body: String)
    /// Tell the server that the event could not even be stored. There is nothing to fall back on if this is lost.
    case publishUnstored(eventID: String, body: String)
    /// For the log.
    case note(Note)
}

/// What an operator may want to read in the log.
package enum Note: Sendable, Hashable {
    case accepted(EventHeader, key: ResourceKey?)
    case repeated(eventID: String)
    case moved(ResourceKey, generation: Int, from: String, to: String, cause: String)
    case answered(EventHeader, failure: String?)
    case answerRefused(eventID: String, reason: String)
    case quarantined(source: String, name: String, reason: String)
    case storeFailed(reason: String)
    /// It had become unreadable.
    case storeReopened
}
