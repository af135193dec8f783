package import Model

/// What one text frame of the subscription holds (PROTOCOL 3.2, 3.3).
package enum FrameContent: Sendable, Hashable {
    /// Nothing but white space: a heartbeat of older servers.
    case blank
    /// A `ping` that wants no answer.
    case heartbeat
    case event(IncomingEvent)
    /// Nothing that could be done or answered; the text is for the log.
    case malformed(reason: String)
}

/// Why a frame carries no event.
package struct FrameError: Error, Hashable, CustomStringConvertible {
    /// For the log.
    package let reason: String

    /// A reason in one line.
    package init(reason: String) { self.reason = reason }

    /// The reason.
    package var description: String { reason }
}
