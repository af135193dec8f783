import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Synchronization
import Testing

/// One play: a simulated Rancher server, the real engine, perhaps a proxy before it, and the real agent.
final class Scene: Sendable {
    /// What may differ between plays.
    struct Setting: Sendable {
        /// The agent reaches the engine through a ``FaultProxy``.
        var isProxied = false
        /// Bounds every call to the engine.
        var deadlineSeconds: Int?
        var tls: RancherServer.TLS?
        /// Set before the agent is started.
        var faults = Faults()
        /// Starts the agent and waits until it has subscribed.
        var starts = true
        var environment: [String: String] = [:]
    }

    let server: RancherServer
    /// What the server speaks.
    var dialect: Dialect { server.dialect }
    let engine: Engine
    let agent: AgentProcess
    /// The directory of the play: state, home, sockets and log.
    let directory: String
    private let proxyOrNone: FaultProxy?
    private let uuids = Mutex<Set<String>>([])
    private let volumes = Mutex<Set<String>>([])

    var stateDirectory: String { directory + "/state" }

    /// The proxy of a play that has one.
    var proxy: FaultProxy {
        guard let proxyOrNone else { preconditionFailure("a play without a proxy") }
        return proxyOrNone
    }

    private init(_ setting: Setting, server: RancherServer) throws {
        self.server = server
        engine = try Engine.current()
        directory = NSTemporaryDirectory() + "rancher-it-" + UUID().uuidString.prefix(8)
        for name in ["state", "plugins"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
        }
        proxyOrNone =
            setting.isProxied ? try FaultProxy(socket: directory + "/engine.sock", engineSocket: engine.socket) : nil
        var environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
            "DOCKER_HOST": proxyOrNone?.host ?? "unix://\(engine.socket)",
            "CATTLE_STATE_DIR": directory + "/state",
            "CATTLE_HOME": directory + "/home",
            "CATTLE_STORAGE_PLUGIN_DIR": directory + "/plugins",
            "CATTLE_AGENT_IP": "127.0.0.1",
            // Nothing leaves this machine.
            "CATTLE_DETECT_CLOUD_PROVIDER": "false",
        ]
        if let seconds = setting.deadlineSeconds { environment["CATTLE_DOCKER_DEADLINE_SECONDS"] = String(seconds) }
        environment.merge(setting.environment) { _, given in given }
        agent = AgentProcess(
            arguments: ["--url", server.registrationURL], environment: environment, logFile: directory + "/agent.log")
    }

    /// Plays: everything is there when the body begins, and gone when it has ended in whatever way.
    static func play(
        in dialect: Dialect, _ setting: Setting = Setting(), _ body: (Scene) async throws -> Void
    ) async throws {
        _ = try Engine.current()
        try await RancherServer.withServer(dialect: dialect, tls: setting.tls) { server in
            var faults = setting.faults
            faults.registerCreatingPolls = 0
            server.faults = faults
            let scene = try Scene(setting, server: server)
            let result: Result<Void, any Error>
            do {
                if setting.starts { try await scene.start() }
                try await body(scene)
                result = .success(())
            } catch {
                Issue.record("\(error)\n\(scene.evidence)")
                result = .failure(error)
            }
            await scene.end()
            try result.get()
        }
    }

    /// Starts the agent and waits until it is there for the server.
    func start() async throws {
        let before = server.subscriptionsSoFar
        try agent.start()
        try await server.waitForSubscriber(after: before, timeout: .seconds(20))
    }

    /// Kills the agent at once and starts it again.
    func restart() async throws {
        try await agent.kill9()
        try await start()
    }

    private func end() async {
        agent.signal(SIGKILL)
        _ = try? await agent.waitForEnd(within: .seconds(10))
        proxyOrNone?.stop()
        try? await engine.removeAll(of: uuids.withLock { $0 })
        for volume in volumes.withLock({ $0 }) { try? await engine.removeVolume(volume) }
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// What may explain a failure.
    private var evidence: String {
        let ending = agent.ended.map { "the agent has ended: \($0)" } ?? "the agent lives"
        let lines = agent.log.split(separator: "\n")
        // A trace of a crash is longer than what is told of the log, and begins with what matters.
        let crash = lines.firstIndex { $0.contains("Program crashed") || $0.contains("*** ") }
        let trace = crash.map { lines[$0...].prefix(90).joined(separator: "\n") + "\n  ...\n" } ?? ""
        return "\(ending); the end of its log:\n\(trace)" + lines.suffix(60).joined(separator: "\n")
    }

    // MARK: Instances

    /// Stops at the first signal; `sleep` as the first process of a container would ignore it.
    static let obedient = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]

    /// An instance of its own, whose container is removed with the play.
    func instance(
        _ name: String, uuid: String = UUID().uuidString.lowercased(), command: [String]? = Scene.obedient,
        _ change: (inout InstanceEvents) -> Void = { _ in }
    ) -> InstanceEvents {
        var instance = InstanceEvents(
            dialect: dialect, id: "1i\(uuid.prefix(6))", uuid: uuid, name: name, image: Engine.image, command: command)
        change(&instance)
        uuids.withLock { _ = $0.insert(instance.uuid) }
        return instance
    }

    func instances(_ count: Int, _ name: String, command: [String]? = Scene.obedient) -> [InstanceEvents] {
        (1...count).map { instance("\(name)\($0)", command: command) }
    }

    /// The name of a volume that is removed with the play.
    func volume(_ name: String, suffix: String = String(UUID().uuidString.prefix(8).lowercased())) -> String {
        let name = "\(name)-\(suffix)"
        volumes.withLock { _ = $0.insert(name) }
        return name
    }

    // MARK: Events

    /// Sends an event and waits for its answer, which must be a success.
    @discardableResult
    func succeed(_ event: JSON, within limit: Duration = .seconds(30)) async throws -> Published {
        let reply = try await server.ask(event, timeout: limit)
        guard reply.outcome == .success else {
            throw HarnessError("\(event["name"].text ?? "") was answered with an error: \(reply.failure ?? "?")")
        }
        try confirmUse(of: reply, to: event)
        return reply
    }

    /// Sends an event and waits for its answer, which must be an error.
    ///
    /// - Returns: The error's text.
    @discardableResult
    func fail(_ event: JSON, within limit: Duration = .seconds(30)) async throws -> String {
        let reply = try await server.ask(event, timeout: limit)
        guard let failure = reply.failure else {
            throw HarnessError(
                "\(event["name"].text ?? "") was answered with success: \(reply.data.encodedText.prefix(400))")
        }
        return failure
    }

    /// Activates, and returns the instance as the server knows it then. What was answered is checked at the engine.
    func activate(_ instance: InstanceEvents, within limit: Duration = .seconds(30)) async throws -> InstanceEvents {
        let reply = try await succeed(instance.activate(), within: limit)
        let known = instance.learned(from: reply)
        try await confirm(known, runs: true)
        return known
    }

    func deactivate(_ instance: InstanceEvents) async throws {
        try await succeed(instance.deactivate(timeoutSeconds: 1))
        try await confirm(instance, runs: false)
    }

    func remove(_ instance: InstanceEvents) async throws {
        try await succeed(instance.remove())
        try await confirmGone(instance)
    }

    // MARK: Evidence

    /// The engine has exactly one container of the instance, the one that the server was told of, in that state.
    func confirm(_ instance: InstanceEvents, runs: Bool) async throws {
        let ids = try await engine.ids(of: instance.uuid)
        try #require(ids.count == 1, "containers of \(instance.name): \(ids)")
        if let id = instance.externalID { try #require(ids == [id], "\(instance.name) has another container") }
        let state = try await engine.state(ids[0])
        try #require((state == "running") == runs, "\(instance.name) is \(state ?? "gone")")
    }

    func confirmGone(_ instance: InstanceEvents) async throws {
        let ids = try await engine.ids(of: instance.uuid)
        try #require(ids.isEmpty, "containers of \(instance.name): \(ids)")
    }

    /// The server can make use of all that was answered.
    func confirmUse(of reply: Published, to event: JSON? = nil) throws {
        guard reply.objections.isEmpty else {
            throw HarnessError(
                """
                the server cannot use the answer to \(event?["name"].text ?? "a ping"): \(reply.objections); \
                \(reply.message.encodedText.prefix(2000))
                """)
        }
    }

    /// The answer is about an instance without a container.
    func confirmNothingShown(_ reply: Published, of instance: InstanceEvents) throws {
        try #require(reply.outcome == .success)
        switch dialect {
        case .rancher20: try #require(reply.instanceStatus == ["instanceUuid": .string(instance.uuid)])
        case .rancher16:
            let told = reply.mappedInstance
            try #require(told["+data"].object?["dockerInspect"] == JSON.null)
            try #require(told["externalId"].text == instance.externalID ?? "")
        }
    }

    /// However often an event was answered, it was always the same, byte for byte.
    func confirmOneAnswer(to event: JSON) throws {
        let answers = Set(server.replies(to: event.eventID).map(\.message.encodedText))
        try #require(answers.count == 1, "\(answers.count) different answers to \(event["name"].text ?? "")")
    }
}

extension JSON {
    /// Of an event.
    var eventID: String { self["id"].text ?? "" }
}

/// Sends pings all the time and measures how long each waits for its answer.
func withPings(_ scene: Scene, _ body: () async throws -> Void) async throws -> Pings {
    let isOver = Atomic(false)
    let server = scene.server
    // Podman starts a handful of processes for each call and keeps all processors busy with them.
    let limit = try await scene.engine.identity().product == .podman ? Duration.seconds(2) : .seconds(1)
    async let measured = Pings.measure(server, limit: limit) { isOver.load(ordering: .relaxed) }
    let result: Result<Void, any Error>
    do {
        try await body()
        result = .success(())
    } catch {
        result = .failure(error)
    }
    isOver.store(true, ordering: .relaxed)
    let pings = try await measured
    try result.get()
    return pings
}

/// How pings were answered.
struct Pings: Sendable, CustomStringConvertible {
    /// Within how long one is to be answered.
    let limit: Duration
    var count = 0
    var longest = Duration.zero
    private var late = 0

    /// Within the limit. The machine itself may stall once; whoever holds up pings does it more than once, or for long.
    var areTimely: Bool { count > 0 && late <= 1 && longest < limit * 3 }

    var description: String { "\(count) pings, the slowest answered after \(Int(longest.inSeconds * 1000)) ms" }

    private init(limit: Duration) {
        self.limit = limit
    }

    static func measure(
        _ server: RancherServer, limit: Duration, until isOver: @Sendable () -> Bool
    ) async throws -> Pings {
        var pings = Pings(limit: limit)
        while !isOver() {
            let ping = server.dialect.ping(resources: pings.count % 4 == 0, instances: true)
            let start = ContinuousClock.now
            guard server.send(event: ping) else { throw HarnessError("nobody is there to answer a ping") }
            let reply = try await server.waitForReply(to: ping.eventID, timeout: .seconds(15))
            let took = reply.arrival - start
            pings.longest = max(pings.longest, took)
            if took >= limit { pings.late += 1 }
            pings.count += 1
            try await Task.sleep(for: .milliseconds(100))
        }
        return pings
    }
}

extension FaultProxy {
    /// Waits until the fault has struck.
    func waitForFault(_ call: EngineCall, of subject: String? = nil) async throws {
        try await untilTrue("the fault in \(call)") {
            self.passages.contains {
                $0.call == call && $0.fault != nil && (subject == nil || $0.subject == subject)
            }
        }
    }
}
