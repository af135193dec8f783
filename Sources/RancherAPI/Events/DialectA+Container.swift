import LosslessJSON
import Model

/// The bounds of what the engine can be asked for.
private enum Bounds {
    /// Bytes, shares and the like.
    static let amount = 0...Int.max
    /// The same where -1 stands for "no limit".
    static let amountOrUnlimited = -1...Int.max
    /// The engine counts nanoseconds in 64 bits.
    static let seconds = 0...Int.max / 1_000_000_000
    /// 16 bits.
    static let weight = 0...65535
    static let percent = -1...100
    static let oomScore = -1000...1000
}

extension SyncRequest {
    /// What the first container is made of (PROTOCOL 6). Members that are not named here are not used, and so cannot
    /// spoil the event: `ports`, `networkMode`, `restartPolicy`, `healthCheck`, `data` and many more.
    func containerSpecification(uuid: String) throws(UnusablePayload) -> ContainerSpecification {
        var specification = ContainerSpecification()
        try readProcess(&specification)
        if !uuid.isEmpty { specification.labels[ContainerSummary.instanceLabel] = uuid }
        specification.network = try network()
        specification.ports = try ports()
        specification.publishAllPorts = try container["publishAllPorts"].boolean()
        specification.dataVolumes = try dataVolumes()
        specification.volumesFrom = (try container["dataVolumesFrom"].texts() ?? []).compactMap { externalIDs[$0] }
        specification.tmpfs = try container["tmpfs"].textMap()
        try readHost(&specification)
        specification.memory = try container["memory"].integer(in: Bounds.amount)
        specification.cpuShares = try container["cpuShares"].integer(in: Bounds.amount)
        specification.milliCPUReservation = try container["milliCpuReservation"].integer(in: Bounds.amount)
        specification.limits = try limits()
        specification.blockIO = try blockIO()
        return specification
    }

    /// PROTOCOL 6.2.
    private func readProcess(_ specification: inout ContainerSpecification) throws(UnusablePayload) {
        specification.image = try container["image"].text()
        specification.command = try container["command"].texts()
        specification.entryPoint = try container["entryPoint"].texts()
        specification.environment = try container["environment"].textMap()
        specification.labels = try container["labels"].textMap()
        specification.workingDirectory = try container["workingDir"].text()
        specification.user = try container["user"].text()
        specification.tty = try container["tty"].boolean()
        specification.openStandardInput = try container["stdinOpen"].boolean()
        specification.hostname = try container["hostname"].text()
        specification.domainName = try container["domainName"].text()
        specification.stopSignal = try container["stopSignal"].text()
        specification.stopTimeoutSeconds = try container["stopTimeout"].integer(in: Bounds.amountOrUnlimited)
        specification.healthCheck.command = try container["healthCmd"].texts() ?? []
        specification.healthCheck.intervalSeconds = try container["healthInterval"].integer(in: Bounds.seconds)
        specification.healthCheck.timeoutSeconds = try container["healthTimeout"].integer(in: Bounds.seconds)
        specification.healthCheck.retries = try container["healthRetries"].integer(in: Bounds.amount)
    }

    /// What of PROTOCOL 6.3 is no limit.
    private func readHost(_ specification: inout ContainerSpecification) throws(UnusablePayload) {
        specification.dns = try container["dns"].texts() ?? []
        specification.dnsSearch = try container["dnsSearch"].texts() ?? []
        specification.dnsOptions = try container["dnsOpt"].texts() ?? []
        specification.extraHosts = try container["extraHosts"].texts() ?? []
        specification.privileged = try container["privileged"].boolean()
        specification.readOnlyRoot = try container["readOnly"].boolean()
        specification.capabilitiesAdded = try container["capAdd"].texts() ?? []
        specification.capabilitiesDropped = try container["capDrop"].texts() ?? []
        specification.isolation.processes = try container["pidMode"].text()
        specification.isolation.ipc = try container["ipcMode"].text()
        specification.isolation.uts = try container["uts"].text()
        specification.isolation.users = try container["usernsMode"].text()
        specification.isolation.securityOptions = try container["securityOpt"].texts() ?? []
        specification.isolation.additionalGroups = try container["groupAdd"].texts() ?? []
        specification.devices = try devices()
        let log = try container["logConfig"].object()
        specification.log.driver = try log["driver"].text()
        specification.log.options = try log["config"].textMap()
        specification.sysctls = try container["sysctls"].textMap()
        specification.storageOptions = try container["storageOpt"].textMap()
    }

    /// PROTOCOL 6.8.
    private func network() throws(UnusablePayload) -> NetworkMode {
        let id = try container["primaryNetworkId"].text()
        guard !id.isEmpty else { return .bridge }
        let all = try request["networks"].elements() ?? []
        guard let network = all.first(where: { $0.value["id"].text == id }) else { return .bridge }
        switch try network["kind"].text() {
        case "host": return .host
        case "none": return .none
        case "cni": return .cni
        case "container": return .container(id: externalIDs[try container["networkContainerId"].text()])
        default: return .bridge
        }
    }

    /// PROTOCOL 6.7.
    private func ports() throws(UnusablePayload) -> [PortBinding] {
        var ports: [PortBinding] = []
        var seen: Set<PortBinding> = []
        for endpoint in try container["publicEndpoints"].elements() ?? [] {
            guard endpoint.value.object != nil else { throw endpoint.unusable("an object") }
            let privatePort = try endpoint["privatePort"].port()
            guard privatePort != 0 else { continue }
            let transport = try endpoint["protocol"].text().lowercased()
            let port = PortBinding(
                privatePort: privatePort,
                publicPort: try endpoint["publicPort"].port(),
                transport: transport.isEmpty ? "tcp" : transport,
                hostAddress: try endpoint["bindIpAddress"].text())
            if seen.insert(port).inserted { ports.append(port) }
        }
        return ports
    }

    /// Unlike in other lists a number is no text here: nobody mounts a volume at `5`.
    private func dataVolumes() throws(UnusablePayload) -> [String] {
        var volumes: [String] = []
        for element in try container["dataVolumes"].elements() ?? [] {
            guard case .string(let text) = element.value else { throw element.unusable("a text") }
            if !text.isEmpty { volumes.append(text) }
        }
        return volumes
    }

    /// `host`, `host:container` or `host:container:permissions` (PROTOCOL 6.3, 12.3 no. 31).
    private func devices() throws(UnusablePayload) -> [DeviceMapping] {
        var devices: [DeviceMapping] = []
        for element in try container["devices"].elements() ?? [] {
            let text = try element.text()
            if text.isEmpty { continue }
            let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard !parts[0].isEmpty else {
                throw UnusablePayload(reason: "\(element.path): \"\(text)\" names no device of the host")
            }
            devices.append(
                DeviceMapping(
                    hostPath: parts[0],
                    containerPath: parts.count > 1 && !parts[1].isEmpty ? parts[1] : parts[0],
                    permissions: parts.count > 2 && !parts[2].isEmpty ? parts[2] : "rwm"))
        }
        return devices
    }

    private func limits() throws(UnusablePayload) -> ResourceLimits {
        var limits = ResourceLimits()
        limits.cpuPeriod = try container["cpuPeriod"].integer(in: Bounds.amount)
        limits.cpuQuota = try container["cpuQuota"].integer(in: Bounds.amountOrUnlimited)
        limits.cpuSet = try container["cpuSetCpu"].text()
        limits.memoryNodes = try container["cpuSetMems"].text()
        limits.memoryReservation = try container["memoryReservation"].integer(in: Bounds.amount)
        limits.memorySwap = try container["memorySwap"].integer(in: Bounds.amountOrUnlimited)
        limits.memorySwappiness = try container["memorySwappiness"].optionalInteger(in: Bounds.percent)
        limits.kernelMemory = try container["kernelMemory"].integer(in: Bounds.amount)
        limits.oomKillDisabled = try container["oomKillDisable"].optionalBoolean()
        limits.oomScoreAdjustment = try container["oomScoreAdj"].integer(in: Bounds.oomScore)
        limits.processes = try container["pidsLimit"].integer(in: Bounds.amountOrUnlimited)
        limits.sharedMemory = try container["shmSize"].integer(in: Bounds.amount)
        limits.diskQuota = try container["diskQuota"].integer(in: Bounds.amount)
        limits.cgroupParent = try container["cgroupParent"].text()
        for element in try container["ulimits"].elements() ?? [] {
            let field = try element.object()
            let name = try field["name"].text()
            guard !name.isEmpty else { throw UnusablePayload(reason: "\(field.path).name: missing") }
            limits.ulimits.append(
                Ulimit(
                    name: name,
                    soft: try field["soft"].integer(in: Bounds.amountOrUnlimited),
                    hard: try field["hard"].integer(in: Bounds.amountOrUnlimited)))
        }
        return limits
    }

    private func blockIO() throws(UnusablePayload) -> BlockIOLimits {
        var limits = BlockIOLimits()
        limits.weight = try container["blkioWeight"].integer(in: Bounds.weight)
        for (path, field) in try container["blkioDeviceOptions"].members() {
            let options = try field.object()
            limits.devices[path] = BlockIOLimits.Device(
                weight: try options["weight"].integer(in: Bounds.weight),
                readOperations: try options["readIops"].integer(in: Bounds.amount),
                writeOperations: try options["writeIops"].integer(in: Bounds.amount),
                readBytes: try options["readBps"].integer(in: Bounds.amount),
                writeBytes: try options["writeBps"].integer(in: Bounds.amount))
        }
        return limits
    }
}
