package import LosslessJSON

/// The disks of the host (PROTOCOL 10.4.2).
package struct DiskInfo: Sendable, Hashable {
    /// In the order of the mount table.
    package var usage: [(device: String, usage: FileSystemUsage)] { zip(devices, usages).map { ($0, $1) } }

    private var devices: [String] = []
    private var usages: [FileSystemUsage] = []

    package init() {}

    /// Asks for every partition; one that does not answer costs only itself.
    package init(roots: HostRoots, probe: FileSystemProbe) async {
        let partitions = MountTable(roots: roots).partitions
        var found: [String: FileSystemUsage] = [:]
        var turn = 0
        while true {
            let asked = partitions.filter { found[$0.device] == nil && $0.paths.indices.contains(turn) }
            guard !asked.isEmpty else { break }
            let answers = await probe.usage(of: asked.map { $0.paths[turn] })
            for partition in asked {
                guard let usage = answers[partition.paths[turn]] else { continue }
                found[partition.device] = usage
            }
            turn += 1
        }
        for partition in partitions {
            guard let usage = found[partition.device] else { continue }
            devices.append(partition.device)
            usages.append(usage)
        }
    }

    /// How much is free where the engine keeps its data, or in our working directory if that is not known, in MiB;
    /// `nil` if neither answers. The old agents counted kilobytes of the working directory (PROTOCOL 12.4 no. 94).
    ///
    /// - Parameters:
    ///   - directory: The engine's; empty if unknown.
    ///   - roots: Where the host's files are, the engine's directory among them.
    ///   - probe: Asks the file systems, and gives up those that hang.
    package static func freeMiB(in directory: String, roots: HostRoots, probe: FileSystemProbe) async -> Int? {
        let paths = directory.isEmpty ? ["."] : [roots.hostRoot + directory, "."]
        let answers = await probe.usage(of: paths)
        return paths.compactMap { answers[$0] }.first.map { $0.free >> 20 }
    }

    /// Whole MiB, by device.
    package func json(storageDriver: String) -> JSON {
        var fileSystems = JSONObject()
        var mountPoints = JSONObject()
        for (device, usage) in usage {
            fileSystems.append(device, ["capacity": .integer(usage.total >> 20)])
            let share = usage.total > 0 ? 100 * Double(usage.used) / Double(usage.total) : 0
            mountPoints.append(
                device,
                [
                    "free": .integer(usage.free >> 20), "total": .integer(usage.total >> 20),
                    "used": .integer(usage.used >> 20), "percentage": .decimal(share),
                ])
        }
        return [
            "fileSystems": .object(fileSystems), "mountPoints": .object(mountPoints),
            "dockerStorageDriver": .string(storageDriver), "dockerStorageDriverStatus": [:],
        ]
    }
}
