internal import LosslessJSON
package import Model
internal import Synchronization

/// The containers of this host as the observer knows them, for whoever needs the list at once: the ping.
package final class ContainerDirectory: Sendable {
    private struct State {
        var containers: [String: ContainerSummary] = [:] { didSet { sorted = nil } }
        /// The same in the order of their ids, as soon as somebody has asked for it.
        var sorted: [ContainerSummary]?
        var isComplete = false
        /// When the engine told that a container has ended, of those that have not started since.
        var ends: [String: ContinuousClock.Instant] = [:]
    }

    /// How long the end of a container counts for more than a list that shows it running. The engine tells of an end
    /// first, then takes apart what the container had, and only then does its list show it: on a busy host seconds later.
    static let patienceWithList = Duration.seconds(10)

    private let state = Mutex(State())

    package init() {}

    /// All containers by id, and whether that is all there are: without a living connection to the engine a missing
    /// one says nothing.
    package var contents: (containers: [ContainerSummary], isComplete: Bool) {
        state.withLock { state in
            let sorted = state.sorted ?? state.containers.values.sorted { $0.id < $1.id }
            state.sorted = sorted
            return (sorted, state.isComplete)
        }
    }

    /// Takes a list of all containers.
    ///
    /// - Returns: The same as far as it is believed, and whether that is all of it: otherwise the next list tells more.
    @discardableResult
    func replace(
        _ listed: [ContainerSummary], at now: ContinuousClock.Instant = .now
    ) -> (containers: [ContainerSummary], isBelieved: Bool) {
        state.withLock { state in
            state.ends = state.ends.filter { now - $0.value < Self.patienceWithList }
            var isBelieved = true
            let containers = listed.map { container in
                guard container.state == .running || container.state == .paused, state.ends[container.id] != nil
                else { return container }
                isBelieved = false
                var container = container
                container.state = .exited
                return container
            }
            state.containers = Dictionary(containers.map { ($0.id, $0) }) { _, last in last }
            state.isComplete = true
            return (containers, isBelieved)
        }
    }

    /// What the container is, as far as it is known.
    func state(of id: String) -> ContainerState? { state.withLock { $0.containers[id]?.state } }

    func lose() { state.withLock { $0.isComplete = false } }

    func remove(_ id: String) {
        state.withLock { state in
            state.containers[id] = nil
            state.ends[id] = nil
        }
    }

    /// Notes a change and returns the container as it is now.
    ///
    /// - Parameter isEnd: Whether the engine has told that its process has ended.
    func change(
        _ id: String, isEnd: Bool, at now: ContinuousClock.Instant = .now,
        _ change: (ContainerSummary?) -> ContainerSummary
    ) -> ContainerSummary {
        state.withLock { state in
            let changed = change(state.containers[id])
            state.containers[id] = changed
            if isEnd { state.ends[id] = now } else if changed.state == .running { state.ends[id] = nil }
            return changed
        }
    }
}

extension ContainerSummary {
    /// Reads an element of the engine's list.
    ///
    /// - Parameter withDetails: Whether anybody wants to know more than its state.
    init?(_ entry: JSON, withDetails: Bool = false) {
        guard let id = entry["Id"].nonEmptyText else { return nil }
        let names = (entry["Names"].array ?? []).compactMap(\.text).map {
            $0.hasPrefix("/") ? String($0.dropFirst()) : $0
        }
        // A name with a slash in it is a link's alias.
        let name = names.first { !$0.contains("/") } ?? names.first ?? ""
        let label = { (name: String) in entry["Labels"][name].text }
        let instanceUUID = ContainerSummary.instanceUUID(name: name, label: label)
        self.init(
            id: id,
            name: name,
            state: ContainerState(rawValue: entry["State"].text ?? "") ?? Self.state(fromStatus: entry["Status"].text),
            instanceUUID: instanceUUID,
            mountSources: (entry["Mounts"].array ?? []).compactMap { $0["Source"].nonEmptyText },
            keepsVolumes: VolumeCleanup.keepsVolumes(instanceUUID: instanceUUID, label: label),
            details: withDetails ? ContainerDetails(entry) : nil)
    }

    /// Engines that send no state word send a sentence.
    private static func state(fromStatus status: String?) -> ContainerState {
        guard let status, !status.isEmpty else { return .created }
        if status.hasPrefix("Up") { return status.contains("Paused") ? .paused : .running }
        if status.hasPrefix("Restarting") { return .restarting }
        return status == "Created" ? .created : .exited
    }
}

extension ContainerDetails {
    fileprivate init(_ entry: JSON) {
        var labels: [String: String] = [:]
        for member in entry["Labels"].object ?? JSONObject() { labels[member.key] = member.value.text ?? "" }
        self.init(
            image: entry["Image"].text ?? "", labels: labels, createdSeconds: entry["Created"].integer ?? 0)
    }
}
