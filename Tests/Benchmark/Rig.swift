import Foundation
import LosslessJSON
import Processes
import RancherSimulator
import Store

/// A simulated server and the real agent beside an engine.
final class Rig {
    let server: RancherServer
    let answers: Answers
    let agent: AgentProcess
    private let directory: String
    var stateDirectory: String { directory + "/state" }

    private init(server: RancherServer, engineSocket: String) throws {
        self.server = server
        answers = Answers(server)
        directory = NSTemporaryDirectory() + "rancher-bench-" + UUID().uuidString.prefix(8)
        for name in ["state", "plugins"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
        }
        agent = AgentProcess(
            arguments: ["--url", server.registrationURL],
            environment: [
                "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                "DOCKER_HOST": "unix://\(engineSocket)",
                "CATTLE_STATE_DIR": directory + "/state",
                "CATTLE_HOME": directory + "/home",
                "CATTLE_STORAGE_PLUGIN_DIR": directory + "/plugins",
                "CATTLE_AGENT_IP": "127.0.0.1",
                "CATTLE_DETECT_CLOUD_PROVIDER": "false",
            ], logFile: directory + "/agent.log")
    }

    /// Runs the body with a rig whose agent has subscribed; everything is gone after it.
    static func run(engineSocket: String, _ body: (Rig) async throws -> Void) async throws {
        try await RancherServer.withServer { server in
            server.setFaults { $0.registerCreatingPolls = 0 }
            let rig = try Rig(server: server, engineSocket: engineSocket)
            defer { try? FileManager.default.removeItem(atPath: rig.directory) }
            do {
                try await rig.answers.listening {
                    try await rig.start()
                    try await body(rig)
                }
            } catch {
                print("the end of the agent's log:\n" + rig.agent.log.suffix(2000))
                rig.agent.signal(SIGKILL)
                throw error
            }
            try await rig.agent.kill9()
        }
    }

    /// Starts the agent.
    ///
    /// - Returns: How long it took until it had subscribed, in seconds.
    @discardableResult
    func start() async throws -> Double {
        let before = server.subscriptionsSoFar
        let start = ContinuousClock.now
        try agent.start()
        let subscription = try await server.waitForSubscriber(after: before, timeout: .seconds(60))
        return (subscription.since - start).inSeconds
    }

    var meter: ProcessMeter { get throws { ProcessMeter(pid: try agent.pid) } }

    /// Whether the event is in the agent's database. Of what one socket brings, all before it are then as well.
    func hasStored(_ event: JSON) throws -> Bool {
        try count("SELECT count(*) FROM event WHERE id = '\(event["id"].text ?? "")'") > 0
    }

    /// The number of instances, volumes and images in the agent's database.
    var storedResources: Int { get throws { try count("SELECT count(*) FROM resource") } }

    private func count(_ statement: String) throws -> Int {
        // Whatever agent is measured, these tables are there.
        let connection = try Connection(path: "\(directory)/state/\(Store.fileName)", mode: .readOnly)
        return try connection.rows(statement) { Int($0.text(0)) ?? 0 }.first ?? 0
    }

    /// Instances that nobody knows yet.
    static func instances(_ count: Int, image: String = "rancher-demo:latest") -> [InstanceEvents] {
        (1...count).map { number in
            let uuid = UUID().uuidString.lowercased()
            return InstanceEvents(
                id: "1i\(uuid.prefix(6))", uuid: uuid, name: "bench\(number)", image: image,
                command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"])
        }
    }
}
