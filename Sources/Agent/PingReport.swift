internal import HostInfo
internal import LosslessJSON
internal import Model
internal import RancherAPI
internal import Runtime

/// What the answer to a ping says, made from values alone (PROTOCOL 10.2).
struct PingReport: Sendable {
    /// What identifies this host in dialect B; in dialect A the server does that itself.
    var uuids: HostUUIDs?
    private(set) var resources: [JSON] = []
    /// Whether all containers of the host are among the resources.
    private(set) var isComplete = false
    /// The same as long as the server has nothing new to store of the host; empty without the host (PROTOCOL 10.3).
    private(set) var digest = ""

    /// What is known about the host.
    struct KnownHost: Sendable {
        var hostname: String
        /// `nil` leaves the resource out: the server would store nonsense.
        var address: String?
        /// `nil` until the engine was met.
        var engine: EngineDescription?
        /// `nil` until it was collected for the first time.
        var snapshot: HostSnapshot?
        var cloudLabels: [String: String] = [:]
        var hasKVM = HostFacts.hasKVM()
    }

    /// Adds the host, its storage pool and its address.
    mutating func add(host facts: KnownHost, _ configuration: AgentConfiguration, stats: Bool) {
        var host = JSONObject()
        host.append("type", "host")
        host.append("kind", "docker")
        host.append("hostname", .string(facts.hostname))
        if let uuids {
            host.append("uuid", .string(uuids.dockerHost))
            host.append("physicalHostUuid", .string(uuids.physicalHost))
        } else if !configuration.nodeName.isEmpty {
            host.append("nodeName", .string(configuration.nodeName))
        }
        var hostLabels = configuration.hostLabels
        if uuids != nil {
            // Servers of 1.6 are told them without blanks around (PROTOCOL 1.3).
            hostLabels = Dictionary(
                hostLabels.sorted { $0.key < $1.key }.map { ($0.key.trimmingBlanks, $0.value.trimmingBlanks) },
                uniquingKeysWith: { first, _ in first })
        }
        let createLabels = hostLabels.merging(configuration.schedulerLabels) { _, scheduler in scheduler }
        if !createLabels.isEmpty { host.append("createLabels", JSON(createLabels)) }
        var labels = HostLabels.labels(
            engineVersion: facts.engine?.version ?? "",
            kernelVersion: facts.snapshot?.system.kernelVersion ?? HostFacts.kernelRelease(),
            agentImage: configuration.agentImage, cloud: facts.cloudLabels, hasKVM: facts.hasKVM)
        if uuids != nil { labels["io.rancher.host.os"] = "linux" }
        host.append("labels", JSON(labels))
        if !configuration.hostAPIProxy.isEmpty { host.append("apiProxy", .string(configuration.hostAPIProxy)) }
        let figures = stats ? facts.snapshot : nil
        for (key, number) in [
            ("memory", configuration.memoryOverride ?? figures?.memoryBytes),
            ("milliCpu", configuration.milliCPUOverride ?? figures?.milliCPU),
            ("localStorageMb", configuration.localStorageOverride ?? facts.snapshot?.freeStorageMiB),
        ] {
            if let number, number > 0 { host.append(key, .integer(number)) }
        }
        if uuids == nil, !configuration.physicalHostUUID.isEmpty {
            host.append("machineServiceRegistrationUuid", .string(configuration.physicalHostUUID))
        }
        var pool = JSONObject([.init(key: "type", value: "storagePool"), .init(key: "kind", value: "docker")])
        pool.append("name", .string("\(facts.hostname) Storage Pool"))
        if let uuids {
            pool.append("uuid", .string(uuids.dockerHost + "-pool"))
            pool.append("hostUuid", .string(uuids.dockerHost))
        }
        var rest = [pool]
        if let address = facts.address, !address.isEmpty {
            let text = JSON.string(address)
            var resource = JSONObject([.init(key: "type", value: "ipAddress"), .init(key: "uuid", value: text)])
            // The misspelled key is the one that old servers were sent (PROTOCOL 12.4 no. 92).
            resource.append("addresss", text)
            resource.append("address", text)
            if let uuids { resource.append("hostUuid", .string(uuids.dockerHost)) }
            rest.append(resource)
        }
        digest = Self.digest(([host] + rest).map(JSON.object))
        if let figures { host.append("info", figures.json(engine: .init(facts.engine))) }
        if let uuids {
            append([
                "type": "physicalHost", "kind": "physicalHost", "uuid": .string(uuids.physicalHost),
                "name": .string(facts.hostname),
            ])
        }
        for resource in [host] + rest { append(.object(resource)) }
    }

    private mutating func append(_ resource: JSON) {
        guard uuids != nil, case .object(var object) = resource else { return resources.append(resource) }
        // In dialect B on everything, and always empty.
        object.append("systemContainer", "")
        resources.append(.object(object))
    }

    /// Adds the containers of this host, all of them. Created ones are reported as well: the server takes those that it
    /// knows and does not find for gone (PROTOCOL 10.2).
    mutating func add(all containers: [ContainerSummary]) {
        resources.reserveCapacity(resources.count + containers.count)
        let type = JSONObject.Member(key: "type", value: "instance")
        let running = JSONObject.Member(key: "state", value: "running")
        let stopped = JSONObject.Member(key: "state", value: "stopped")
        if let uuids { append(["type": "hostUuid", "uuid": .string(uuids.dockerHost)]) }
        for container in containers {
            let state = container.state.isReportedRunning ? running : stopped
            if uuids != nil {
                append(.object(JSONObject([type, state] + Self.members(of: container))))
                continue
            }
            let id = JSONObject.Member(key: "externalId", value: .string(container.id))
            resources.append(.object(JSONObject([type, state, id])))
        }
        isComplete = true
    }

    /// What servers of dialect B are told of a container.
    private static func members(of container: ContainerSummary) -> [JSONObject.Member] {
        let name = container.name.isEmpty ? "no-uuid-\(container.id)" : container.name
        var members = [
            JSONObject.Member(
                key: "uuid", value: .string(container.instanceUUID.isEmpty ? name : container.instanceUUID)),
            JSONObject.Member(key: "dockerId", value: .string(container.id)),
        ]
        guard let details = container.details else { return members }
        if !details.image.isEmpty { members.append(.init(key: "image", value: .string(details.image))) }
        if !details.labels.isEmpty { members.append(.init(key: "labels", value: JSON(details.labels))) }
        if details.createdSeconds > 0 { members.append(.init(key: "created", value: .integer(details.createdSeconds))) }
        return members
    }

    /// FNV-1a of 64 bits over all texts, the only values that the server compares; in hexadecimal digits.
    private static func digest(_ resources: [JSON]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            // No byte of a text: what ends here cannot go on in the next.
            hash = (hash ^ 0xff) &* 0x0000_0100_0000_01b3
        }
        func add(_ value: JSON) {
            switch value {
            case .string(let text): add(text.utf8)
            case .object(let object):
                for member in object {
                    switch member.value {
                    case .string, .object, .array:
                        add(member.key.utf8)
                        add(member.value)
                    case .null, .bool, .number: break
                    }
                }
            case .array(let elements): for element in elements { add(element) }
            case .null, .bool, .number: break
            }
        }
        for resource in resources { add(resource) }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension HostSnapshot.Engine {
    fileprivate init(_ description: EngineDescription?) {
        self.init()
        guard let description else { return }
        storageDriver = description.storageDriver
        operatingSystem = description.operatingSystem
        version = description.version
        gitCommit = description.gitCommit
    }
}

extension ContainerState {
    /// How the server is told (PROTOCOL 10.2): a paused container counts as running, a restarting one as stopped.
    fileprivate var isReportedRunning: Bool {
        switch self {
        case .running, .paused: true
        case .created, .restarting, .removing, .exited, .dead: false
        }
    }
}
