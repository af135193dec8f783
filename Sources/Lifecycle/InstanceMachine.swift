package import Model

/// Brings one instance to what is wanted of it, one step at a time.
///
/// Knows no clock, no engine and no store: it is told what happened and says what to do. All of it is stored, so that
/// the next start decides from the same facts.
package struct InstanceMachine: Sendable, Hashable {
    // The wish
    package internal(set) var desired: InstanceDesire
    /// Not a part of the machine's record: it is long, and stays the same from step to step.
    @Indirect package internal(set) var specification = InstanceSpecification(uuid: "")

    // Where it is
    package internal(set) var phase = InstancePhase.requested
    package internal(set) var containerID = ""
    package internal(set) var knowledge = ContainerKnowledge.unobserved
    /// The container itself says that its volumes without a name are to stay.
    var keepsVolumes = false
    /// The knowledge comes from an inspection made for this wish. The list and the event stream are hints: good enough
    /// for choosing a first step, never for claiming an end.
    package internal(set) var isInspected = false
    /// Tries without a known result since something last moved.
    package internal(set) var attempts = 0
    /// What went wrong last, for the operator.
    package internal(set) var lastError = ""
    /// The container was made for this wish, so it may be taken away again if it cannot be started.
    package internal(set) var createdHere = false
    /// The address that was found for a container that the engine does not connect; empty as long as there is none.
    package internal(set) var address = ""
    /// The volumes that may be mounted for this instance. Kept through all wishes until they were given back.
    package internal(set) var claims: [VolumeSpecification] = []
    /// Where storage plug-ins have mounted them, by name.
    package internal(set) var mountpoints: [String: String] = [:]
    /// Volumes that the engine was seen to keep: nothing of them is ever given back.
    var engineVolumes: Names = []

    /// What this wish has seen on its way.
    struct Story: Sendable, Hashable {
        /// The container was seen under its id, by more than a list or an event. Only then does it mean anything that
        /// there is none with this id any more: the instance may have got another one.
        var isIdentified = false
        /// The engine's complete list showed no other container of the instance.
        var isOnly = false
        var volumesReady = false
        /// What was claimed is given back, or could not be; in that case the next wish tries again.
        var volumesReleased = false
        /// The removal before this one failed as well.
        var isRepeatedRemoval = false
        /// The container is the one that this agent runs in: it is neither stopped nor removed.
        var isAgents = false
        var addressDone = false
        /// Looks at the running container that showed no address.
        var addressLooks = 0
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

    enum Pause: String, Sendable, Hashable {
        case none
        case backOff
        case second
        /// Until the next look for an address.
        case address
    }

    var story = Story()
    /// When the container had been started last before this wish started it, `nil` if nobody looked: tells a container
    /// that was started and has ended already from one that was never started.
    var startedAtBefore: String?

    package init(_ specification: InstanceSpecification, desired: InstanceDesire) {
        self.specification = specification
        self.desired = desired
    }

    /// The same machine with the specification that was stored beside it.
    package func with(_ specification: InstanceSpecification) -> InstanceMachine {
        var machine = self
        machine.specification = specification
        return machine
    }
}

// MARK: Events

extension InstanceMachine {
    /// Somebody wants something new. What is known of the container stays, as a hint.
    package mutating func wished(_ specification: InstanceSpecification, desired: InstanceDesire) {
        let isRepeatedRemoval = desired == .removed && self.desired == .removed && phase == .failed
        self.specification = specification
        self.desired = desired
        phase = .requested
        isInspected = false
        attempts = 0
        lastError = ""
        createdHere = false
        address = ""
        startedAtBefore = nil
        let createMayFollow = story.createInFlight || story.createUnknown || story.createMayFollow
        story = Story()
        story.isRepeatedRemoval = isRepeatedRemoval
        story.createMayFollow = createMayFollow
    }

    /// The process was started anew: what was seen before may be long past.
    package mutating func resumed() {
        lookAgain()
        story.pause = .none
        story.addressLooks = 0
        // The host may have been started anew, with nothing mounted.
        if !mountpoints.isEmpty { story.volumesReady = false }
        if story.createInFlight { story.createUnknown = true }
        story.createInFlight = false
    }

    /// The engine's list or event stream shows the container so; `nil` when a complete list does not show it.
    ///
    /// - Parameter isOnly: The list shows no other container of the instance: if this one is removed, all are gone.
    package mutating func hinted(_ summary: ContainerSummary?, isOnly: Bool = false) {
        isInspected = false
        guard let summary else {
            knowledge = .missing
            return
        }
        story.isOnly = isOnly && summary.instanceUUID == specification.uuid
        story.isAgents = summary.name == ContainerSummary.agentName
        startedAtBefore = summary.state == .created ? "" : nil
        containerID = summary.id
        keepsVolumes = summary.keepsVolumes
        knowledge = .present(summary.state)
    }

    /// The engine's first list after a start shows the container so, or does not show it.
    ///
    /// That there is none is enough to go on with: should a create of the last process still be under way, the name is
    /// taken. A container that the last process has worked on has to be looked at.
    package mutating func listed(_ summary: ContainerSummary?, isOnly: Bool) {
        guard knowledge == .unobserved, summary == nil || phase == .requested else { return }
        hinted(summary, isOnly: isOnly)
    }

    /// The wait that was asked for is over.
    package mutating func waited() {
        let isInspectedByTheNextStep = story.pause == .address
        story.pause = .none
        if !isInspectedByTheNextStep { lookAgain() }
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
        case .unknown, .container, .address, .volume, .keptByPlugin, .pluginDone, .noPlugin, .image, .removed,
            .configurationUpdated:
            break
        }
    }

    /// A required volume is active; the mount point is empty unless a storage plug-in has mounted it.
    package mutating func volumeActive(_ name: String, mountpoint: String) {
        if mountpoint.isEmpty {
            claims.removeAll { $0.name == name }
            mountpoints[name] = nil
            engineVolumes.insert(name)
        } else {
            mountpoints[name] = mountpoint
            engineVolumes.remove(name)
        }
    }

    /// All that was required is as it has to be.
    package mutating func requirementMet() {
        switch phase {
        case .pulling:
            story.imageReady = true
            story.imageMissing = false
        case .releasing:
            story.volumesReleased = true
            claims = []
            mountpoints = [:]
        default: story.volumesReady = true
        }
    }

    /// Something required cannot be had.
    package mutating func requirementFailed(_ reason: String) {
        if phase == .releasing {
            story.volumesReleased = true
            lastError = reason
            // That was said once already. Who is gone holds nothing, and what is left is in the volume's own record.
            if story.isRepeatedRemoval, story.verdict.isEmpty {
                claims = []
                mountpoints = [:]
                return
            }
            let before = story.verdict.isEmpty ? story.failure : story.verdict
            if !before.contains(reason) {
                story.verdict = before.isEmpty ? reason : "\(before); besides: \(reason)"
            }
        } else if createdHere {
            story.failure = reason
        } else {
            end(reason)
        }
    }

    /// The step is written down and about to be done.
    package mutating func began(_ step: Step) {
        switch step {
        case .perform(.createContainer):
            phase = .creating
            story.createInFlight = true
        case .perform(.startContainer):
            phase = .starting
            story.addressDone = false
            story.addressLooks = 0
        case .perform(.detectAddress): phase = .addressing
        case .perform(.stopContainer): phase = .stopping
        case .perform(.killContainer): phase = .killing
        case .perform(.removeContainer): phase = story.failure.isEmpty ? .removing : .discarding
        case .perform, .wait: break
        case .require(let requirements): required(requirements)
        case .settle: phase = settledPhase
        case .fail(let reason):
            phase = .failed
            lastError = reason
        }
        if step == .settle { lastError = "" }
    }

    private mutating func required(_ requirements: [Requirement]) {
        switch requirements.first {
        case .image: phase = .pulling
        case .release:
            if case .fail(let reason) = nextForTheContainer { story.verdict = reason }
            phase = .releasing
            // Should the process end now, they are still to be given back.
            claim(requirements)
        case .volume, nil:
            phase = .preparing
            claim(requirements)
        }
    }

    private mutating func claim(_ requirements: [Requirement]) {
        for requirement in requirements {
            guard let volume = requirement.volume, !claims.contains(where: { $0.name == volume.name }) else { continue }
            claims.append(volume)
        }
    }

    /// The work is over, or what became of it is unknown.
    package mutating func ended(_ operation: Operation, _ outcome: OperationOutcome) {
        story.createInFlight = false
        switch outcome {
        case .container(let container): observed(container, after: operation)
        case .created(let id):
            containerID = id
            keepsVolumes = false
            story.isIdentified = true
            knowledge = .present(.created)
            isInspected = false
            createdHere = true
            startedAtBefore = ""
            phase = .created
            attempts = 0
        case .nameTaken(let owner): nameTaken(by: owner)
        case .address(let address, let container):
            observed(container, after: operation)
            addressSeen(address)
        case .imageMissing(let text):
            if story.imageReady { end(text) } else { story.imageMissing = true }
        case .removed:
            knowledge = .missing
            isInspected = story.isIdentified || story.isOnly
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
        case .volume, .keptByPlugin, .pluginDone, .noPlugin, .image, .configurationUpdated:
            preconditionFailure("an outcome that no work on a container can have")
        }
    }

    private mutating func observed(_ container: InspectedContainer?, after operation: Operation) {
        isInspected = true
        story.looks = 0
        switch operation {
        case .startContainer: story.startDone = true
        case .stopContainer: story.stopDone = true
        case .killContainer: story.killDone = true
        case .findContainer, .createContainer, .removeContainer, .detectAddress, .inspectVolume, .callPlugin,
            .createVolume, .removeVolume, .inspectImage, .pullImage, .tagImage, .removeImage, .buildImage,
            .inspectContainer, .updateConfiguration:
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
        keepsVolumes = container.keepsVolumes
        story.createMayFollow = false
        story.isIdentified = true
        story.isAgents = container.isAgents
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
        case .detectAddress:
            addressFailed(refused.message)
            // A report shows the container, and a refusal does not.
            if specification.noop { isInspected = false }
        case .findContainer:
            story.looks += 1
            if story.looks < Patience.looks { backOff(refused.message) } else { end(refused.message) }
        case .inspectVolume, .callPlugin, .createVolume, .removeVolume, .inspectImage, .pullImage, .tagImage,
            .removeImage, .buildImage, .inspectContainer, .updateConfiguration:
            preconditionFailure("work that no instance asks for")
        }
    }

    /// A container that runs without an address may get one yet; one that does not run needs none (PROTOCOL 9).
    private mutating func addressSeen(_ address: String) {
        self.address = address
        guard address.isEmpty, knowledge == .present(.running) || knowledge == .present(.paused) else {
            story.addressDone = true
            return
        }
        story.addressLooks += 1
        if story.addressLooks < Patience.addressLooks {
            story.pause = .address
        } else {
            addressFailed("Timeout getting IP address")
        }
    }

    /// The container stays as it is: the next wish finds it running, and looks again (PROTOCOL 5.1.1).
    private mutating func addressFailed(_ reason: String) {
        if specification.noop { story.addressDone = true } else { end(reason) }
    }

    private mutating func lookAgain() {
        knowledge = .unobserved
        isInspected = false
        address = ""
        story.addressDone = false
    }

    private mutating func backOff(_ reason: String) {
        lastError = reason
        attempts += 1
        story.pause = .backOff
    }

    private mutating func end(_ reason: String) {
        lastError = reason
        if story.verdict.isEmpty { story.verdict = story.failure.isEmpty ? reason : story.failure }
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
