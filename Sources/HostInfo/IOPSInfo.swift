package import LosslessJSON

/// The results of the disk benchmark that an operator may have run: output of fio in `read.json` and `write.json`
/// (PROTOCOL 10.4.3).
package struct IOPSInfo: Sendable, Hashable {
    /// The path of the device that was measured, such as `/dev/sda`.
    package let device: String
    /// Operations in a second; `nil` if that was not measured.
    package let read: Double?
    package let write: Double?

    /// `nil` if there are no results. One that cannot be read costs only itself.
    package init?(stateDirectory: String) {
        let reading = Self.result("read", in: stateDirectory)
        let writing = Self.result("write", in: stateDirectory)
        guard let device = reading?.device ?? writing?.device else { return nil }
        self.device = device
        read = reading?.iops
        // Of another device it says nothing about this one.
        write = writing?.device == device ? writing?.iops : nil
    }

    /// `{"/dev/sda":{"read":…,"write":…}}`
    package var json: JSON {
        var figures = JSONObject()
        figures.add("read", read.map(JSON.decimal))
        figures.add("write", write.map(JSON.decimal))
        return .object(JSONObject([.init(key: device, value: .object(figures))]))
    }

    /// The device that limits without a device of their own are about, as `/dev/<name>` (PROTOCOL 6.3); `nil` without
    /// a benchmark.
    package static func defaultDisk(stateDirectory: String) -> String? {
        IOPSInfo(stateDirectory: stateDirectory)?.device
    }

    private static func result(_ kind: String, in directory: String) -> (device: String, iops: Double?)? {
        guard let bytes = HostFile.bytes("\(directory)/\(kind).json"),
            // The program may have written warnings before its results.
            let start = bytes.firstIndex(of: UInt8(ascii: "{")),
            let output = try? JSON(parsing: Array(bytes[start...])),
            let name = output["disk_util"][0]["name"].nonEmptyText,
            !name.contains(where: { $0.isWhitespace || $0 == "\"" })
        else { return nil }
        let iops = output["jobs"][0][kind]["iops"].double
        return (name.hasPrefix("/dev/") ? name : "/dev/" + name, iops.flatMap { $0.isFinite ? $0 : nil })
    }
}
