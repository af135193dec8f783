import Foundation
import LosslessJSON
import RancherSimulator
import Synchronization

/// A simulated Rancher server as a process of its own. Killed and started again it goes on from its journal, which is
/// also how the tests see what it has taken.
final class ServerProcess: Sendable {
    /// What an agent has said about an event.
    struct Message: Sendable {
        let body: JSON

        /// As the server keeps it, for comparisons.
        var text: String { body.encodedText }
        var isFinal: Bool { [nil, "no", "error"].contains(body["transitioning"].nonEmptyText) }
        /// The text of an error answer; `nil` for any other message.
        var failure: String? { body["transitioning"].text == "error" ? body["transitioningMessage"].text ?? "" : nil }
        /// The container that an activate or deactivate has led to.
        var containerID: String? {
            Published.instanceStatus(in: body)["externalId"].nonEmptyText
        }
    }

    private struct Journal {
        /// How much of the file has been read.
        var offset = 0
        var finals: [String: [Message]] = [:]
        var progress: [String: Int] = [:]
        var subscriptions = 0
        var sent = 0
        var objections: [String] = []
    }

    private struct Life {
        var child: Child
        /// The other end of its standard input.
        var input: Int32
    }

    private static let token = "ofTheTests"
    let dialect: Dialect
    let port: Int
    private let directory: String
    private let life = Mutex<Life?>(nil)
    private let journal = Mutex(Journal())

    /// - Parameter directory: For its journal, its output and its standard input.
    init(_ dialect: Dialect, directory: String) throws {
        self.dialect = dialect
        self.directory = directory
        port = try Self.lastingPort()
    }

    var registrationURL: String {
        let version =
            switch dialect {
            case .rancher20: "v3"
            case .rancher16: "v1"
            }
        return "http://127.0.0.1:\(port)/\(version)/scripts/\(Self.token)"
    }

    /// A port that stays free while the server is down: the system gives it to nobody who does not ask for it.
    private static func lastingPort() throws -> Int {
        for _ in 1...200 {
            let port = Int.random(in: 15_000..<32_000)
            if isFree(port) { return port }
        }
        throw HarnessError("no port below the ephemeral ones is free")
    }

    private static func isFree(_ port: Int) -> Bool { onLoopback(port) { bind($0, $1, $2) == 0 } }

    private var listens: Bool { Self.onLoopback(port) { connect($0, $1, $2) == 0 } }

    private static func onLoopback(
        _ port: Int, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) -> Bool {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    // MARK: Life

    func start() async throws {
        // A pipe of its own for each life: nobody shall read half a command that was meant for the one before.
        let pipe = "\(directory)/server-\(UUID().uuidString.prefix(8)).in"
        guard mkfifo(pipe, 0o600) == 0 else { throw HarnessError("no pipe at \(pipe)") }
        defer { unlink(pipe) }
        let input = open(pipe, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard input >= 0 else { throw HarnessError("the pipe \(pipe) cannot be opened") }
        let child = try Child(
            try AgentProcess.program("rancher-sim", namedBy: "RANCHER_SIM_BINARY"),
            [
                "serve", "--dialect", dialect.rawValue, "--port", String(port), "--token", Self.token, "--journal",
                directory + "/journal",
            ],
            environment: ProcessInfo.processInfo.environment, input: pipe, output: directory + "/server.log")
        life.withLock { $0 = Life(child: child, input: input) }
        try await untilTrue("the server to listen") {
            if let ending = child.ended { throw HarnessError("the server has ended: \(ending)\n\(self.log)") }
            return self.listens
        }
    }

    var log: String { (try? String(contentsOfFile: directory + "/server.log", encoding: .utf8)) ?? "" }

    func signal(_ number: Int32) { life.withLock { $0 }?.child.signal(number) }

    func kill9() async throws {
        guard
            let last = life.withLock({ life in
                defer { life = nil }
                return life
            })
        else { return }
        last.child.signal(SIGKILL)
        defer { close(last.input) }
        _ = try await last.child.end(within: .seconds(10), "the server")
    }

    // MARK: Events

    /// Has an event sent to the agents that are subscribed. Without an effect while the server is down.
    func send(_ event: JSON) throws {
        let line = Array("event \(event.encodedText)\n".utf8)
        try life.withLock { life in
            guard let life else { return }
            var sent = 0
            while sent < line.count {
                let count = line.withUnsafeBytes { write(life.input, $0.baseAddress! + sent, $0.count - sent) }
                if count > 0 {
                    sent += count
                    continue
                }
                var pipe = pollfd(fd: life.input, events: Int16(POLLOUT), revents: 0)
                guard poll(&pipe, 1, 30_000) > 0 else { throw HarnessError("the server does not read its commands") }
            }
        }
    }

    /// All final answers to an event that the server has taken, in order.
    func replies(to eventID: String) throws -> [Message] { try read { $0.finals[eventID] ?? [] } }

    func progress(for eventID: String) throws -> Int { try read { $0.progress[eventID] ?? 0 } }

    var subscriptionsSoFar: Int { get throws { try read { $0.subscriptions } } }

    /// How many events have left, repetitions included.
    var sentSoFar: Int { get throws { try read { $0.sent } } }

    /// How many final answers came, repetitions included.
    var answersSoFar: Int { get throws { try read { $0.finals.values.reduce(0) { $0 + $1.count } } } }

    /// What the server could not make use of in the answers.
    var objections: [String] { get throws { try read { $0.objections } } }

    func waitForReply(to eventID: String, within limit: Duration) async throws -> Message {
        try await eventually("the answer to event \(eventID)", within: limit) { try self.replies(to: eventID).first }
    }

    private func read<Value>(_ value: (Journal) -> Value) throws -> Value {
        try journal.withLock { journal in
            if let file = FileHandle(forReadingAtPath: directory + "/journal") {
                defer { try? file.close() }
                try file.seek(toOffset: UInt64(journal.offset))
                let bytes = Array(try file.readToEnd() ?? Data())
                // What is not a whole line yet is read when it is.
                let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
                for line in bytes[..<end].split(separator: UInt8(ascii: "\n")) {
                    Self.note(try JSON(parsing: Array(line)), in: &journal)
                }
                journal.offset += end
            }
            return value(journal)
        }
    }

    private static func note(_ entry: JSON, in journal: inout Journal) {
        if entry["subscribed"].text != nil { journal.subscriptions += 1 }
        if !entry["sent"].isNull { journal.sent += 1 }
        journal.objections += (entry["objections"].array ?? []).compactMap(\.text)
        let message = Message(body: entry["taken"])
        guard let event = message.body["previousId"].nonEmptyText ?? message.body["previousIds"][0].nonEmptyText else {
            return
        }
        if message.isFinal {
            journal.finals[event, default: []].append(message)
        } else {
            journal.progress[event, default: 0] += 1
        }
    }
}
