import AsyncHTTPClient
import FaultProxy
import Foundation
import LosslessJSON
import NIOCore
import NIOHTTP1
import Processes
import RancherSimulator
import Testing
import ThreadStop

/// What the real agent says of itself, with a thread of it stopped in the middle of its life.
@Suite(.serialized, .engineDifferences)
struct HealthReportTests {
    /// Where the agent may be asked, and limits that a test can wait for.
    private static let setting = Scene.Setting(
        isProxied: true, environment: ["CATTLE_LISTEN": "127.0.0.1:0", "CATTLE_HEALTH_LIMIT_SECONDS": "3"])

    private struct Answer {
        let status: Int
        let body: String

        /// The parts that are said to be stuck.
        var stuckParts: [String] {
            body.split(separator: "\n").compactMap { $0.firstMatch(of: #/^(.*) is stuck: /#).map { String($0.1) } }
        }
    }

    /// Asks the agent of the play.
    private static func get(_ path: String, _ scene: Scene) async throws -> Answer {
        let mark = "health can be asked for"
        try await scene.agent.waitForLog(mark)
        let line = scene.agent.log.split(separator: "\n").last { $0.contains(mark) } ?? ""
        let address = try #require(line.firstMatch(of: #/address=(\S+)/#)?.1)
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "http://\(address)\(path)"), timeout: .seconds(20))
        return Answer(
            status: Int(response.status.code),
            body: String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }

    private static func waitForHealth(_ scene: Scene, _ what: String, _ isSo: (Answer) -> Bool) async throws -> Answer {
        try await eventually("the agent's health: \(what)", within: .seconds(60)) {
            let answer = try await get("/healthz", scene)
            return isSo(answer) ? answer : nil
        }
    }

    /// A thread of the agent, and the parts that run on it.
    enum Thread: CaseIterable, CustomTestStringConvertible {
        case loop, engine, server

        /// How its name begins: groups of threads are numbered as they are made.
        var name: String {
            switch self {
            case .loop: "NIO-ELT-1-"
            case .engine: "NIO-ELT-2-"
            case .server: "NIO-SGLTN-"
            }
        }

        var parts: [String] {
            switch self {
            case .loop: ["reconciler"]
            case .engine: ["engine observer"]
            case .server: ["event stream", "outbox", "pings"]
            }
        }

        var testDescription: String { name }

        func id(in process: pid_t) throws -> Int32 {
            let directory = "/proc/\(process)/task"
            let ids = try FileManager.default.contentsOfDirectory(atPath: directory)
            let own = ids.first {
                let name = try? String(contentsOfFile: "\(directory)/\($0)/comm", encoding: .utf8)
                return name?.hasPrefix(self.name) == true
            }
            return try #require(own.flatMap { Int32($0) }, "no thread \(name)")
        }
    }

    /// Holds the thread for the length of the body.
    private static func whileHeld(_ thread: Int32, _ body: () async throws -> Void) async throws {
        let (held, release) = (Pipe(), Pipe())
        let holder = Foundation.Thread {
            let failure = thread_hold(
                thread, held.fileHandleForWriting.fileDescriptor, release.fileHandleForReading.fileDescriptor)
            if failure != 0 { held.fileHandleForWriting.closeFile() }
        }
        holder.start()
        try #require(held.fileHandleForReading.readData(ofLength: 1).count == 1, "the thread cannot be stopped")
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        release.fileHandleForWriting.write(Data([0]))
        try result.get()
    }

    @Test(arguments: Dialect.all, Thread.allCases)
    func `a part whose thread stands still is named until it goes on, and then everything is done`(
        dialect: Dialect, thread: Thread
    ) async throws {
        try await Scene.play(in: dialect, Self.setting) { scene in
            _ = try await Self.waitForHealth(scene, "good") { $0.status == 200 }
            try await untilTrue("the agent to be ready") { try await Self.get("/readyz", scene).status == 200 }
            let instance = scene.instance("held")
            let event = instance.activate()
            try await Self.whileHeld(try thread.id(in: scene.agent.pid)) {
                try #require(scene.server.send(event: event))
                let bad = try await Self.waitForHealth(scene, "\(thread.parts) to be stuck, and nobody else") {
                    $0.status == 503 && !$0.stuckParts.isEmpty && Set($0.stuckParts).isSubset(of: thread.parts)
                }
                let named = bad.stuckParts
                #expect(try await Self.get("/readyz", scene).status == 503)
                // Whoever asks for the figures is not left waiting either.
                let metrics = try await Self.get("/metrics", scene)
                #expect(metrics.body.contains("rancher_agent_healthy{part=\"\(named.first ?? "")\"} 0\n"))
                try await scene.agent.waitForLog("part=\(named.first?.split(separator: " ").first ?? "")")
            }
            _ = try await Self.waitForHealth(scene, "good again") { $0.status == 200 && $0.body == "ok\n" }
            try await scene.agent.waitForLog("goes on again", within: .seconds(30))
            let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(60))
            #expect(reply.outcome == .success)
            try await scene.confirm(instance.learned(from: reply), runs: true)
        }
    }

    @Test(arguments: Dialect.all)
    func `a delivery that hangs is named as the outbox's`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect, Self.setting) { scene in
            let instance = try await scene.activate(scene.instance("undelivered"))
            scene.server.setFaults { $0.publishHangCount = 1 }
            let event = instance.deactivate(timeoutSeconds: 1)
            try #require(scene.server.send(event: event))
            let bad = try await Self.waitForHealth(scene, "bad") { $0.status == 503 }
            #expect(bad.body.hasPrefix("outbox is stuck: a piece of its work has taken "), "\(bad.body)")
            let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(90))
            #expect(reply.outcome == .success)
            _ = try await Self.waitForHealth(scene, "good again") { $0.status == 200 }
        }
    }

    @Test(arguments: Dialect.all)
    func `an engine or a server that is away is waited for in good health, and the agent is not ready`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, Self.setting) { scene in
            func ready(_ expected: String) async throws {
                try await untilTrue("\(expected)", within: .seconds(60)) {
                    try await Self.get("/readyz", scene).body == expected
                }
                #expect(try await Self.get("/healthz", scene).body == "ok\n")
            }
            try await ready("ready\n")
            scene.proxy.down()
            try await ready("engine observer is not ready\n")
            try scene.proxy.up()
            try await ready("ready\n")
            await scene.server.suspend()
            try await ready("event stream is not ready\n")
            try await scene.server.resume()
            try await ready("ready\n")
        }
    }

    @Test(arguments: Dialect.all)
    func `what the agent does is counted`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect, Self.setting) { scene in
            let known = try await scene.activate(scene.instance("counted"))
            try await scene.deactivate(known)
            _ = try await scene.fail(scene.instance("none") { $0.image = "nobody/has-this:1" }.activate())
            _ = try await scene.server.ask(scene.dialect.ping())
            let expected = [
                #"rancher_agent_events_total{name="compute.instance.activate"} 2"#,
                #"rancher_agent_events_total{name="compute.instance.deactivate"} 1"#,
                #"rancher_agent_answers_total{result="success"} 2"#,
                #"rancher_agent_answers_total{result="failure"} 1"#,
                #"rancher_agent_transitions_total{kind="instance",phase="running"} 1"#,
                #"rancher_agent_transitions_total{kind="instance",phase="failed"} 1"#,
                #"rancher_agent_step_seconds_count{step="start container"} 1"#,
                #"rancher_agent_docker_call_seconds_count{call="POST containers/start"} 1"#,
                #"rancher_agent_docker_call_errors_total{call="POST images/create",kind="#,
                "rancher_agent_subscriptions_total 1", "rancher_agent_pings_total 1", "rancher_agent_open_events 0",
                "rancher_agent_undelivered_answers 0", #"rancher_agent_healthy{part="reconciler"} 1"#,
                #"rancher_agent_database_bytes{file="main"} "#,
            ]
            var missing: [String] = expected
            try await untilTrue("all that was done to be counted; missing: \(missing)") {
                let lines = try await Self.get("/metrics", scene).body.split(separator: "\n")
                missing = expected.filter { text in !lines.contains { $0.hasPrefix(text) } }
                return missing.isEmpty
            }
        }
    }
}
