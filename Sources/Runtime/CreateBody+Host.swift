import LosslessJSON
import Model

extension CreateBody {
    /// What of PROTOCOL 6.3 is no limit.
    static func settings(of container: ContainerSpecification, _ context: CreateContext, _ host: inout JSONObject) {
        host.put("Privileged", container.privileged)
        host.put("ReadonlyRootfs", container.readOnlyRoot)
        host.put("CapAdd", container.capabilitiesAdded)
        host.put("CapDrop", container.capabilitiesDropped)
        host.put("SecurityOpt", container.isolation.securityOptions)
        host.put("GroupAdd", container.isolation.additionalGroups)
        host.put("PidMode", container.isolation.processes)
        host.put("IpcMode", container.isolation.ipc)
        host.put("UTSMode", container.isolation.uts)
        host.put("UsernsMode", container.isolation.users)
        host.put("Cgroup", container.isolation.cgroup)
        if let runInit = container.runInit { host["Init"] = .bool(runInit) }
        if !container.restartPolicy.name.isEmpty {
            host["RestartPolicy"] = [
                "Name": .string(container.restartPolicy.name),
                "MaximumRetryCount": .integer(container.restartPolicy.maximumRetries),
            ]
        }
        host.put("Dns", container.dns)
        host.put("DnsSearch", searchDomains(container, context))
        host.put("DnsOptions", container.dnsOptions)
        host.put("ExtraHosts", container.extraHosts)
        host.put(
            "Devices",
            container.devices.map { device in
                [
                    "PathOnHost": .string(device.hostPath), "PathInContainer": .string(device.containerPath),
                    "CgroupPermissions": .string(device.permissions),
                ]
            })
        var log = JSONObject()
        log.put("Type", container.log.driver)
        log.put("Config", container.log.options)
        host.put("LogConfig", log)
        host.put("Tmpfs", container.tmpfs)
        host.put("Sysctls", container.sysctls)
        host.put("StorageOpt", container.storageOptions)
    }

    static func limits(of container: ContainerSpecification, _ context: CreateContext, _ host: inout JSONObject) {
        let limits = container.limits
        host.put("CpuShares", cpuShares(of: container))
        host.put("CpuPeriod", limits.cpuPeriod)
        host.put("CpuQuota", limits.cpuQuota)
        host.put("CpuRealtimePeriod", limits.cpuRealtimePeriod)
        host.put("CpuRealtimeRuntime", limits.cpuRealtimeRuntime)
        host.put("CpusetCpus", limits.cpuSet)
        host.put("CpusetMems", limits.memoryNodes)
        host.put("Memory", container.memory)
        host.put("MemorySwap", limits.memorySwap)
        host.put("MemoryReservation", limits.memoryReservation)
        if let percent = limits.memorySwappiness { host["MemorySwappiness"] = .integer(percent) }
        if context.supportsKernelMemory { host.put("KernelMemory", limits.kernelMemory) }
        if let isDisabled = limits.oomKillDisabled { host["OomKillDisable"] = .bool(isDisabled) }
        host.put("OomScoreAdj", limits.oomScoreAdjustment)
        host.put("PidsLimit", limits.processes)
        host.put("ShmSize", limits.sharedMemory)
        host.put("DiskQuota", limits.diskQuota)
        host.put("CgroupParent", limits.cgroupParent)
        host.put(
            "Ulimits",
            limits.ulimits.map {
                ["Name": .string($0.name), "Soft": .integer($0.soft), "Hard": .integer($0.hard)]
            })
        blockIO(container.blockIO, context, &host)
    }

    /// What the kernel's largest weight of 262144 shares stands for.
    private static let largestMilliCPU = 256_000

    /// Shares out of thousandths of a processor, at least the engine's minimum of 2; 0 if nothing was asked for.
    private static func cpuShares(of container: ContainerSpecification) -> Int {
        let milliCPU = min(container.milliCPUReservation, largestMilliCPU)
        let shares = milliCPU > 0 ? milliCPU * 1024 / 1000 : container.cpuShares
        return container.milliCPUReservation > 0 || shares > 0 ? max(2, shares) : 0
    }

    /// A limit of the default disk is left out when nobody knows which one that is.
    private static func blockIO(_ limits: BlockIOLimits, _ context: CreateContext, _ host: inout JSONObject) {
        host.put("BlkioWeight", limits.weight)
        let devices: [(path: String, limits: BlockIOLimits.Device)] = limits.devices.sorted { $0.key < $1.key }
            .compactMap { name, device in
                guard name == BlockIOLimits.defaultDisk else { return (name, device) }
                return context.defaultDisk.map { ($0, device) }
            }
        func put(_ list: String, _ member: String, _ value: KeyPath<BlockIOLimits.Device, Int>) {
            host.put(
                list,
                devices.compactMap { path, limits in
                    let number = limits[keyPath: value]
                    return number == 0 ? nil : ["Path": .string(path), member: .integer(number)]
                })
        }
        put("BlkioWeightDevice", "Weight", \.weight)
        put("BlkioDeviceReadBps", "Rate", \.readBytes)
        put("BlkioDeviceWriteBps", "Rate", \.writeBytes)
        put("BlkioDeviceReadIOps", "Rate", \.readOperations)
        put("BlkioDeviceWriteIOps", "Rate", \.writeOperations)
    }
}
