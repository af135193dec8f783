package import Foundation
import Synchronization

/// What the kernel says of a process.
package struct ProcessMeter: Sendable {
    package let pid: pid_t

    package init(pid: pid_t) { self.pid = pid }

    package static let itself = ProcessMeter(pid: getpid())

    /// The processor time that it has used, in seconds.
    package var processorSeconds: Double {
        get throws {
            var clock = clockid_t()
            var time = timespec()
            guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
                throw HarnessError("process \(pid) has no processor clock")
            }
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
    }

    /// The memory that is its own and no file's, in MB (10^6 bytes).
    package var anonymousMegabytes: Double {
        get throws { try kilobytes("smaps_rollup", "Anonymous:") * 1024 / 1e6 }
    }

    /// All memory that it has in the machine, its share of files included, in MB.
    package var residentMegabytes: Double {
        get throws { try kilobytes("smaps_rollup", "Rss:") * 1024 / 1e6 }
    }

    package var threads: Int { get throws { Int(try kilobytes("status", "Threads:")) } }

    package var openFiles: Int {
        get throws { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count }
    }

    private func kilobytes(_ file: String, _ name: String) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/\(file)", encoding: .utf8)
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            if let value = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Double($0) }) {
                return value
            }
        }
        throw HarnessError("no \(name) in /proc/\(pid)/\(file)")
    }

    /// Runs the body and looks at the anonymous memory meanwhile, every 50 ms.
    ///
    /// - Returns: The most that was seen, in MB.
    package func peak(during body: () async throws -> Void) async throws -> Double {
        let most = Most()
        let meter = self
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    most.note((try? meter.anonymousMegabytes) ?? 0)
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            defer { group.cancelAll() }
            try await body()
        }
        return most.value
    }
}

/// The greatest of some numbers.
private final class Most: Sendable {
    private let most = Mutex(0.0)

    var value: Double { most.withLock { $0 } }

    func note(_ value: Double) { most.withLock { $0 = max($0, value) } }
}
