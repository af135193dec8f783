import Model

// MARK: The decision

extension InstanceMachine {
    /// The one thing to do now; the same until something happens.
    package var next: Step {
        switch story.pause {
        case .backOff: return .wait(Patience.backOff(afterTries: attempts))
        case .second: return .wait(Patience.pause)
        case .address: return .wait(Patience.addressPause(afterLooks: story.addressLooks))
        case .none: break
        }
        let step = nextForTheContainer
        switch step {
        case .settle, .fail: return release(before: step)
        case .perform, .require, .wait: return step
        }
    }

    /// The same, before anything is given back.
    var nextForTheContainer: Step {
        if !story.verdict.isEmpty { return .fail(story.verdict) }
        if knowledge == .unobserved { return find }
        if !story.failure.isEmpty { return nextWhileFailing }
        if story.isAgents, desired != .running { return lookThenSettle }
        if specification.noop, desired != .removed { return desired == .running ? settleRunning : lookThenSettle }
        switch desired {
        case .running: return nextTowardsRunning
        case .stopped: return nextTowardsStopped
        case .removed: return nextTowardsRemoved
        }
    }

    private var nextTowardsRunning: Step {
        if story.startDone, !isInLimbo { return settleRunning }
        switch knowledge {
        case .unobserved: return find
        case .missing:
            if !specification.externalID.isEmpty {
                guard isInspected else { return find }
                guard specification.isMadeAnew else {
                    return .fail("Container \(specification.externalID) has been deleted from the host")
                }
            }
            return requiredVolumes ?? requiredImage
                ?? .perform(.createContainer(specification, mountpoints: mountpoints))
        case .present(.running), .present(.paused): return settleRunning
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
        case .present(.created), .present(.exited), .present(.dead):
            .perform(.removeContainer(id: containerID, keepsVolumes: specification.keepsVolumes || keepsVolumes))
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
        case .present(.created), .present(.exited), .present(.dead):
            // Nobody has been told of the volumes of a container that nobody has been told of.
            return .perform(.removeContainer(id: containerID, keepsVolumes: false))
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
        return .perform(
            .findContainer(ContainerIdentity(ids: ids, uuid: specification.uuid, marks: specification.marks)))
    }

    private var lookThenSettle: Step { isInspected ? .settle : find }

    /// A container that the engine does not connect is not ready before it has an address (PROTOCOL 9).
    private var settleRunning: Step {
        guard isInspected, isAlive, specification.container.network == .cni, !story.addressDone else {
            return lookThenSettle
        }
        return .perform(.detectAddress(id: containerID))
    }

    private var limbo: Step {
        if story.limboLooks >= Patience.limboLooks {
            return .fail("Container \(containerID) is being removed by somebody else, or cannot be removed")
        }
        return isInspected ? .wait(Patience.pause) : find
    }

    private var requiredVolumes: Step? {
        guard !story.volumesReady, !specification.volumes.isEmpty else { return nil }
        return .require(specification.volumes.map { .volume($0, holder: specification.uuid) })
    }

    private var requiredImage: Step? {
        guard !story.imageReady, story.imageMissing || specification.alwaysPull else { return nil }
        return .require([
            .image(
                ImageSpecification(
                    reference: specification.container.image, credential: specification.credential,
                    alwaysPull: specification.alwaysPull, build: specification.build))
        ])
    }

    /// Once its container is certainly at rest, an instance gives back what storage plug-ins have mounted for it: after
    /// a stop, after a removal, and when it could not be started.
    private func release(before end: Step) -> Step {
        if end == .settle, desired == .running { return end }
        var volumes = claims
        if desired == .stopped, !specification.noop {
            // If the record of the start is lost, what there is to give back is in the request.
            volumes += specification.volumes.filter { volume in
                !engineVolumes.contains(volume.name) && !claims.contains { $0.name == volume.name }
            }
        }
        guard !story.volumesReleased, !volumes.isEmpty, !specification.uuid.isEmpty else { return end }
        guard isInspected else { return story.looks < Patience.looks ? find : end }
        guard !isAlive else { return end }
        return .require(volumes.map { .release($0, holder: specification.uuid) })
    }

    private var isAlive: Bool {
        if case .present(let state) = knowledge { state.isAlive } else { false }
    }

    private var isInLimbo: Bool { knowledge == .present(.removing) || knowledge == .present(.dead) }

    /// The phase of an instance whose wish is fulfilled. A report without a change, and a container that has ended by
    /// the time it is looked at, are what they are seen to be.
    var settledPhase: InstancePhase {
        switch desired {
        case .removed where !story.isAgents: return .removed
        case .stopped where !specification.noop && !story.isAgents: return .stopped
        // That of the agent's own container is spared, and shown as it is.
        case .running, .stopped, .removed:
            guard case .present(let state) = knowledge, state.isAlive else { return .stopped }
            return .running
        }
    }
}
