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

extension ContainerSpecification: Codable {
    package init(from decoder: any Decoder) throws {
        self.init()
        let record = try decoder.container(keyedBy: CodingKeys.self)
        try record.read(.image, into: &image)
        try record.read(.command, into: &command)
        try record.read(.entryPoint, into: &entryPoint)
        try record.read(.environment, into: &environment)
        try record.read(.labels, into: &labels)
        try record.read(.workingDirectory, into: &workingDirectory)
        try record.read(.user, into: &user)
        try record.read(.tty, into: &tty)
        try record.read(.openStandardInput, into: &openStandardInput)
        try record.read(.hostname, into: &hostname)
        try record.read(.domainName, into: &domainName)
        try record.read(.stopSignal, into: &stopSignal)
        try record.read(.stopTimeoutSeconds, into: &stopTimeoutSeconds)
        try record.read(.stopsAtOnce, into: &stopsAtOnce)
        try record.read(.healthCheck, into: &healthCheck)
        try record.read(.network, into: &network)
        try record.read(.macAddress, into: &macAddress)
        try record.read(.links, into: &links)
        try record.read(.ports, into: &ports)
        try record.read(.publishAllPorts, into: &publishAllPorts)
        try record.read(.dataVolumes, into: &dataVolumes)
        try record.read(.volumesFrom, into: &volumesFrom)
        try record.read(.volumesFromInstances, into: &volumesFromInstances)
        try record.read(.tmpfs, into: &tmpfs)
        try record.read(.memory, into: &memory)
        try record.read(.cpuShares, into: &cpuShares)
        try record.read(.milliCPUReservation, into: &milliCPUReservation)
        try record.read(.limits, into: &limits)
        try record.read(.blockIO, into: &blockIO)
        try record.read(.dns, into: &dns)
        try record.read(.dnsSearch, into: &dnsSearch)
        try record.read(.dnsOptions, into: &dnsOptions)
        try record.read(.extraHosts, into: &extraHosts)
        try record.read(.privileged, into: &privileged)
        try record.read(.readOnlyRoot, into: &readOnlyRoot)
        try record.read(.capabilitiesAdded, into: &capabilitiesAdded)
        try record.read(.capabilitiesDropped, into: &capabilitiesDropped)
        try record.read(.isolation, into: &isolation)
        try record.read(.devices, into: &devices)
        try record.read(.log, into: &log)
        try record.read(.sysctls, into: &sysctls)
        try record.read(.storageOptions, into: &storageOptions)
        try record.read(.restartPolicy, into: &restartPolicy)
        try record.read(.runInit, into: &runInit)
    }
}

/// One published port of a container.
package struct PortBinding: Sendable, Hashable, Codable {
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

/// How a container is connected.
package enum NetworkMode: Sendable, Hashable, Codable {
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

/// Another instance that a container has to do with.
package struct RelatedInstance: Sendable, Hashable, Codable {
    package var uuid: String
    package var name: String
    /// Its container as the server knows it; empty if none.
    package var externalID: String

    package init(uuid: String, name: String = "", externalID: String = "") {
        self.uuid = uuid
        self.name = name
        self.externalID = externalID
    }

    /// How its container is found.
    package var identity: ContainerIdentity { ContainerIdentity(ids: [externalID], uuid: uuid, marks: .all) }

    /// The name that its container has if this agent makes it.
    package var containerName: String { InstanceSpecification(uuid: uuid, name: name).containerName }
}
