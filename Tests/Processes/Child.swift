package import Foundation
import Synchronization

/// Why the harness itself could not go on. The text is for whoever reads the test's report.
package struct HarnessError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// How a process ended.
package enum Ending: Hashable, Sendable {
    case code(Int32)
    case signal(Int32)

    package init(waitStatus status: Int32) {
        let signal = status & 0x7F
        self = signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
    }
}

/// A process that the tests have started. None outlives them.
package final class Child: Sendable {
    package let pid: pid_t
    private let ending = Mutex<Ending?>(nil)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - input: The file that is its standard input.
    ///   - output: The file that standard output and standard error are appended to.
    package init(
        _ executable: String, _ arguments: [String], environment: [String: String], input: String = "/dev/null",
        output: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        Self.keepToOurselves()
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var pid: pid_t = 0
        let failure = posix_spawnp(&pid, executable, &actions, &attributes, &words, &settings)
        guard failure == 0 else {
            throw HarnessError("\(executable) cannot be started: \(String(cString: strerror(failure)))")
        }
        self.pid = pid
        Survivors.note(pid)
    }

    /// What the tests have open, sockets above all, is not the child's.
    private static func keepToOurselves() {
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for file in open.compactMap({ Int32($0) }) where file > 2 { _ = fcntl(file, F_SETFD, FD_CLOEXEC) }
    }

    /// How it ended; `nil` while it lives.
    package var ended: Ending? {
        ending.withLock { ending in
            if let ending { return ending }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            Survivors.forget(pid)
            ending = Ending(waitStatus: status)
            return ending
        }
    }

    package func signal(_ number: Int32) {
        // Reaped, the number may be another process's by now.
        guard ended == nil else { return }
        kill(pid, number)
    }

    package func end(within limit: Duration, _ what: String) async throws -> Ending {
        try await eventually("\(what) (process \(pid)) to end", within: limit) { self.ended }
    }

    /// Runs a program to its end.
    ///
    /// - Returns: How it ended, and all that it wrote.
    package static func run(
        _ executable: String, _ arguments: [String],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        within limit: Duration = .seconds(60)
    ) async throws -> (ending: Ending, output: String) {
        let file = NSTemporaryDirectory() + "output-" + UUID().uuidString
        defer { unlink(file) }
        let child = try Child(executable, arguments, environment: environment, output: file)
        defer { child.signal(SIGKILL) }
        let ending = try await child.end(within: limit, "\(executable) \(arguments.joined(separator: " "))")
        return (ending, (try? String(contentsOfFile: file, encoding: .utf8)) ?? "")
    }
}

/// The processes that were started and have not ended: killed when the tests end in whatever way they can notice.
private enum Survivors {
    private static let pids = Mutex<Set<pid_t>>([])
    private static let registered: Void = { _ = atexit { Survivors.killAll() } }()

    static func note(_ pid: pid_t) {
        _ = registered
        pids.withLock { _ = $0.insert(pid) }
    }

    static func forget(_ pid: pid_t) { pids.withLock { _ = $0.remove(pid) } }

    private static func killAll() {
        for pid in pids.withLock({ $0 }) { kill(pid, SIGKILL) }
    }
}

/// Waits until there is a value, and looks for it every few milliseconds. Nothing in these tests waits in another way.
@discardableResult
package func eventually<Value>(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(20), _ probe: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        if let value = try await probe() { return value }
        guard ContinuousClock.now < deadline else { throw HarnessError("waited \(limit) in vain for \(what())") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Waits until something is true.
package func untilTrue(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(20), _ probe: () async throws -> Bool
) async throws {
    try await eventually(what(), within: limit) { try await probe() ? true : nil }
}

/// Runs the body for each element, a few at a time, and returns the results in order.
package func atOnce<Element: Sendable, Result: Sendable>(
    _ elements: [Element], limit: Int = 256, _ body: @escaping @Sendable (Element) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var results: [Result?] = Array(repeating: nil, count: elements.count)
        for (index, element) in elements.enumerated() {
            if index >= limit, let (done, result) = try await group.next() { results[done] = result }
            group.addTask { (index, try await body(element)) }
        }
        for try await (done, result) in group { results[done] = result }
        return results.compactMap { $0 }
    }
}

extension Duration {
    package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
