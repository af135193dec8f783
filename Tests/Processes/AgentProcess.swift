package import Foundation
import Synchronization

/// The real agent, as a process of its own.
package final class AgentProcess: Sendable {
    package let arguments: [String]
    package let environment: [String: String]
    /// Standard output and error of all its lives.
    package let logFile: String
    private let child = Mutex<Child?>(nil)

    package init(arguments: [String], environment: [String: String], logFile: String) {
        self.arguments = arguments
        self.environment = environment
        self.logFile = logFile
    }

    /// The binary that is tested: named by RANCHER_AGENT_BINARY, or else the one beside the tests.
    package static func binary() throws -> String { try program("rancher-agent", namedBy: "RANCHER_AGENT_BINARY") }

    /// A program of this package: named by a variable of the environment, or else the one beside the tests.
    package static func program(_ name: String, namedBy variable: String) throws -> String {
        if let named = ProcessInfo.processInfo.environment[variable], !named.isEmpty { return named }
        let itself = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let candidates =
            [Bundle.main.bundlePath, (itself as NSString).deletingLastPathComponent]
            + CommandLine.arguments.map { ($0 as NSString).deletingLastPathComponent } + [".build/debug"]
        for directory in candidates {
            let path = "\(directory)/\(name)"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw HarnessError("the program \(name) is neither beside the tests nor named by \(variable)")
    }

    // MARK: Life

    package func start() throws {
        let started = try Child(try Self.binary(), arguments, environment: environment, output: logFile)
        child.withLock { $0 = started }
    }

    private var current: Child {
        get throws {
            guard let child = child.withLock({ $0 }) else { throw HarnessError("the agent was not started") }
            return child
        }
    }

    package var pid: pid_t { get throws { try current.pid } }

    /// How it ended; `nil` while it lives.
    package var ended: Ending? { child.withLock { $0 }?.ended }

    package func signal(_ number: Int32) { child.withLock { $0 }?.signal(number) }

    /// Takes the power away.
    package func kill9() async throws {
        signal(SIGKILL)
        try await waitForEnd(within: .seconds(10))
    }

    /// Asks it to end.
    ///
    /// - Returns: How it ended, and how long that took.
    package func terminate(within limit: Duration = .seconds(20)) async throws -> (ending: Ending, took: Duration) {
        let start = ContinuousClock.now
        signal(SIGTERM)
        let ending = try await waitForEnd(within: limit)
        return (ending, .now - start)
    }

    package func restart() async throws {
        try await kill9()
        try start()
    }

    @discardableResult
    package func waitForEnd(within limit: Duration) async throws -> Ending {
        try await current.end(within: limit, "the agent")
    }

    // MARK: Its log

    package var log: String { (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? "" }

    package func waitForLog(_ text: String, within limit: Duration = .seconds(20)) async throws {
        try await untilTrue("\"\(text)\" in the agent's log", within: limit) { self.log.contains(text) }
    }

    /// Waits until the agent has written these events down: from then on they are its business.
    package func waitForAcceptance(of events: [String], within limit: Duration = .seconds(20)) async throws {
        try await untilTrue("the agent to accept \(events.count) events", within: limit) {
            let accepted = self.log.split(separator: "\n").filter { $0.contains("event accepted") }
            return events.allSatisfy { id in accepted.contains { $0.contains(id) } }
        }
    }

    /// A one-shot command of the same binary in the same environment.
    package func command(_ arguments: String...) async throws -> (ending: Ending, output: String) {
        try await Child.run(try Self.binary(), arguments, environment: environment)
    }
}
