package import Model

/// Brings one instance to what is wanted of it, one step at a time.
///
/// Knows no clock, no engine and no store: it is told what happened and says what to do. All of it is stored, so that
/// the next start decides from the same facts.
package struct InstanceMachine: Sendable, Hashable, Codable {
    // The wish
    package private(set) var desired: InstanceDesire
    package private(set) var specification: InstanceSpecification

    // Where it is
    package private(set) var phase = InstancePhase.requested
    package private(set) var containerID = ""
    package private(set) var knowledge = ContainerKnowledge.unobserved
    /// The knowledge comes from an inspection made for this wish. The list and the event stream are hints: good enough
    /// for choosing a first step, never for claiming an end.
    package private(set) var isInspected = false
    /// Tries without a known result since something last moved.
    package private(set) var attempts = 0
    /// What went wrong last, for the operator.
    package private(set) var lastError = ""
    /// The container was made for this wish, so it may be taken away again if it cannot be started.
    package private(set) var createdHere = false

    /// What this wish has seen on its way.
    private struct Story: Hashable, Codable {
        /// The container was seen under its id, by more than a list or an event. Only then does it mean anything that
        /// there is none with this id any more: the instance may have got another one.
        var isIdentified = false
        var volumesReady = false
        var imageReady = false
        var imageMissing = false
        /// A create is under way.
        var createInFlight = false
        /// A create was sent and its answer never came; nobody has seen yet what it has left behind.
        var createUnknown = false
        /// A create of an older wish may still leave a container behind: it is the one call whose end an inspection
        /// does not wait for.
        var createMayFollow = false
        var lateLooks = 0
        var startDone = false
        var stopDone = false
        var killDone = false
        /// The engine said no to the last create, start, stop or kill; what that means is decided after another look.
        var refusal = ""
        /// What will be the answer as soon as the half-made container is gone.
        var failure = ""
        /// The end, and it is a bad one.
        var verdict = ""
        var pause = Pause.none
        var looks = 0
        var limboLooks = 0
        var nameConflicts = 0
        var vanishings = 0
        var removals = 0
        var stops = 0
    }

    private enum Pause: Hashable, Codable {
        case none
        case backOff
        case second
    }

    private var story = Story()
    /// When the container had been started last before this wish started it, `nil` if nobody looked: tells a container
    /// that was started and has ended already from one that was never started.
    private var startedAtBefore: String?

    package init(_ specification: InstanceSpecification, desired: InstanceDesire) {
        self.specification = specification
        self.desired = desired
    }
}

// MARK: Events

extension InstanceMachine {
    /// Somebody wants something new. What is known of the container stays, as a hint.
    package mutating func wished(_ specification: InstanceSpecification, desired: InstanceDesire) {
        self.specification = specification
        self.desired = desired
        phase = .requested
        isInspected = false
        attempts = 0
        lastError = ""
        createdHere = false
        startedAtBefore = nil
        let createMayFollow = story.createInFlight || story.createUnknown || story.createMayFollow
        story = Story()
        story.createMayFollow = createMayFollow
    }

    /// The process was started anew: what was seen before may be long past.
    package mutating func resumed() {
        lookAgain()
        story.pause = .none
        if story.createInFlight { story.createUnknown = true }
        story.createInFlight = false
    }

    /// The engine's list or event stream shows the container so; `nil` when a complete list does not show it.
    package mutating func hinted(_ summary: ContainerSummary?) {
        isInspected = false
        guard let summary else {
            knowledge = .missing
            return
        }
        startedAtBefore = summary.state == .created ? "" : nil
        containerID = summary.id
        knowledge = .present(summary.state)
    }

    /// The wait that was asked for is over.
    package mutating func waited() {
        story.pause = .none
        lookAgain()
    }

    /// A new wish arrived while work for the old one was under way: what that work has left behind must be looked at.
    package mutating func overtaken() { lookAgain() }

    /// Work for an overtaken wish has ended. Nothing is concluded from it but whether a container may still follow.
    package mutating func overtaken(_ operation: Operation, _ outcome: OperationOutcome) {
        lookAgain()
        guard case .createContainer = operation else { return }
        switch outcome {
        case .created, .nameTaken, .imageMissing, .unavailable: story.createMayFollow = false
        case .refused(let refusal): story.createMayFollow = (refusal.status ?? 0) >= 500
        case .unknown, .container, .volume, .image, .removed: break
        }
    }

    /// All that was required is as it has to be.
    package mutating func requirementMet() {
        if phase == .pulling {
            story.imageReady = true
            story.imageMissing = false
        } else {
            story.volumesReady = true
        }
    }

    /// Something required cannot be had.
    package mutating func requirementFailed(_ reason: String) {
        if createdHere { story.failure = reason } else { end(reason) }
    }

    /// The step is written down and about to be done.
    package mutating func began(_ step: Step) {
        switch step {
        case .perform(.createContainer):
            phase = .creating
            story.createInFlight = true
        case .perform(.startContainer): phase = .starting
        case .perform(.stopContainer): phase = .stopping
        case .perform(.killContainer): phase = .killing
        case .perform(.removeContainer): phase = story.failure.isEmpty ? .removing : .discarding
        case .perform, .wait: break
        case .require(let requirements):
            if case .image = requirements.first { phase = .pulling } else { phase = .preparing }
        case .settle: phase = settledPhase
        case .fail(let reason):
            phase = .failed
            lastError = reason
        }
        if step == .settle { lastError = "" }
    }

    /// The work is over, or what became of it is unknown.
    package mutating func ended(_ operation: Operation, _ outcome: OperationOutcome) {
        story.createInFlight = false
        switch outcome {
        case .container(let container): observed(container, after: operation)
        case .created(let id):
            containerID = id
            story.isIdentified = true
            knowledge = .present(.created)
            isInspected = false
            createdHere = true
            startedAtBefore = ""
            phase = .created
            attempts = 0
        case .nameTaken(let owner): nameTaken(by: owner)
        case .imageMissing(let text):
            if story.imageReady { end(text) } else { story.imageMissing = true }
        case .removed:
            knowledge = .missing
            isInspected = story.isIdentified
            attempts = 0
        case .refused(let refusal): refused(operation, refusal)
        case .unavailable(let text): backOff(text)
        case .unknown(let text):
            if case .createContainer = operation { story.createUnknown = true }
            if case .stopContainer = operation {
                story.stops += 1
                story.stopDone = story.stops >= Patience.stops
            }
            backOff(text)
        case .volume, .image: preconditionFailure("an outcome that no work on a container can have")
        }
    }

    private mutating func observed(_ container: InspectedContainer?, after operation: Operation) {
        isInspected = true
        story.looks = 0
        switch operation {
        case .startContainer: story.startDone = true
        case .stopContainer: story.stopDone = true
        case .killContainer: story.killDone = true
        case .findContainer, .createContainer, .removeContainer, .inspectVolume, .createVolume, .removeVolume,
            .inspectImage, .pullImage, .tagImage, .removeImage, .inspectContainer:
            break
        }
        guard let container else {
            knowledge = .missing
            story.lateLooks += 1
            if case .findContainer = operation {} else { isInspected = story.isIdentified }
            if !story.refusal.isEmpty, desired == .running { end(story.refusal) }
            return
        }
        let startWasTried = phase == .starting && container.id == containerID
        claim(container)
        if case .findContainer = operation {
            // The answer to a start was lost. If the container was started since, it was that start that did it.
            if startWasTried, let startedAtBefore, !container.startedAt.isEmpty, container.startedAt != startedAtBefore
            {
                story.startDone = true
            }
        } else {
            attempts = 0
        }
        if !startWasTried || story.startDone || startedAtBefore == nil { startedAtBefore = container.startedAt }
        if container.state == .removing || container.state == .dead { story.limboLooks += 1 }
        if startWasTried, !story.startDone, !story.refusal.isEmpty, !container.state.isAlive {
            if createdHere { story.failure = story.refusal } else { end(story.refusal) }
        }
        if desired == .running { story.refusal = "" }
    }

    /// A container was found: it was made for this wish if a create of this wish is still without a trace.
    private mutating func claim(_ container: InspectedContainer) {
        if story.createUnknown {
            createdHere = true
            story.createUnknown = false
        } else if container.id != containerID {
            createdHere = false
        }
        containerID = container.id
        story.createMayFollow = false
        story.isIdentified = true
        knowledge = .present(container.state)
    }

    private mutating func nameTaken(by owner: InspectedContainer?) {
        let name = specification.containerName
        guard let owner else {
            // It is being created or removed at this very moment.
            story.nameConflicts += 1
            let text = "The container name \(name) is taken by a container that cannot be found"
            if story.nameConflicts < Patience.nameConflicts { backOff(text) } else { end(text) }
            return
        }
        guard !specification.uuid.isEmpty, owner.instanceUUID == specification.uuid else {
            end("The container name \(name) is in use by container \(owner.id), which is not this instance's")
            return
        }
        claim(owner)
        isInspected = true
        startedAtBefore = owner.startedAt
        attempts = 0
    }

    private mutating func refused(_ operation: Operation, _ refused: Refusal) {
        lastError = refused.message
        switch operation {
        case .createContainer:
            // A plain "no" made nothing; a failure of the engine itself may have left a container behind.
            guard let status = refused.status, status >= 500 else { return end(refused.message) }
            story.createUnknown = true
            story.refusal = refused.message
            lookAgain()
        case .startContainer:
            story.vanishings += refused.status == 404 ? 1 : 0
            let vanished = refused.status == 404 && story.vanishings < Patience.vanishings
            if !vanished { story.refusal = refused.message }
            lookAgain()
        case .stopContainer:
            story.stopDone = true
            // What is not there any more needs no stop.
            if refused.status != 404 { story.refusal = refused.message }
            lookAgain()
        case .killContainer:
            story.killDone = true
            if refused.status != 404 { story.refusal = refused.message }
            lookAgain()
        case .removeContainer:
            story.removals += 1
            guard story.removals < Patience.removals else {
                return end(refused.message)
            }
            // It may have been started again under our hands.
            story.stopDone = false
            story.killDone = false
            story.pause = .second
        case .findContainer:
            story.looks += 1
            if story.looks < Patience.looks { backOff(refused.message) } else { end(refused.message) }
        case .inspectVolume, .createVolume, .removeVolume, .inspectImage, .pullImage, .tagImage, .removeImage,
            .inspectContainer:
            preconditionFailure("work that no instance asks for")
        }
    }

    private mutating func lookAgain() {
        knowledge = .unobserved
        isInspected = false
    }

    private mutating func backOff(_ reason: String) {
        lastError = reason
        attempts += 1
        story.pause = .backOff
    }

    private mutating func end(_ reason: String) {
        lastError = reason
        story.verdict = story.failure.isEmpty ? reason : story.failure
    }
}

// MARK: The decision

extension InstanceMachine {
    /// The one thing to do now; the same until something happens.
    package var next: Step {
        switch story.pause {
        case .backOff: return .wait(Patience.backOff(afterTries: attempts))
        case .second: return .wait(Patience.pause)
        case .none: break
        }
        if !story.verdict.isEmpty { return .fail(story.verdict) }
        if knowledge == .unobserved { return find }
        if !story.failure.isEmpty { return nextWhileFailing }
        if specification.noop, desired != .removed { return lookThenSettle }
        switch desired {
        case .running: return nextTowardsRunning
        case .stopped: return nextTowardsStopped
        case .removed: return nextTowardsRemoved
        }
    }

    private var nextTowardsRunning: Step {
        if story.startDone, !isInLimbo { return lookThenSettle }
        switch knowledge {
        case .unobserved: return find
        case .missing:
            if !specification.externalID.isEmpty {
                return isInspected
                    ? .fail("Container \(specification.externalID) has been deleted from the host") : find
            }
            return requiredVolumes ?? requiredImage ?? .perform(.createContainer(specification))
        case .present(.running), .present(.paused): return lookThenSettle
        case .present(.created), .present(.exited):
            // Without knowing when it was started last, a lost answer to the start could make it run twice.
            guard startedAtBefore != nil else { return find }
            return requiredVolumes ?? .perform(.startContainer(id: containerID))
        case .present(.restarting): return stop(graceSeconds: Patience.restartingGraceSeconds)
        case .present(.removing), .present(.dead): return limbo
        }
    }

    private var nextTowardsStopped: Step {
        switch knowledge {
        case .unobserved: find
        case .present(.running), .present(.paused), .present(.restarting):
            stop(graceSeconds: specification.stopGraceSeconds)
        case .missing, .present(.created), .present(.exited), .present(.dead), .present(.removing): lookThenSettle
        }
    }

    private var nextTowardsRemoved: Step {
        switch knowledge {
        case .unobserved: find
        case .missing where isInspected && story.createMayFollow && story.lateLooks < Patience.lateLooks:
            .wait(Patience.pause)
        case .missing: lookThenSettle
        case .present(.running), .present(.paused), .present(.restarting):
            stop(graceSeconds: specification.stopGraceSeconds)
        case .present(.created), .present(.exited), .present(.dead): .perform(.removeContainer(id: containerID))
        case .present(.removing): limbo
        }
    }

    /// Only a container that was made for this wish is ever taken away again.
    private var nextWhileFailing: Step {
        guard createdHere else { return .fail(story.failure) }
        switch knowledge {
        case .unobserved: return find
        case .missing: return .fail(story.failure)
        case .present(.running), .present(.paused), .present(.restarting):
            return story.killDone ? .fail(story.failure) : .perform(.killContainer(id: containerID))
        case .present(.created), .present(.exited), .present(.dead): return .perform(.removeContainer(id: containerID))
        case .present(.removing): return limbo
        }
    }

    private func stop(graceSeconds: Int) -> Step {
        if !story.stopDone { return .perform(.stopContainer(id: containerID, graceSeconds: graceSeconds)) }
        if !story.killDone { return .perform(.killContainer(id: containerID)) }
        let name = specification.uuid.isEmpty ? containerID : specification.uuid
        return .fail("Failed to stop container \(name)" + (story.refusal.isEmpty ? "" : ": \(story.refusal)"))
    }

    private var find: Step {
        let ids = specification.externalID == containerID ? [containerID] : [specification.externalID, containerID]
        return .perform(.findContainer(ContainerIdentity(ids: ids, uuid: specification.uuid)))
    }

    private var lookThenSettle: Step { isInspected ? .settle : find }

    private var limbo: Step {
        if story.limboLooks >= Patience.limboLooks {
            return .fail("Container \(containerID) is being removed by somebody else, or cannot be removed")
        }
        return isInspected ? .wait(Patience.pause) : find
    }

    private var requiredVolumes: Step? {
        guard !story.volumesReady, !specification.volumes.isEmpty else { return nil }
        return .require(specification.volumes.map(Requirement.volume))
    }

    private var requiredImage: Step? {
        guard !story.imageReady, story.imageMissing || specification.alwaysPull else { return nil }
        return .require([
            .image(
                ImageSpecification(
                    reference: specification.container.image, credential: specification.credential,
                    alwaysPull: specification.alwaysPull))
        ])
    }

    private var isInLimbo: Bool { knowledge == .present(.removing) || knowledge == .present(.dead) }

    /// The phase of an instance whose wish is fulfilled. A report without a change, and a container that has ended by
    /// the time it is looked at, are what they are seen to be.
    private var settledPhase: InstancePhase {
        switch desired {
        case .removed: return .removed
        case .stopped where !specification.noop: return .stopped
        case .running, .stopped:
            guard case .present(let state) = knowledge, state.isAlive else { return .stopped }
            return .running
        }
    }
}

extension InstanceMachine {
    /// After its wish was fulfilled the container changed by itself or by somebody's hand: show it.
    ///
    /// The agent does not interfere: the server is told, and decides (PROTOCOL 6.3, restart policy).
    package mutating func drifted(to summary: ContainerSummary?) {
        guard phase.isSettled, phase != .failed else { return }
        hinted(summary)
        switch desired {
        case .removed: break
        case .running, .stopped: phase = summary?.state.isAlive == true ? .running : .stopped
        }
    }
}
