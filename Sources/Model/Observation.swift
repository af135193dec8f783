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
    /// Its volumes without a name are not removed with it.
    package var keepsVolumes: Bool
    /// What only some servers want to be told; `nil` if nobody does.
    package var details: ContainerDetails?

    package init(
        id: String, name: String, state: ContainerState, instanceUUID: String, mountSources: [String] = [],
        keepsVolumes: Bool = false, details: ContainerDetails? = nil
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.instanceUUID = instanceUUID
        self.mountSources = mountSources
        self.keepsVolumes = keepsVolumes
        self.details = details
    }

    /// The label that ties a container to its instance (PROTOCOL 6.4).
    package static let instanceLabel = "io.rancher.container.agent.uuid"
    /// The label by which agents of the 1.6 line do so.
    package static let olderInstanceLabel = "io.rancher.container.uuid"
    /// The name of the container that this agent runs in, if it runs in one: nobody stops or removes that by an event.
    package static let agentName = "rancher-agent"

    /// The instance that a container belongs to, by its marks; empty for foreign containers.
    ///
    /// - Parameters:
    ///   - name: Without the leading slash. The oldest agents gave the uuid as the name.
    ///   - label: What the container has as a label, if anything.
    package static func instanceUUID(name: String, label: (String) -> String?) -> String {
        if let uuid = label(instanceLabel) ?? label(olderInstanceLabel), !uuid.isEmpty { return uuid }
        return isUUID(name) ? name : ""
    }

    /// 8-4-4-4-12 hexadecimal digits.
    private static func isUUID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.utf8.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(\.isHexDigit) }
    }
}

/// What the engine's list shows of a container besides.
package struct ContainerDetails: Sendable, Hashable {
    package var image: String
    package var labels: [String: String]
    /// Seconds since the Unix epoch.
    package var createdSeconds: Int

    package init(image: String, labels: [String: String], createdSeconds: Int) {
        self.image = image
        self.labels = labels
        self.createdSeconds = createdSeconds
    }
}

/// A container as an inspection showed it.
package struct InspectedContainer: Sendable, Hashable {
    package let id: String
    package let state: ContainerState
    package let instanceUUID: String
    /// When it was last started, in the engine's words; empty if never.
    package let startedAt: String
    /// Its volumes without a name are not removed with it.
    package let keepsVolumes: Bool
    /// All that the engine said.
    package let raw: JSON
    /// What its image exposes, such as `80/tcp`, where it does not run and only its image tells that from the ports of
    /// its own; otherwise `nil`.
    package var imagePorts: [String]?

    /// It is the container that this agent runs in.
    package var isAgents: Bool { raw["Name"].text == "/" + ContainerSummary.agentName }

    package init(
        id: String, state: ContainerState, instanceUUID: String, startedAt: String, keepsVolumes: Bool = false,
        raw: JSON
    ) {
        self.id = id
        self.state = state
        self.instanceUUID = instanceUUID
        self.startedAt = startedAt
        self.keepsVolumes = keepsVolumes
        self.raw = raw
    }

    /// Reads an inspection; `nil` if it has no id. An unknown state word counts by its `Running` flag.
    package init?(_ raw: JSON) {
        guard let id = raw["Id"].nonEmptyText else { return nil }
        let state = raw["State"]
        let started = state["StartedAt"].text ?? ""
        let label = { (name: String) in raw["Config"]["Labels"][name].text }
        let instanceUUID = ContainerSummary.instanceUUID(
            name: String((raw["Name"].text ?? "").drop { $0 == "/" }), label: label)
        self.init(
            id: id,
            state: state["Restarting"].boolean == true
                ? .restarting
                : ContainerState(rawValue: state["Status"].text ?? "")
                    ?? (state["Running"].boolean == true ? .running : .exited),
            instanceUUID: instanceUUID,
            startedAt: started.hasPrefix("0001-") ? "" : started,
            keepsVolumes: VolumeCleanup.keepsVolumes(instanceUUID: instanceUUID, label: label),
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
