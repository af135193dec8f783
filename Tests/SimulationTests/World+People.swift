import Model
import SimulatedEngine

/// What people do with the engine beside the agent, and what nobody may do to them.
extension World {
    func changeByHand() throws {
        let roll = random.number(0...19)
        if roll == 0 {
            guard engine.images.remove(Frames.image) != nil else { return }
            meet(.handRemovesImage)
            return write("by hand: the image is removed")
        }
        if roll == 1 {
            let held = engine.containers.values.contains { $0.volumes.contains("v") }
            guard !held, engine.volumes.removeValue(forKey: "v") != nil else { return }
            meet(.handRemovesVolume)
            return write("by hand: volume v is removed")
        }
        if roll == 2 {
            let uuid = random.pick(uuids)
            let name = "r-web-\(uuid.prefix(2))"
            guard !engine.containers.values.contains(where: { $0.name == name }) else { return }
            meet(.handTakesName)
            engine.add("x-\(steps)", uuid: "", name: name, .running)
            strangers["x-\(steps)"] = engine.containers["x-\(steps)"]
            return write("by hand: a container named \(name) is made")
        }
        guard !engine.containers.isEmpty else { return }
        let id = random.pick(engine.containers.keys.sorted())
        guard let container = engine.containers[id] else { return }
        let before = engine.containers
        switch random.number(0...6) {
        case 0:
            meet(.handRemoves)
            engine.containers[id] = nil
        case 1: set(id, .exited, .handStops)
        case 2: set(id, .exited, .handKills)
        case 3: set(id, .running, .handStarts)
        case 4: set(id, .paused, .handPauses, from: .running)
        case 5: set(id, .running, .handUnpauses, from: .paused)
        default: set(id, .restarting, .handBreaks)
        }
        write("by hand: \(id) is \(engine.containers[id]?.state.rawValue ?? "removed")")
        if container.uuid.isEmpty {
            meet(.handOnStranger)
            strangers[id] = engine.containers[id]
        } else {
            touched[container.uuid] = steps
        }
        noticeChanges(since: before)
    }

    private func set(
        _ id: String, _ state: ContainerState, _ occurrence: Occurrence, from: ContainerState? = nil
    ) {
        if let from, engine.containers[id]?.state != from { return }
        meet(occurrence)
        engine.containers[id]?.state = state
        engine.containers[id]?.wasStopped = true
        if state == .running { engine.containers[id]?.startedAt = "by hand \(steps)" }
    }

    /// The container has changed without anybody's order.
    func touch(_ id: String) {
        guard let container = engine.containers[id] else { return }
        if container.uuid.isEmpty { strangers[id] = container } else { touched[container.uuid] = steps }
    }

    // MARK: What the agent may do

    /// Whether the server has ever sent such an event.
    private func isAsked(_ isMeant: (Wish) -> Bool) -> Bool { errands.contains { isMeant($0.wish) } }

    private func isAsked(toRemove uuid: String) -> Bool {
        isAsked { if case .remove(let instance) = $0 { instance.uuid == uuid } else { false } }
    }

    private func isAsked(toStop uuid: String) -> Bool {
        isAsked { if case .deactivate(let instance) = $0 { instance.uuid == uuid } else { false } }
    }

    private func isAsked(toStart uuid: String) -> Bool {
        isAsked { if case .activate(let instance) = $0 { instance.uuid == uuid } else { false } }
    }

    /// The server has been told that this container is the instance's.
    private func isReported(_ container: SimulatedEngine.Container) -> Bool {
        errands.contains { errand in
            guard case .activate(let instance) = errand.wish, instance.uuid == container.uuid,
                let body = errand.left.first, Reply(body)?.failure == nil
            else { return false }
            return body.contains("\"externalId\":\"\(container.id)\"")
        }
    }

    /// Nothing is done to a container, a volume or an image that nobody has asked for.
    func checkIsAllowed(_ operation: Operation) throws {
        if let id = operation.containerID, let container = engine.containers[id] {
            try laws.hold(.strangersUntouched, strangers[id] == nil, "\(operation.title)")
            let uuid = container.uuid
            switch operation {
            case .startContainer: try laws.hold(.onlyAsked, isAsked(toStart: uuid), operation.title)
            case .stopContainer, .killContainer:
                // Of a container that keeps restarting, or was made and cannot be started.
                let mayStop = container.state == .restarting || scenario.hasHands || container.creation > 0
                try laws.hold(
                    .onlyAsked,
                    mayStop && !isReported(container) || scenario.hasHands || isAsked(toStop: uuid)
                        || isAsked(toRemove: uuid), operation.title)
            case .removeContainer:
                let isHalfMade = container.creation > 0 && !isReported(container)
                try laws.hold(.onlyAsked, isHalfMade || isAsked(toRemove: uuid), operation.title)
            default: break
            }
        }
        switch operation {
        case .removeVolume(let name, _): try laws.hold(.onlyAsked, isAsked(toRemoveVolume: name), operation.title)
        case .callPlugin(.remove, let volume):
            try laws.hold(.onlyAsked, isAsked(toRemoveVolume: volume.name), operation.title)
        case .removeImage(let reference):
            let isMarked = reference.hasSuffix("-tmp") && isAsked { $0 == .pull(mark: "-tmp", isComplete: true) }
            try laws.hold(.onlyAsked, isMarked, operation.title)
        default: break
        }
    }

    private func isAsked(toRemoveVolume name: String) -> Bool {
        isAsked { if case .removeVolume(name, _) = $0 { true } else { false } }
    }

    /// After every call: one container an instance, and the others as they were.
    func checkContainers() throws {
        for uuid in uuids {
            let count = engine.containers.values.count { $0.uuid == uuid }
            try laws.hold(.oneContainer, count <= 1, "\(uuid) has \(count) containers")
        }
        let untouched =
            strangers.allSatisfy { engine.containers[$0.key] == $0.value }
            && (!scenario.hasStrangers || engine.images.contains("alien:1") && engine.volumes["alien"] != nil)
        try laws.hold(.strangersUntouched, untouched, "\(strangers.keys.sorted())")
    }
}
