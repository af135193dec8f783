package import LosslessJSON

/// The memory of the host (PROTOCOL 10.4.4).
package struct MemoryInfo: Sendable, Hashable {
    /// What the kernel says, in bytes, by the kernel's names.
    private let figures: [String: Int]

    /// Reads `/proc/meminfo`; a line that cannot be read costs only its figure.
    package init(roots: HostRoots) {
        var figures: [String: Int] = [:]
        for line in HostFile.lines(roots.proc + "/meminfo") {
            let fields = line.split(separator: " ")
            guard fields.count >= 2, fields[0].hasSuffix(":"), let kibibytes = Int(fields[1]) else { continue }
            let (bytes, isTooMuch) = kibibytes.multipliedReportingOverflow(by: 1024)
            if kibibytes >= 0, !isTooMuch { figures[String(fields[0].dropLast())] = bytes }
        }
        self.figures = figures
    }

    /// In MiB; `nil` if it is not known.
    package var totalMiB: Int? { figures["MemTotal"].map { $0 >> 20 } }

    /// Whole MiB. What is not known is left out.
    package var json: JSON {
        var available = figures["MemAvailable"]
        if available == nil, let free = figures["MemFree"] {
            available = [figures["Buffers"], figures["Cached"]].reduce(free) { sum, more in
                let (total, isTooMuch) = sum.addingReportingOverflow(more ?? 0)
                return isTooMuch ? sum : total
            }
        }
        var swapUsed: Int?
        if let total = figures["SwapTotal"], let free = figures["SwapFree"] { swapUsed = max(0, total - free) }
        var object = JSONObject()
        for (key, bytes) in [
            ("memTotal", figures["MemTotal"]), ("memFree", figures["MemFree"]), ("memAvailable", available),
            ("buffers", figures["Buffers"]), ("cached", figures["Cached"]),
            // The name is the wire's: it has always been the swap that is in use.
            ("swapCached", swapUsed),
            ("active", figures["Active"]), ("inactive", figures["Inactive"]),
            // Both spellings, for servers and their pages know either (PROTOCOL 12.4 no. 98).
            ("swaptotal", figures["SwapTotal"]), ("swapfree", figures["SwapFree"]),
            ("swapTotal", figures["SwapTotal"]), ("swapFree", figures["SwapFree"]),
        ] {
            object.add(key, bytes.map { .integer($0 >> 20) })
        }
        return .object(object)
    }
}
