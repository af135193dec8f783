internal import FoundationEssentials
package import LosslessJSON

/// The processors of the host and how busy they are (PROTOCOL 10.4.1).
package struct CPUInfo: Sendable, Hashable {
    /// Logical processors that this process may use.
    package var count: Int
    package var modelName: String?
    package var mhz: Double?
    /// For each logical processor, over the time between two samples.
    package var percentages: [Double] = []
    /// Over 1, 5 and 15 minutes, as text.
    package var loadAverages: [String] = []

    /// Reads everything but the percentages, which take two samples.
    package init(roots: HostRoots, count: Int = ProcessInfo.processInfo.activeProcessorCount) {
        self.count = count
        var first: [String: String] = [:]
        for line in HostFile.lines(roots.proc + "/cpuinfo") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let key = Self.trimmed(parts[0])
            if first[key] == nil { first[key] = Self.trimmed(parts[1]) }
        }
        // Processors other than x86 name their model otherwise, or not at all.
        modelName = ["model name", "cpu model", "Processor", "cpu", "Hardware"].compactMap { first[$0] }
            .first { !$0.isEmpty }
        let highest = HostFile.text(roots.sys + "/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
        let kilohertz = highest.flatMap { Double(Self.trimmed($0[...])) }
        mhz = kilohertz.map { $0 / 1000 } ?? first["cpu MHz"].flatMap(Double.init)
        let load = HostFile.text(roots.proc + "/loadavg")?.split(separator: " ").prefix(3).compactMap { Double($0) }
        if let load, load.count == 3 { loadAverages = load.map(JSON.shortText) }
    }

    /// What is not known is left out.
    package var json: JSON {
        var object = JSONObject()
        object.append("count", .integer(count))
        object.add("modelName", modelName.map(JSON.string))
        object.add("mhz", mhz.map(JSON.decimal))
        object.append("cpuCoresPercentages", .array(percentages.map(JSON.decimal)))
        object.append("loadAvg", JSON(loadAverages))
        return .object(object)
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}

/// What each processor has done since the start of the machine.
package struct CPUTimes: Sendable, Hashable {
    struct Times: Sendable, Hashable {
        var busy: Double
        var idle: Double
    }

    /// By the number of the processor.
    let processors: [Int: Times]

    /// Reads `/proc/stat`; a line that cannot be read costs only its processor.
    package init(roots: HostRoots) {
        var processors: [Int: Times] = [:]
        for line in HostFile.lines(roots.proc + "/stat") where line.hasPrefix("cpu") {
            let fields = line.split(separator: " ")
            guard let number = Int(fields[0].dropFirst(3)) else { continue }
            let values = fields.dropFirst().map { Double($0) }
            // Old kernels have fewer columns than ten, never fewer than four.
            guard values.count >= 4, !values.contains(nil) else { continue }
            let times = values.compactMap { $0 }
            let idle = times[3]
            // All but idle counts as busy: waiting for a disk too, and the time of guests twice.
            processors[number] = Times(busy: times.prefix(10).reduce(0, +) - idle, idle: idle)
        }
        self.processors = processors
    }

    /// How busy each processor was since an earlier sample, from 0 to 100, in the order of their numbers.
    package func percentages(since earlier: CPUTimes) -> [Double] {
        processors.sorted { $0.key < $1.key }.map { number, now in
            guard let before = earlier.processors[number] else { return 0 }
            let busy = now.busy - before.busy
            guard busy > 0 else { return 0 }
            // The kernel takes idle time back now and then.
            return 100 * busy / (busy + max(0, now.idle - before.idle))
        }
    }
}
