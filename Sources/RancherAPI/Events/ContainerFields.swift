import LosslessJSON
import Model

/// The bounds of what the engine can be asked for.
enum ContainerBounds {
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

/// The fields of a container that both dialects have under the same names (PROTOCOL 6).
struct ContainerFields {
    private let container: PayloadField

    /// - Parameter container: What has the fields as its members.
    init(_ container: PayloadField) { self.container = container }

    /// What they say. Members that are not named here are not used, and so cannot spoil the event.
    func specification() throws(UnusablePayload) -> ContainerSpecification {
        var specification = ContainerSpecification()
        try readProcess(&specification)
        specification.publishAllPorts = try container["publishAllPorts"].boolean()
        specification.dataVolumes = try dataVolumes()
        specification.tmpfs = try container["tmpfs"].textMap()
        try readHost(&specification)
        specification.memory = try container["memory"].integer(in: ContainerBounds.amount)
        specification.cpuShares = try container["cpuShares"].integer(in: ContainerBounds.amount)
        specification.limits = try limits()
        specification.blockIO = try blockIO()
        return specification
    }

    /// PROTOCOL 6.2.
    private func readProcess(_ specification: inout ContainerSpecification) throws(UnusablePayload) {
        specification.entryPoint = try container["entryPoint"].texts()
        specification.environment = try container["environment"].textMap()
        specification.labels = try container["labels"].textMap()
        specification.workingDirectory = try container["workingDir"].text()
        specification.user = try container["user"].text()
        specification.tty = try container["tty"].boolean()
        specification.openStandardInput = try container["stdinOpen"].boolean()
        specification.domainName = try container["domainName"].text()
        specification.stopSignal = try container["stopSignal"].text()
        specification.healthCheck.command = try container["healthCmd"].texts() ?? []
        specification.healthCheck.intervalSeconds = try container["healthInterval"].integer(in: ContainerBounds.seconds)
        specification.healthCheck.timeoutSeconds = try container["healthTimeout"].integer(in: ContainerBounds.seconds)
        specification.healthCheck.retries = try container["healthRetries"].integer(in: ContainerBounds.amount)
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
        limits.cpuPeriod = try container["cpuPeriod"].integer(in: ContainerBounds.amount)
        limits.cpuQuota = try container["cpuQuota"].integer(in: ContainerBounds.amountOrUnlimited)
        limits.memoryNodes = try container["cpuSetMems"].text()
        limits.memorySwap = try container["memorySwap"].integer(in: ContainerBounds.amountOrUnlimited)
        limits.memorySwappiness = try container["memorySwappiness"].optionalInteger(in: ContainerBounds.percent)
        limits.kernelMemory = try container["kernelMemory"].integer(in: ContainerBounds.amount)
        limits.oomKillDisabled = try container["oomKillDisable"].optionalBoolean()
        limits.oomScoreAdjustment = try container["oomScoreAdj"].integer(in: ContainerBounds.oomScore)
        limits.processes = try container["pidsLimit"].integer(in: ContainerBounds.amountOrUnlimited)
        limits.sharedMemory = try container["shmSize"].integer(in: ContainerBounds.amount)
        limits.diskQuota = try container["diskQuota"].integer(in: ContainerBounds.amount)
        limits.cgroupParent = try container["cgroupParent"].text()
        for element in try container["ulimits"].elements() ?? [] {
            let field = try element.object()
            let name = try field["name"].text()
            guard !name.isEmpty else { throw UnusablePayload(reason: "\(field.path).name: missing") }
            limits.ulimits.append(
                Ulimit(
                    name: name,
                    soft: try field["soft"].integer(in: ContainerBounds.amountOrUnlimited),
                    hard: try field["hard"].integer(in: ContainerBounds.amountOrUnlimited)))
        }
        return limits
    }

    private func blockIO() throws(UnusablePayload) -> BlockIOLimits {
        var limits = BlockIOLimits()
        limits.weight = try container["blkioWeight"].integer(in: ContainerBounds.weight)
        for (path, field) in try container["blkioDeviceOptions"].members() {
            let options = try field.object()
            limits.devices[path] = BlockIOLimits.Device(
                weight: try options["weight"].integer(in: ContainerBounds.weight),
                readOperations: try options["readIops"].integer(in: ContainerBounds.amount),
                writeOperations: try options["writeIops"].integer(in: ContainerBounds.amount),
                readBytes: try options["readBps"].integer(in: ContainerBounds.amount),
                writeBytes: try options["writeBps"].integer(in: ContainerBounds.amount))
        }
        return limits
    }
}
