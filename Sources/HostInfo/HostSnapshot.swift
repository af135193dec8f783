package import LosslessJSON

/// All that is told about the host in a ping, as it was at one moment (PROTOCOL 10.4).
package struct HostSnapshot: Sendable, Hashable {
    package var cpu: CPUInfo
    package var memory: MemoryInfo
    package var disk = DiskInfo()
    package var iops: IOPSInfo?
    package var system: OSInfo
    package var key: HostKey?
    /// In MiB, of the file system that the engine keeps its data on; `nil` if unknown.
    package var freeStorageMiB: Int?

    /// Reads what can be read at once.
    package init(roots: HostRoots, stateDirectory: String) {
        cpu = CPUInfo(roots: roots)
        memory = MemoryInfo(roots: roots)
        iops = IOPSInfo(stateDirectory: stateDirectory)
        system = OSInfo(roots: roots)
    }

    /// In bytes; `nil` if unknown.
    package var memoryBytes: Int? { memory.totalMiB.map { $0 << 20 } }

    package var milliCPU: Int { cpu.count * 1000 }

    /// What the engine adds.
    package struct Engine: Sendable, Hashable {
        package var storageDriver = ""
        package var operatingSystem = ""
        package var version = ""
        package var gitCommit = ""

        package init() {}

        /// `Docker version 28.2.2, build e6534b4`
        var versionText: String {
            guard !version.isEmpty else { return "unknown" }
            return "Docker version \(version), build \(gitCommit.isEmpty ? "unknown" : gitCommit)"
        }
    }

    /// The value of `info`.
    package func json(engine: Engine) -> JSON {
        [
            "cpuInfo": cpu.json,
            "memoryInfo": memory.json,
            "diskInfo": disk.json(storageDriver: engine.storageDriver),
            "iopsInfo": iops?.json ?? [:],
            "osInfo": [
                "operatingSystem": .string(engine.operatingSystem.isEmpty ? system.name : engine.operatingSystem),
                "kernelVersion": .string(system.kernelVersion), "dockerVersion": .string(engine.versionText),
            ],
            "hostKey": key?.json ?? [:],
            "cloudProvider": nil,
        ]
    }
}
