package import LosslessJSON

/// What a container is made of, apart from its name: the part of a request that is turned into the create call
/// (PROTOCOL 6). Empty texts, lists and maps, `false` and 0 are "not asked for": the engine's own default holds.
package struct ContainerSpecification: Sendable, Hashable {
    package var image = ""
    /// `nil` takes the image's command.
    package var command: [String]?
    /// `nil` takes the image's entry point, an empty list none at all.
    package var entryPoint: [String]?
    package var environment: [String: String] = [:]
    package var labels: [String: String] = [:]
    package var workingDirectory = ""
    package var user = ""
    package var tty = false
    package var openStandardInput = false
    package var hostname = ""
    package var domainName = ""
    package var stopSignal = ""
    /// What the engine's own stops wait before the kill; -1 for ever, 0 for the engine's default.
    package var stopTimeoutSeconds = 0
    /// The engine's own stops kill at once: a wait of 0 was asked for, which is not the default.
    package var stopsAtOnce = false
    package var healthCheck = HealthCheck()
    package var network = NetworkMode.bridge
    /// Of the container's own interface; empty lets the engine choose.
    package var macAddress = ""
    /// Containers that are known by another name inside: `container:name`.
    package var links: [String] = []
    package var ports: [PortBinding] = []
    /// Every port that the image exposes gets one of the host.
    package var publishAllPorts = false
    /// As written: `/path`, `source:/path` or `source:/path:mode`.
    package var dataVolumes: [String] = []
    /// Containers whose volumes are mounted too, by container id.
    package var volumesFrom: [String] = []
    /// The same by instance: their containers are looked for when this one is created, and skipped if there are none.
    package var volumesFromInstances: [RelatedInstance] = []
    /// File systems in memory: the mount options by path.
    package var tmpfs: [String: String] = [:]
    /// Bytes; 0 for no limit.
    package var memory = 0
    /// Relative weight; 0 for the engine's default.
    package var cpuShares = 0
    /// Thousandths of a processor, turned into shares; takes precedence over ``cpuShares`` unless 0.
    package var milliCPUReservation = 0
    package var limits = ResourceLimits()
    package var blockIO = BlockIOLimits()
    package var dns: [String] = []
    package var dnsSearch: [String] = []
    package var dnsOptions: [String] = []
    package var extraHosts: [String] = []
    package var privileged = false
    package var readOnlyRoot = false
    package var capabilitiesAdded: [String] = []
    package var capabilitiesDropped: [String] = []
    package var isolation = Isolation()
    package var devices: [DeviceMapping] = []
    package var log = LogSettings()
    package var sysctls: [String: String] = [:]
    /// For the storage driver of the engine.
    package var storageOptions: [String: String] = [:]
    package var restartPolicy = RestartPolicy()
    /// A small first process that reaps the others; `nil` for the engine's default.
    package var runInit: Bool?

    package init() {}
}

extension ContainerSpecification: Recorded {
    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("image", &image)
        try record.member("command", &command)
        try record.member("entryPoint", &entryPoint)
        try record.member("environment", &environment)
        try record.member("labels", &labels)
        try record.member("workingDirectory", &workingDirectory)
        try record.member("user", &user)
        try record.member("tty", &tty)
        try record.member("openStandardInput", &openStandardInput)
        try record.member("hostname", &hostname)
        try record.member("domainName", &domainName)
        try record.member("stopSignal", &stopSignal)
        try record.member("stopTimeoutSeconds", &stopTimeoutSeconds)
        try record.member("stopsAtOnce", &stopsAtOnce)
        try record.member("healthCheck", &healthCheck)
        try record.member("network", &network)
        try record.member("macAddress", &macAddress)
        try record.member("links", &links)
        try record.member("ports", &ports)
        try record.member("publishAllPorts", &publishAllPorts)
        try record.member("dataVolumes", &dataVolumes)
        try record.member("volumesFrom", &volumesFrom)
        try record.member("volumesFromInstances", &volumesFromInstances)
        try record.member("tmpfs", &tmpfs)
        try record.member("memory", &memory)
        try record.member("cpuShares", &cpuShares)
        try record.member("milliCPUReservation", &milliCPUReservation)
        try record.member("limits", &limits)
        try record.member("blockIO", &blockIO)
        try record.member("dns", &dns)
        try record.member("dnsSearch", &dnsSearch)
        try record.member("dnsOptions", &dnsOptions)
        try record.member("extraHosts", &extraHosts)
        try record.member("privileged", &privileged)
        try record.member("readOnlyRoot", &readOnlyRoot)
        try record.member("capabilitiesAdded", &capabilitiesAdded)
        try record.member("capabilitiesDropped", &capabilitiesDropped)
        try record.member("isolation", &isolation)
        try record.member("devices", &devices)
        try record.member("log", &log)
        try record.member("sysctls", &sysctls)
        try record.member("storageOptions", &storageOptions)
        try record.member("restartPolicy", &restartPolicy)
        try record.member("runInit", &runInit)
    }
}

/// One published port of a container.
package struct PortBinding: Sendable, Hashable {
    package var privatePort: Int
    /// The port on the host; 0 lets the engine choose.
    package var publicPort: Int
    /// `tcp`, `udp` or `sctp`.
    package var transport: String
    /// The address on the host; empty for all.
    package var hostAddress: String

    package init(privatePort: Int, publicPort: Int, transport: String, hostAddress: String) {
        self.privatePort = privatePort
        self.publicPort = publicPort
        self.transport = transport
        self.hostAddress = hostAddress
    }
}

extension PortBinding: Recorded {
    package init() { self.init(privatePort: 0, publicPort: 0, transport: "", hostAddress: "") }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("privatePort", &privatePort)
        try record.member("publicPort", &publicPort)
        try record.member("transport", &transport)
        try record.member("hostAddress", &hostAddress)
    }
}

/// How a container is connected.
package enum NetworkMode: Sendable, Hashable {
    /// The engine's default, a bridge.
    case bridge
    case host
    case none
    /// The network is put in place by a CNI plug-in after the start; the engine gives none.
    case cni
    /// Shares the network of another container; `nil` when the server named one that has no container yet.
    case container(id: String?)
    /// Shares the network of another instance's container, which is looked for when this one is created.
    case instance(RelatedInstance)
}

extension NetworkMode: Recordable {
    package var recorded: JSON {
        switch self {
        case .bridge: .alternative("bridge")
        case .host: .alternative("host")
        case .none: .alternative("none")
        case .cni: .alternative("cni")
        case .container(let id?): .alternative("container", JSONObject([.init(key: "id", value: .string(id))]))
        case .container(nil): .alternative("container")
        case .instance(let other): .alternative("instance", other.recorded.object ?? JSONObject())
        }
    }

    package var saysNothing: Bool { self == .bridge }

    package init(recorded: JSON) throws(RecordError) {
        let (name, content) = try recorded.alternative
        switch name {
        case "bridge": self = .bridge
        case "host": self = .host
        case "none": self = .none
        case "cni": self = .cni
        case "container": self = .container(id: content["id"].text)
        case "instance": self = .instance(try RelatedInstance(recorded: content))
        default: throw RecordError("\(name) is not known here")
        }
    }
}
