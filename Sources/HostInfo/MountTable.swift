/// The file systems of the host that are on a device of its own (PROTOCOL 10.4.2).
package struct MountTable: Sendable, Hashable {
    /// One device, and where it can be looked at.
    package struct Partition: Sendable, Hashable {
        package let device: String
        /// As paths of this process; the shortest first, for that is where the device itself is mounted, and not a part
        /// of it.
        package let paths: [String]
    }

    package let partitions: [Partition]

    /// A device may be mounted hundreds of times, once in each container; if that many refuse, the others will.
    private static let pathLimit = 3

    /// Reads the host's mount table, if its files can be looked at too, else our own. A line that cannot be read costs
    /// only itself.
    package init(roots: HostRoots) {
        let hostRoot = roots.hostRoot
        var lines = hostRoot.isEmpty ? [] : HostFile.lines(roots.proc + "/1/mounts")
        let prefix = lines.isEmpty ? "" : hostRoot
        if lines.isEmpty { lines = HostFile.lines(roots.proc + "/self/mounts") }
        let kinds = Self.kindsOnDevices(roots)
        var deviceOf: [String: String] = [:]
        var devices: [String] = []
        for line in lines {
            let fields = line.split(separator: " ")
            guard fields.count >= 3 else { continue }
            let (device, point) = (Self.unescaped(fields[0]), Self.unescaped(fields[1]))
            // What was mounted there before cannot be seen any more.
            deviceOf[point] = nil
            guard kinds.contains(fields[2]), device != "none", point.hasPrefix("/"), !Self.isDockerPool(device) else {
                continue
            }
            deviceOf[point] = device
            if !devices.contains(device) { devices.append(device) }
        }
        let points = Dictionary(grouping: deviceOf.keys) { deviceOf[$0] ?? "" }
        partitions = devices.compactMap { device in
            guard let points = points[device] else { return nil }
            let shortest = points.sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }.prefix(Self.pathLimit)
            return Partition(
                device: device, paths: shortest.map { $0 == "/" && !prefix.isEmpty ? prefix : prefix + $0 })
        }
    }

    /// File systems that need a device, and zfs, whose devices are its own matter.
    private static func kindsOnDevices(_ roots: HostRoots) -> Set<Substring> {
        var kinds: Set<Substring> = ["zfs"]
        for line in HostFile.lines(roots.proc + "/filesystems") where !line.hasPrefix("nodev") {
            if let kind = line.split(whereSeparator: \.isWhitespace).first { kinds.insert(kind) }
        }
        return kinds
    }

    /// `/dev/mapper/docker-253:0-1234-…`: a thin device of one container or image, or their pool.
    private static func isDockerPool(_ device: String) -> Bool {
        let prefix = "/dev/mapper/docker-"
        guard device.hasPrefix(prefix) else { return false }
        let parts = device.dropFirst(prefix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3 else { return false }
        let numbers = parts[0].split(separator: ":", omittingEmptySubsequences: false) + [parts[1]]
        return numbers.count == 3 && numbers.allSatisfy { UInt64($0) != nil }
    }

    /// The table writes blanks and the like as `\040`.
    static func unescaped(_ field: Substring) -> String {
        guard field.contains("\\") else { return String(field) }
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
