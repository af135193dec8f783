internal import Lifecycle
internal import Model
internal import Store

/// What happens to an event when it arrives: it is never dropped, never done twice and never answered twice.
extension Reconciler {
    func accept(_ event: IncomingEvent) throws {
        if let state = try store.eventState(event.header.id) {
            effects.append(.note(.repeated(eventID: event.header.id)))
            // Open: its one answer will serve both copies. Otherwise the answer is sent again, byte for byte.
            if state != .open { try resend(event.header.id, state) }
            return
        }
        guard open.count < limits.openEvents else {
            try refuse(event, "The agent has \(open.count) unanswered events and takes no more")
            return
        }
        switch event.request {
        case .activateInstance(let instance):
            try wish(.instance(InstanceMachine(instance, desired: .running)), instance.key, event)
        case .deactivateInstance(let instance):
            try wish(.instance(InstanceMachine(instance, desired: .stopped)), instance.key, event)
        case .removeInstance(let instance):
            try wish(.instance(InstanceMachine(instance, desired: .removed)), instance.key, event)
        case .createVolume(let volume):
            try wish(.volume(VolumeMachine(volume, desired: .created)), ResourceKey(.volume, volume.name), event)
        case .removeVolume(let volume):
            let key = ResourceKey(.volume, volume.name)
            try forgetDeadHolders(of: key)
            try wish(.volume(VolumeMachine(volume, desired: .removed)), key, event)
        case .pullImage(let image): try wish(.image(ImageMachine(image, desired: .present)), image.key, event)
        case .releaseImage(let image): try wish(.image(ImageMachine(image, desired: .removed)), image.key, event)
        case .inspectInstance(let id, let name): try question(event, .inspectContainer(id: id, name: name))
        case .inspectImage(let image): try question(event, .inspectImage(reference: image.taggedReference))
        case .updateConfiguration(let items): try question(event, .updateConfiguration(items: items))
        case .acknowledge:
            try insert(event, key: nil, generation: 0)
            try answer(event.header.id, .done)
        case .unusable(let reason): try refuse(event, reason)
        // Pings are answered where they arrive: they wait for nobody, not even for the store.
        case .ping: break
        }
    }

    private func insert(_ event: IncomingEvent, key: ResourceKey?, generation: Int) throws {
        try store.insert(
            EventRow(
                header: event.header, key: key?.description, generation: generation, frame: event.frame, state: .open,
                receivedAt: now))
        newEvents.append(event.header.id)
        open[event.header.id] = OpenEvent(header: event.header, key: key, generation: generation, receivedAt: now)
        if event.header.replyTo != nil, key != nil {
            wakeUps.set(.progress(eventID: event.header.id), at: now + limits.keepAliveInterval)
        }
        effects.append(.note(.accepted(event.header, key: key)))
    }

    /// There is no room to store the event. A copy of one that was accepted before changes nothing.
    func turnAway(_ header: EventHeader, _ reason: String) throws {
        guard header.replyTo != nil, try store.eventState(header.id) == nil else { return }
        let body = codec.reply(to: header, .failure(reason), messageID: makeID(), at: now)
        effects.append(.publishUnstored(eventID: header.id, body: body))
    }

    private func refuse(_ event: IncomingEvent, _ reason: String) throws {
        try insert(event, key: nil, generation: 0)
        try answer(event.header.id, .failure(reason))
    }

    private func wish(_ machine: ResourceMachine, _ key: ResourceKey, _ event: IncomingEvent) throws {
        let generation = try raise(machine, key, cause: event.header.name)
        try insert(event, key: key, generation: generation)
        active[key]?.events.append(event.header.id)
        try advance(key)
    }

    // MARK: Wishes

    /// Notes what is wanted of a resource: joins the work in flight if that serves it, takes over otherwise.
    ///
    /// - Returns: the generation whose end will be the end of the wish.
    func raise(_ wish: ResourceMachine, _ key: ResourceKey, cause: String) throws -> Int {
        changed.insert(key)
        if var resource = active[key], !resource.row.isSettled {
            if resource.machine.joined(by: wish) {
                active[key] = resource
                return resource.row.generation
            }
            try supersede(&resource, by: cause)
            begin(&resource, wish, cause)
            return resource.row.generation
        }
        var resource =
            try active[key] ?? stored(key, for: wish) ?? ActiveResource(row: newRow(key, wish), machine: wish)
        resource.work = resource.work ?? orphans[key]
        begin(&resource, wish, cause)
        return resource.row.generation
    }

    private func newRow(_ key: ResourceKey, _ machine: ResourceMachine) -> ResourceRow {
        ResourceRow(
            key: key, name: machine.name, rancherID: machine.rancherID, externalID: "", desired: machine.desired,
            phase: "", generation: 0, settledGeneration: 0, attempts: 0, nextAttemptAt: nil, lastError: "",
            activity: "", machine: "", createdAt: now, updatedAt: now)
    }

    private func begin(_ resource: inout ActiveResource, _ wish: ResourceMachine, _ cause: String) {
        let before = resource.row.generation == 0 ? "" : resource.machine.phase
        resource.machine.wished(wish)
        // To be coded and written anew.
        resource.row.specification = ""
        resource.row.generation += 1
        resource.isOvertaken = resource.work != nil
        resource.isWaitingForTime = false
        resource.isWaitingForList = false
        resource.inspection = nil
        resource.imagePorts = nil
        wakeUps.cancel(.resource(resource.key))
        if case .instance(let machine) = resource.machine {
            let ids = [machine.specification.externalID, machine.containerID].filter { !$0.isEmpty }
            if resource.isOvertaken {
                resource.machine.overtaken()
            } else if let hint = hints.container(ids: ids, uuid: machine.specification.uuid) {
                resource.machine.hinted(hint, isOnly: hint.map(hints.isOnly) ?? false)
            } else {
                resource.machine.overtaken()
            }
        }
        active[resource.key] = resource
        noteMove(resource.key, from: before, cause: cause)
    }

    /// The server has stopped waiting for whoever is overtaken (PROTOCOL 3.5), and is told so all the same.
    private func supersede(_ resource: inout ActiveResource, by cause: String) throws {
        let reason = "superseded by \(cause)"
        for id in resource.events { try answer(id, .failure(reason)) }
        resource.events = []
        for dependency in resource.awaiting { waiters[dependency]?.remove(resource.key) }
        resource.awaiting = []
        active[resource.key] = resource
        // Who gives a volume back does not mind who takes it over.
        var isGivenBack = false
        if case .volume(let volume) = resource.machine { isGivenBack = volume.desired == .inactive }
        release(resource.key, failure: isGivenBack ? nil : "\(resource.key) was \(reason)")
    }

    /// An instance whose container somebody has taken away gives nothing back, and must not hold a volume for ever.
    private func forgetDeadHolders(of key: ResourceKey) throws {
        guard var resource = try active[key] ?? stored(key), case .volume(var volume) = resource.machine,
            !volume.holders.isEmpty
        else { return }
        volume.held(onlyBy: Names(try volume.holders.sorted.filter(mayBeAlive)))
        resource.machine = .volume(volume)
        active[key] = resource
        changed.insert(key)
    }

    /// Whether the container of an instance may be running, as far as can be told without asking the engine.
    ///
    /// One that is shown at rest may have been started since, for what the engine shows may be late: only one that is
    /// not there at all is certainly dead. Who was stopped or removed by a wish has given back what it held by itself.
    private func mayBeAlive(_ uuid: String) throws -> Bool {
        let key = ResourceKey(.instance, uuid)
        var ids: [String] = []
        if case .instance(let machine)? = try (active[key] ?? stored(key))?.machine {
            switch machine.phase {
            case .removed: return false
            case .stopped, .failed: ids = [machine.containerID]
            default: return true
            }
        }
        guard let hint = hints.container(ids: ids, uuid: uuid) else { return true }
        return hint != nil
    }

    /// A resource that is not on its way anywhere; `nil` if there is none that could be read.
    ///
    /// - Parameter wish: What will be wanted of it. Then its old specification does not matter, and is not read.
    func stored(_ key: ResourceKey, for wish: ResourceMachine? = nil) throws -> ActiveResource? {
        guard let row = try store.resource(key), let machine = try readable(row, for: wish) else { return nil }
        return ActiveResource(row: row, machine: machine)
    }

    /// The machine of a stored row, or `nil` after the row was put into quarantine.
    func readable(_ row: ResourceRow, for wish: ResourceMachine? = nil) throws -> ResourceMachine? {
        do {
            let machine: ResourceMachine
            if case .instance(let wish) = wish {
                machine = try MachineCoding.decode(row.machine, with: wish.specification)
            } else {
                machine = try MachineCoding.decode(row.machine, specification: row.specification)
            }
            guard machine.kind == row.key.kind else {
                throw StoreError(.unreadable, "the machine of a resource of kind \(machine.kind.rawValue)")
            }
            return machine
        } catch {
            try quarantine(
                source: "resource", name: row.key.description, raw: row.machine, reason: String(describing: error))
            try store.deleteResource(row.key.description)
            return nil
        }
    }

    // MARK: Questions

    private func question(_ event: IncomingEvent, _ operation: Operation) throws {
        try insert(event, key: nil, generation: 0)
        open[event.header.id]?.question = operation
        try ask(event.header.id)
    }

    /// Sends the question to the engine, for the first time or again.
    func ask(_ eventID: String) throws {
        guard let event = open[eventID], event.work == nil, let operation = event.question else { return }
        open[eventID]?.work = start(operation, .question(eventID: eventID), about: event.header.name)
    }
}
