internal import DequeModule
internal import Lifecycle
internal import LosslessJSON
internal import Model
internal import Store

/// How a resource gets on: one step at a time, each written down before it is done.
extension Reconciler {
    /// Takes steps until one is in flight, time has to pass, others have to settle, or the wish has come to its end.
    func advance(_ key: ResourceKey) throws {
        while var resource = active[key], !resource.row.isSettled, resource.work == nil, resource.awaiting.isEmpty,
            !resource.isWaitingForTime, !resource.isWaitingForList
        {
            changed.insert(key)
            let step = resource.machine.next
            let before = resource.machine.phase
            resource.machine.began(step)
            resource.row.nextAttemptAt = nil
            resource.row.activity = Narration.activity(step)
            active[key] = resource
            noteMove(key, from: before, cause: Narration.cause(step))
            switch step {
            case .perform(let operation):
                active[key]?.work = start(
                    operation, .resource(key), generation: resource.row.generation, about: key.description)
                for id in resource.events { open[id]?.text = "" }
                if let text = Narration.progress(operation) { reportProgress(to: key, text) }
            case .require(let requirements): try require(requirements, for: key)
            case .wait(let duration):
                // Who has failed together with many others shall not try again together with them.
                let time = now + (resource.machine.attempts > 0 ? jittered(duration) : duration)
                active[key]?.isWaitingForTime = true
                active[key]?.row.nextAttemptAt = time
                wakeUps.set(.resource(key), at: time)
            case .settle: try settle(key, failure: nil)
            case .fail(let reason): try settle(key, failure: reason)
            }
        }
    }

    /// The time that a resource was waiting for has come.
    func wake(_ key: ResourceKey) throws {
        guard active[key] != nil else { return }
        active[key]?.isWaitingForList = false
        if active[key]?.isWaitingForTime == true {
            active[key]?.isWaitingForTime = false
            active[key]?.machine.waited()
        }
        try advance(key)
    }

    /// Registers work and hands it out.
    func start(
        _ operation: Operation, _ purpose: Work.Purpose, generation: Int = 0, about: String
    ) -> WorkID {
        lastWork += 1
        let id = WorkID(lastWork)
        work[id] = Work(purpose: purpose, operation: operation, generation: generation)
        newWork.append(id)
        effects.append(.perform(id, operation, about: about))
        return id
    }

    /// Work is over.
    func ended(_ id: WorkID, _ outcome: OperationOutcome) throws {
        guard let done = work.removeValue(forKey: id) else { return }
        finishedWork[id] = done
        switch done.purpose {
        case .question(let eventID): try answered(eventID, outcome)
        case .resource(let key):
            if orphans[key] == id { orphans[key] = nil }
            guard var resource = active[key], resource.work == id else { return }
            resource.work = nil
            if resource.isOvertaken {
                resource.isOvertaken = false
                resource.machine.overtaken(done.operation, outcome)
            } else {
                resource.machine.ended(done.operation, outcome)
                resource.inspection = outcome.inspection
                resource.imagePorts = outcome.imagePorts
            }
            changed.insert(key)
            let before = active[key]?.machine.phase ?? ""
            active[key] = resource
            noteMove(key, from: before, cause: Narration.cause(outcome))
            try advance(key)
        }
    }

    private func answered(_ eventID: String, _ outcome: OperationOutcome) throws {
        guard var event = open[eventID] else { return }
        event.work = nil
        switch outcome {
        case .container(let container): try answer(eventID, .inspection(container?.raw))
        case .image(let image): try answer(eventID, .image(image))
        case .configurationUpdated(exitCode: 0, _): try answer(eventID, .done)
        case .configurationUpdated(let exitCode, let output):
            try answer(eventID, .configurationFailed(exitCode: exitCode, output: output))
        case .refused(let refusal): try answer(eventID, .failure(refusal.message))
        case .unavailable, .unknown:
            event.tries += 1
            open[eventID] = event
            wakeUps.set(
                .question(eventID: eventID), at: now + jittered(Patience.backOff(afterTries: event.tries)))
        case .created, .nameTaken, .imageMissing, .address, .volume, .keptByPlugin, .pluginDone, .noPlugin, .removed:
            preconditionFailure("an outcome that no question can have")
        }
    }

    // MARK: Requirements

    private func require(_ requirements: [Requirement], for key: ResourceKey) throws {
        var keys: Set<ResourceKey> = []
        // First the wishes, then the waiting: an older wish that is overtaken here takes its own waiters along.
        for requirement in requirements {
            let wish: ResourceMachine
            switch requirement {
            case .volume(let volume, let holder):
                wish = .volume(VolumeMachine(volume, desired: .active, holder: holder))
            case .release(let volume, let holder):
                if try isReleased(requirement.key, by: holder) { continue }
                wish = .volume(VolumeMachine(volume, desired: .inactive, holder: holder))
            case .image(let image): wish = .image(ImageMachine(image, desired: .present))
            }
            _ = try raise(wish, requirement.key, cause: "needed by \(key)")
            keys.insert(requirement.key)
        }
        guard !keys.isEmpty else {
            active[key]?.machine.requirementMet()
            return
        }
        active[key]?.awaiting = keys
        active[key]?.requirement += 1
        for dependency in keys { waiters[dependency, default: []].insert(key) }
        for dependency in keys.sorted() { try advance(dependency) }
    }

    /// Whether nothing is left to do now that an instance needs a volume no more.
    private func isReleased(_ key: ResourceKey, by holder: String) throws -> Bool {
        guard var resource = try active[key] ?? stored(key), case .volume(var machine) = resource.machine else {
            return hints.isMounted("", byOthersThan: holder)
        }
        let isAll = machine.released(by: holder)
        resource.machine = .volume(machine)
        active[key] = resource
        changed.insert(key)
        // Containers from before this record may use it as well.
        return isAll || !machine.mountpoint.isEmpty && hints.isMounted(machine.mountpoint, byOthersThan: holder)
    }

    /// Notes that everybody who waits for a resource is to be told that its wish has come to an end.
    ///
    /// They are told when what is in hand is complete: each may want something of the same resource at once.
    func release(_ key: ResourceKey, failure: String?) {
        guard let waiting = waiters.removeValue(forKey: key) else { return }
        var mountpoint: String?
        if case .volume(let volume)? = active[key]?.machine, volume.desired == .active {
            mountpoint = volume.mountpoint
        }
        for waiter in waiting.sorted() {
            guard let resource = active[waiter] else { continue }
            tidings.append(
                Tiding(
                    to: waiter, requirement: resource.requirement, of: key, failure: failure, mountpoint: mountpoint))
        }
    }

    /// Tells who waits what has become of it.
    func spread() throws {
        while let tiding = tidings.popFirst() {
            guard var resource = active[tiding.to], resource.requirement == tiding.requirement,
                resource.awaiting.remove(tiding.of) != nil
            else { continue }
            if let failure = tiding.failure {
                for other in resource.awaiting { waiters[other]?.remove(tiding.to) }
                resource.awaiting = []
                resource.machine.requirementFailed(failure)
            } else {
                if let mountpoint = tiding.mountpoint {
                    resource.machine.volumeActive(tiding.of.id, mountpoint: mountpoint)
                }
                if resource.awaiting.isEmpty { resource.machine.requirementMet() }
            }
            active[tiding.to] = resource
            changed.insert(tiding.to)
            try advance(tiding.to)
        }
    }

    // MARK: The end of a wish

    private func settle(_ key: ResourceKey, failure: String?) throws {
        guard var resource = active[key] else { return }
        resource.row.settledGeneration = resource.row.generation
        resource.row.activity = ""
        let events = resource.events
        resource.events = []
        active[key] = resource
        changed.insert(key)
        let end = failure.map(Answer.failure) ?? resource.answer
        for id in events { try answer(id, end) }
        try store.trimHistory(of: key, to: limits.historyLength)
        release(key, failure: failure)
    }

    func noteMove(_ key: ResourceKey, from before: String, cause: String) {
        guard let resource = active[key], resource.machine.phase != before else { return }
        let move = TransitionRow(
            key: key, generation: resource.row.generation, from: before, to: resource.machine.phase, cause: cause,
            at: now)
        moves.append(move)
        effects.append(
            .note(.moved(key, generation: move.generation, from: move.from, to: move.to, cause: move.cause)))
    }

    // MARK: What the engine shows by itself

    func listed(_ containers: [ContainerSummary]) throws {
        let wasComplete = hints.isComplete
        hints.replace(containers)
        for instance in try store.settledInstances() {
            let shown = hints[instance.externalID]
            if (shown?.state.isAlive == true) != (instance.phase == InstancePhase.running.rawValue) {
                try noteDrift(of: instance.externalID, uuid: "", key: instance.key)
            }
        }
        guard !wasComplete else { return }
        // The engine is back: nobody has to sit out a pause that was meant for its absence.
        for key in active.keys.sorted() {
            guard let resource = active[key], resource.isWaitingForTime || resource.isWaitingForList else { continue }
            if resource.isWaitingForList { showList(to: key) }
            wakeUps.cancel(.resource(key))
            try wake(key)
        }
    }

    private func showList(to key: ResourceKey) {
        guard case .instance(let machine)? = active[key]?.machine else { return }
        let ids = [machine.specification.externalID, machine.containerID].filter { !$0.isEmpty }
        guard let shown = hints.container(ids: ids, uuid: machine.specification.uuid) else { return }
        active[key]?.machine.listed(shown, isOnly: shown.map(hints.isOnly) ?? false)
    }

    /// A settled instance has changed by itself or by somebody's hand. It is shown as it is and otherwise left alone.
    func noteDrift(of id: String, uuid: String, key known: ResourceKey? = nil) throws {
        guard let key = known ?? (uuid.isEmpty ? nil : ResourceKey(.instance, uuid)) else { return }
        // Most of what the engine shows is what was just done, and no news.
        if active[key] == nil {
            guard let instance = try store.settledInstance(key), instance.externalID == id,
                (instance.phase == InstancePhase.running.rawValue) != (hints[id]?.state.isAlive ?? false)
            else { return }
        }
        guard
            var resource = try active[key] ?? stored(key), resource.row.isSettled, resource.machine.externalID == id
        else { return }
        let before = resource.machine.phase
        resource.machine.drifted(to: hints[id])
        guard resource.machine.phase != before else { return }
        active[key] = resource
        changed.insert(key)
        noteMove(key, from: before, cause: "seen by the engine")
        try store.trimHistory(of: key, to: limits.historyLength)
    }
}

extension ActiveResource {
    /// The answer to those who wanted what has come about.
    fileprivate var answer: Answer {
        switch machine {
        case .instance(let machine):
            .instance(
                uuid: machine.specification.uuid,
                // A container that is spared does not make its instance one that is there.
                inspection: machine.desired == .removed ? nil : inspection, address: machine.address,
                externalID: machine.specification.externalID, imagePorts: imagePorts)
        case .volume: .done
        case .image(let machine): .image(machine.desired == .present ? inspection : nil)
        }
    }
}

extension OperationOutcome {
    fileprivate var imagePorts: [String]? {
        if case .container(let container) = self { container?.imagePorts } else { nil }
    }

    /// What the engine showed, in full.
    fileprivate var inspection: JSON? {
        switch self {
        case .container(let container): container?.raw
        case .nameTaken(let owner): owner?.raw
        case .address(_, let container): container?.raw
        case .image(let image): image
        case .created, .imageMissing, .volume, .keptByPlugin, .pluginDone, .noPlugin, .removed, .refused, .unavailable,
            .unknown, .configurationUpdated:
            nil
        }
    }
}
