internal import Model

/// The containers of the host as the engine's list and event stream show them: good for choosing a first step.
struct ContainerHints {
    /// The list was read and nothing was missed since; only then does absence mean anything.
    private(set) var isComplete = false
    private var byID: [String: ContainerSummary] = [:]
    private var idsByUUID: [String: Set<String>] = [:]

    mutating func replace(_ containers: [ContainerSummary]) {
        byID.removeAll(keepingCapacity: true)
        idsByUUID.removeAll(keepingCapacity: true)
        for container in containers { put(container) }
        isComplete = true
    }

    mutating func put(_ container: ContainerSummary) {
        byID[container.id] = container
        if !container.instanceUUID.isEmpty { idsByUUID[container.instanceUUID, default: []].insert(container.id) }
    }

    mutating func remove(_ id: String) {
        guard let container = byID.removeValue(forKey: id), !container.instanceUUID.isEmpty else { return }
        idsByUUID[container.instanceUUID]?.remove(id)
        if idsByUUID[container.instanceUUID]?.isEmpty == true { idsByUUID[container.instanceUUID] = nil }
    }

    mutating func lose() { isComplete = false }

    mutating func giveRoomBack() {
        byID = byID.inLittleRoom
        idsByUUID = idsByUUID.inLittleRoom
    }

    subscript(id: String) -> ContainerSummary? { byID[id] }

    /// The container of an instance. The outer `nil` means that nothing can be said, the inner that there is none.
    func container(ids: [String], uuid: String) -> ContainerSummary?? {
        guard isComplete else { return nil }
        for id in ids { if let container = byID[id] { return container } }
        guard !uuid.isEmpty, let candidates = idsByUUID[uuid] else { return .some(nil) }
        // Of several copies the living one is the instance; then the order of ids, so that it is always the same one.
        return candidates.compactMap { byID[$0] }.min { left, right in
            left.state.isAlive == right.state.isAlive ? left.id < right.id : left.state.isAlive
        }
    }

    /// Whether the container is the only one of its instance.
    func isOnly(_ container: ContainerSummary) -> Bool {
        !container.instanceUUID.isEmpty && idsByUUID[container.instanceUUID]?.count == 1
    }

    /// Whether a living container other than those of the instance mounts the path, or, for want of one, anything that
    /// the instance's own container mounts.
    func isMounted(_ path: String, byOthersThan uuid: String) -> Bool {
        let own = (idsByUUID[uuid] ?? []).compactMap { byID[$0]?.mountSources }.joined()
        let paths = path.isEmpty ? Set(own) : [path]
        return byID.values.contains { container in
            container.state.isAlive && container.instanceUUID != uuid
                && container.mountSources.contains(where: paths.contains)
        }
    }
}
