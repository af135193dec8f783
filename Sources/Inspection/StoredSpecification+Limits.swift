internal import LosslessJSON
internal import Model

// The parts of a container's specification that few containers have.

extension ContainerSpecification {
    /// Its limits and settings for programs. Options of the log driver are counted only, as tokens are often among them.
    var settingsJSON: [(String, JSON)] {
        [
            ("stopTimeoutSeconds", stopsAtOnce ? 0 : JSON(nonZero: stopTimeoutSeconds)),
            (
                "restartPolicy",
                restartPolicy.name.isEmpty
                    ? .null
                    : [
                        "name": .string(restartPolicy.name),
                        "maximumRetries": JSON(nonZero: restartPolicy.maximumRetries),
                    ]
            ),
            ("init", runInit.map { .bool($0) } ?? .null),
            ("healthCheck", healthCheck == HealthCheck() ? .null : JSON(healthCheck)),
            ("publishAllPorts", .bool(publishAllPorts)),
            ("tmpfs", JSON(tmpfs)),
            ("limits", JSON(limits)),
            ("blockIO", JSON(blockIO)),
            ("dnsOptions", JSON(dnsOptions)),
            (
                "isolation",
                [
                    "processes": JSON(nonEmpty: isolation.processes), "ipc": JSON(nonEmpty: isolation.ipc),
                    "uts": JSON(nonEmpty: isolation.uts), "users": JSON(nonEmpty: isolation.users),
                    "cgroup": JSON(nonEmpty: isolation.cgroup),
                    "securityOptions": JSON(isolation.securityOptions),
                    "additionalGroups": JSON(isolation.additionalGroups),
                ]
            ),
            ("devices", JSON(devices.map(\.words))),
            (
                "log",
                ["driver": JSON(nonEmpty: log.driver), "optionCount": .integer(log.options.count)]
            ),
            ("sysctls", JSON(sysctls)),
            ("storageOptions", JSON(storageOptions)),
        ]
    }

    /// The same in words, as far as it was asked for.
    var settingsWords: [(label: String, values: [String])] {
        var limitWords: [String] = []
        func add(_ name: String, _ value: Int, _ unit: String = "") {
            if value != 0 { limitWords.append("\(name) \(value == -1 ? "unlimited" : "\(value)\(unit)")") }
        }
        add("swap and memory", limits.memorySwap, " bytes")
        add("memory reservation", limits.memoryReservation, " bytes")
        add("kernel memory", limits.kernelMemory, " bytes")
        if let percent = limits.memorySwappiness { limitWords.append("swappiness \(percent) %") }
        if let isDisabled = limits.oomKillDisabled { limitWords.append("OOM kill \(isDisabled ? "off" : "on")") }
        // Here -1 is a number like any other.
        if limits.oomScoreAdjustment != 0 { limitWords.append("OOM score \(limits.oomScoreAdjustment)") }
        add("processes", limits.processes)
        add("shared memory", limits.sharedMemory, " bytes")
        add("disk quota", limits.diskQuota, " bytes")
        add("CPU period", limits.cpuPeriod, " µs")
        add("CPU quota", limits.cpuQuota, " µs")
        add("real-time period", limits.cpuRealtimePeriod, " µs")
        add("real-time runtime", limits.cpuRealtimeRuntime, " µs")
        if !limits.cpuSet.isEmpty { limitWords.append("CPUs \(limits.cpuSet)") }
        if !limits.memoryNodes.isEmpty { limitWords.append("memory nodes \(limits.memoryNodes)") }
        if !limits.cgroupParent.isEmpty { limitWords.append("in cgroup \(limits.cgroupParent)") }
        limitWords += limits.ulimits.map { "\($0.name) \($0.soft):\($0.hard)" }
        var diskWords: [String] = []
        if blockIO.weight != 0 { diskWords.append("weight \(blockIO.weight)") }
        diskWords += blockIO.devices.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value.words))" }
        return [
            ("Restarts", restartPolicy.words), ("First process", runInit.map { [$0 ? "init" : "its own"] } ?? []),
            ("Health check", healthCheck.words), ("Limits", limitWords), ("Disk limits", diskWords),
            ("Tmpfs", tmpfs.words), ("DNS options", dnsOptions), ("Shares", isolation.words),
            ("Security", isolation.securityOptions), ("Groups", isolation.additionalGroups),
            ("Devices", devices.map(\.words)), ("Log", log.words), ("Sysctls", sysctls.words),
            ("Storage", storageOptions.isEmpty ? [] : ["\(storageOptions.count) options (not shown)"]),
        ]
    }
}

extension JSON {
    fileprivate init(nonZero number: Int) { self = number == 0 ? .null : .integer(number) }

    fileprivate init(_ check: HealthCheck) {
        self = [
            "command": JSON(check.command), "intervalSeconds": JSON(nonZero: check.intervalSeconds),
            "timeoutSeconds": JSON(nonZero: check.timeoutSeconds), "retries": JSON(nonZero: check.retries),
        ]
    }

    fileprivate init(_ limits: ResourceLimits) {
        self = [
            "cpuPeriodMicroseconds": JSON(nonZero: limits.cpuPeriod),
            "cpuQuotaMicroseconds": JSON(nonZero: limits.cpuQuota),
            "cpuRealtimePeriodMicroseconds": JSON(nonZero: limits.cpuRealtimePeriod),
            "cpuRealtimeRuntimeMicroseconds": JSON(nonZero: limits.cpuRealtimeRuntime),
            "cpuSet": JSON(nonEmpty: limits.cpuSet), "memoryNodes": JSON(nonEmpty: limits.memoryNodes),
            "memoryReservationBytes": JSON(nonZero: limits.memoryReservation),
            "memorySwapBytes": JSON(nonZero: limits.memorySwap),
            "memorySwappinessPercent": limits.memorySwappiness.map { .integer($0) } ?? .null,
            "kernelMemoryBytes": JSON(nonZero: limits.kernelMemory),
            "oomKillDisabled": limits.oomKillDisabled.map { .bool($0) } ?? .null,
            "oomScoreAdjustment": JSON(nonZero: limits.oomScoreAdjustment),
            "processes": JSON(nonZero: limits.processes), "sharedMemoryBytes": JSON(nonZero: limits.sharedMemory),
            "diskQuotaBytes": JSON(nonZero: limits.diskQuota), "cgroupParent": JSON(nonEmpty: limits.cgroupParent),
            "ulimits": .array(
                limits.ulimits.map {
                    ["name": .string($0.name), "soft": .integer($0.soft), "hard": .integer($0.hard)]
                }),
        ]
    }

    fileprivate init(_ limits: BlockIOLimits) {
        let devices = limits.devices.sorted { $0.key < $1.key }.map { path, device -> JSON in
            [
                "device": .string(path), "weight": JSON(nonZero: device.weight),
                "readOperationsPerSecond": JSON(nonZero: device.readOperations),
                "writeOperationsPerSecond": JSON(nonZero: device.writeOperations),
                "readBytesPerSecond": JSON(nonZero: device.readBytes),
                "writeBytesPerSecond": JSON(nonZero: device.writeBytes),
            ]
        }
        self = ["weight": JSON(nonZero: limits.weight), "devices": .array(devices)]
    }
}

extension HealthCheck {
    fileprivate var words: [String] {
        var words = command.isEmpty ? [] : [command.line]
        if intervalSeconds != 0 { words.append("every \(intervalSeconds) s") }
        if timeoutSeconds != 0 { words.append("within \(timeoutSeconds) s") }
        if retries != 0 { words.append("\(retries) failures") }
        return words
    }
}

extension BlockIOLimits.Device {
    fileprivate var words: String {
        let parts = [
            ("weight", weight, ""), ("reads", readOperations, "/s"), ("writes", writeOperations, "/s"),
            ("read", readBytes, " bytes/s"), ("write", writeBytes, " bytes/s"),
        ]
        return parts.filter { $0.1 != 0 }.map { "\($0) \($1)\($2)" }.joined(separator: ", ")
    }
}

extension Isolation {
    fileprivate var words: [String] {
        [("processes", processes), ("IPC", ipc), ("host name", uts), ("users", users), ("cgroup", cgroup)]
            .filter { !$0.1.isEmpty }.map { "\($0) \($1)" }
    }
}

extension RestartPolicy {
    fileprivate var words: [String] {
        (name.isEmpty ? [] : [name]) + (maximumRetries == 0 ? [] : ["at most \(maximumRetries) times"])
    }
}

extension DeviceMapping {
    fileprivate var words: String { "\(hostPath):\(containerPath):\(permissions)" }
}

extension LogSettings {
    fileprivate var words: [String] {
        (driver.isEmpty ? [] : [driver]) + (options.isEmpty ? [] : ["\(options.count) options (not shown)"])
    }
}
