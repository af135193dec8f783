import Foundation
import LosslessJSON
import RancherSimulator
import Synchronization
import Testing

/// The real agent, the real engine and a simulated server as a process, each of which but the engine can be killed at
/// any time.
final class KillGate: Sendable {
    let server: ServerProcess
    let engine: Engine
    let agent: AgentProcess
    let directory: String
    private let watch: Child
    private let ledger = Mutex(Ledger())

    private struct Ledger {
        var uuids: Set<String> = []
        var volumes: Set<String> = []
        /// All events that were ever asked.
        var events: [String] = []
    }

    var stateDirectory: String { directory + "/state" }

    private init(_ dialect: Dialect, directory: String, environment given: [String: String]) throws {
        self.directory = directory
        engine = try Engine.current()
        for name in ["state", "plugins"] {
            try FileManager.default.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
        }
        server = try ServerProcess(dialect, directory: directory)
        var environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
            "DOCKER_HOST": "unix://\(engine.socket)",
            "CATTLE_STATE_DIR": directory + "/state",
            "CATTLE_HOME": directory + "/home",
            "CATTLE_STORAGE_PLUGIN_DIR": directory + "/plugins",
            "CATTLE_AGENT_IP": "127.0.0.1",
            "CATTLE_DETECT_CLOUD_PROVIDER": "false",
            "TMPDIR": directory + "/tmp",
        ]
        environment.merge(given) { _, given in given }
        agent = AgentProcess(
            arguments: ["--url", server.registrationURL], environment: environment, logFile: directory + "/agent.log")
        watch = try Child(
            "docker",
            [
                "-H", "unix://\(engine.socket)", "events", "--since", "0", "--filter", "type=container", "--format",
                "{{.Action}} {{index .Actor.Attributes \"\(Engine.label)\"}}",
            ],
            environment: ProcessInfo.processInfo.environment, output: directory + "/containers.log")
    }

    /// Everything is there when the body begins, and gone when it has ended in whatever way.
    static func open(
        in dialect: Dialect, environment: [String: String] = [:], _ body: (KillGate) async throws -> Void
    ) async throws {
        let directory = NSTemporaryDirectory() + "rancher-kill-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: directory + "/tmp", withIntermediateDirectories: true)
        let gate = try KillGate(dialect, directory: directory, environment: environment)
        let result: Result<Void, any Error>
        do {
            try await gate.server.start()
            try await gate.startAgent()
            try await body(gate)
            result = .success(())
        } catch {
            Issue.record("\(error)\n\(await gate.evidence())")
            result = .failure(error)
        }
        gate.agent.signal(SIGCONT)
        gate.agent.signal(SIGKILL)
        _ = try? await gate.agent.waitForEnd(within: .seconds(10))
        gate.server.signal(SIGCONT)
        try? await gate.server.kill9()
        gate.watch.signal(SIGKILL)
        _ = try? await gate.watch.end(within: .seconds(10), "docker events")
        let ledger = gate.ledger.withLock { $0 }
        try? await gate.engine.removeAll(of: ledger.uuids)
        for volume in ledger.volumes { try? await gate.engine.removeVolume(volume) }
        try? FileManager.default.removeItem(atPath: directory)
        try result.get()
    }

    /// What may explain a failure.
    private func evidence() async -> String {
        let log = agent.log.split(separator: "\n").filter { !$0.hasSuffix("event repeated") }.suffix(80)
        let state = (try? await agent.command("state").output) ?? ""
        let ending = agent.ended.map { "the agent has ended: \($0)" } ?? "the agent lives"
        return "\(ending)\n\(state)\nthe end of its log:\n\(log.joined(separator: "\n"))"
    }

    /// Starts the agent and waits until it is there for the server.
    func startAgent() async throws {
        let before = try server.subscriptionsSoFar
        try agent.start()
        try await untilTrue("the agent to subscribe") { try self.server.subscriptionsSoFar > before }
    }

    // MARK: Instances

    func instance(
        _ name: String, command: [String] = Scene.obedient, _ change: (inout InstanceEvents) -> Void = { _ in }
    ) -> InstanceEvents {
        let uuid = UUID().uuidString.lowercased()
        var instance = InstanceEvents(
            dialect: server.dialect, id: "1i\(uuid.prefix(6))", uuid: uuid, name: name, image: Engine.image,
            command: command)
        change(&instance)
        ledger.withLock { _ = $0.uuids.insert(instance.uuid) }
        return instance
    }

    func volume(_ name: String) -> String {
        let name = "\(name)-\(UUID().uuidString.prefix(8).lowercased())"
        ledger.withLock { _ = $0.volumes.insert(name) }
        return name
    }

    // MARK: Events

    /// Sends an event, again and again as a server does that hears nothing, and waits for its answer, which must be a
    /// success.
    @discardableResult
    func succeed(_ event: JSON, every pause: Duration = .milliseconds(1500)) async throws -> ServerProcess.Message {
        ledger.withLock { $0.events.append(event.eventID) }
        let deadline = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < deadline {
            try server.send(event)
            let patience = ContinuousClock.now + pause
            while ContinuousClock.now < patience {
                if let reply = try server.replies(to: event.eventID).first {
                    guard let failure = reply.failure else { return reply }
                    throw HarnessError("\(event["name"].text ?? "") was answered with an error: \(failure)")
                }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        throw HarnessError("\(event["name"].text ?? "") (event \(event.eventID)) was not answered")
    }

    /// The server asks the same once more: the same answer has to come again.
    func confirmRepetition(of event: String, _ frame: JSON) async throws {
        let before = try server.replies(to: event).count
        try server.send(frame)
        try await untilTrue("the answer to \(event) again") { try self.server.replies(to: event).count > before }
    }

    // MARK: Evidence

    /// However often an event was answered, it was always the same, byte for byte.
    ///
    /// - Returns: The number of events, and of answers.
    func confirmOneAnswerEach() throws -> (events: Int, answers: Int) {
        let events = ledger.withLock { $0.events }
        for event in events {
            let answers = Set(try server.replies(to: event).map(\.text))
            if answers.count != 1 { throw HarnessError("\(answers.count) different answers to event \(event)") }
        }
        return (events.count, try server.answersSoFar)
    }

    var askedSoFar: Int { ledger.withLock { $0.events.count } }

    /// How often the engine has done what with the containers of an instance, by the engine's word.
    func history(of instance: InstanceEvents) -> [String: Int] {
        let lines = (try? String(contentsOfFile: directory + "/containers.log", encoding: .utf8)) ?? ""
        var counts: [String: Int] = [:]
        for line in lines.split(separator: "\n") where line.hasSuffix(instance.uuid) {
            let action = String(line.prefix { $0 != " " })
            // Podman's word for it.
            counts[action == "remove" ? "destroy" : action, default: 0] += 1
        }
        return counts
    }

    /// A life left nothing, and the engine has made one container for it, and has started it so often.
    func confirmLived(_ instance: InstanceEvents, starts: Int) async throws {
        let ids = try await engine.ids(of: instance.uuid)
        guard ids.isEmpty else { throw HarnessError("\(instance.name) has left \(ids)") }
        try await untilTrue("the engine to tell of the end of \(instance.name)") {
            self.history(of: instance)["destroy"] != nil
        }
        let history = history(of: instance)
        guard history["create"] == 1, history["destroy"] == 1, history["start"] == starts else {
            throw HarnessError("the containers of \(instance.name) were, by the engine's word: \(history)")
        }
    }

    /// Ends the agent and looks at what it leaves: nothing half done, nothing spoilt, no file that was on its way.
    func confirmRest() async throws {
        let ending = try await agent.terminate().ending
        let store = try StoreAtRest(stateDirectory: stateDirectory)
        #expect(try server.objections == [])
        #expect(ending == .code(0))
        #expect(store.integrity == "ok")
        #expect(store.underWay == [])
        #expect(store.openEvents == 0 && store.undeliveredAnswers == 0)
        #expect(store.quarantined == [])
        let files = try FileManager.default.subpathsOfDirectory(atPath: directory)
        let kept = files.filter { $0.hasPrefix("state/") || $0.hasPrefix("home/") || $0.hasPrefix("tmp/") }
            .filter { !$0.hasSuffix("/etc") && !$0.hasSuffix("/cattle") }
        #expect(
            Set(kept) == [
                "home/etc/cattle/api.crt", "state/.registration_token", "state/agent.db", "state/agent.lock",
            ])
        for word in ["the store failed", "put into quarantine"] { #expect(!agent.log.contains(word)) }
    }
}
