package import LosslessJSON

/// The states of a container in the engine's own words.
package enum ContainerState: String, Sendable, Hashable, Recordable, CaseIterable {
    case created
    case running
    case paused
    case restarting
    case removing
    case exited
    case dead

    /// Whether processes of the container may be alive.
    package var isAlive: Bool {
        switch self {
        case .running, .paused, .restarting: true
        case .created, .removing, .exited, .dead: false
        }
    }
}

/// A container as the engine's list and event stream show it.
package struct ContainerSummary: Sendable, Hashable {
    package var id: String
    /// Without the leading slash.
    package var name: String
    package var state: ContainerState
    /// The instance that it belongs to, from the label `io.rancher.container.agent.uuid`; empty for foreign containers.
    package var instanceUUID: String
    /// The paths and volumes of the host that it mounts, as far as the engine's list told.
    package var mountSources: [String]

    package init(
        id: String, name: String, state: ContainerState, instanceUUID: String, mountSources: [String] = []
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.instanceUUID = instanceUUID
        self.mountSources = mountSources
    }

    /// The label that ties a container to its instance (PROTOCOL 6.4).
    package static let instanceLabel = "io.rancher.container.agent.uuid"
}

/// A container as an inspection showed it.
package struct InspectedContainer: Sendable, Hashable {
    package let id: String
    package let state: ContainerState
    package let instanceUUID: String
    /// When it was last started, in the engine's words; empty if never.
    package let startedAt: String
    /// All that the engine said.
    package let raw: JSON

    package init(id: String, state: ContainerState, instanceUUID: String, startedAt: String, raw: JSON) {
        self.id = id
        self.state = state
        self.instanceUUID = instanceUUID
        self.startedAt = startedAt
        self.raw = raw
    }

    /// Reads an inspection; `nil` if it has no id. An unknown state word counts by its `Running` flag.
    package init?(_ raw: JSON) {
        guard let id = raw["Id"].nonEmptyText else { return nil }
        let state = raw["State"]
        let started = state["StartedAt"].text ?? ""
        self.init(
            id: id,
            state: state["Restarting"].boolean == true
                ? .restarting
                : ContainerState(rawValue: state["Status"].text ?? "")
                    ?? (state["Running"].boolean == true ? .running : .exited),
            instanceUUID: raw["Config"]["Labels"][ContainerSummary.instanceLabel].text ?? "",
            startedAt: started.hasPrefix("0001-") ? "" : started,
            raw: raw)
    }
}

/// A volume as an inspection showed it.
package struct InspectedVolume: Sendable, Hashable {
    package let driver: String
    package let mountpoint: String

    package init(driver: String, mountpoint: String) {
        self.driver = driver
        self.mountpoint = mountpoint
    }

    /// The plug-in's sign that the volume now lives on another host (PROTOCOL 7.2).
    package var isMoved: Bool { mountpoint == "moved" }
}
