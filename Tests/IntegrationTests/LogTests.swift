import Foundation
import LosslessJSON
import Processes
import RancherSimulator
import Testing

/// What the real agent writes into its log.
@Suite(.serialized, .engineDifferences)
struct LogTests {
    private static func lines(_ scene: Scene) throws -> [JSON] {
        try scene.agent.log.split(separator: "\n").map { try JSON(parsing: String($0)) }
    }

    @Test(arguments: Dialect.all)
    func `each line is one JSON object, each transition is told once, and a signal has everything told`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, .init(environment: ["CATTLE_LOG_FORMAT": "json"])) { scene in
            let known = try await scene.activate(scene.instance("logged"))
            let usual = try Self.lines(scene)
            for line in usual {
                let time = try #require(line["time"].text)
                #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil, "\(time)")
                #expect(line["message"].nonEmptyText != nil && line["source"].nonEmptyText != nil)
                #expect(["info", "notice", "warning", "error"].contains(line["level"].text ?? ""), "\(line)")
            }
            let moves = usual.filter { $0["message"] == "phase changed" }.map(\.["data"].encodedText)
            #expect(moves.contains { $0.contains(#""to":"running""#) } && Set(moves).count == moves.count)

            scene.agent.signal(SIGUSR1)
            try await scene.agent.waitForLog("log level changed")
            try await scene.deactivate(known)
            #expect(try Self.lines(scene).contains { $0["level"] == "debug" })
            scene.agent.signal(SIGUSR1)
            try await untilTrue("the level to be changed back") {
                try Self.lines(scene).count { $0["message"] == "log level changed" } == 2
            }
            let before = try Self.lines(scene).count { $0["level"] == "debug" }
            try await scene.remove(known)
            #expect(try Self.lines(scene).count { $0["level"] == "debug" } == before)
        }
    }

    @Test(arguments: Dialect.all, ["text", "json"])
    func `no secret is ever in it, whatever is logged`(dialect: Dialect, format: String) async throws {
        let setting = Scene.Setting(
            environment: ["CATTLE_LOG_FORMAT": format, "CATTLE_SCRIPT_DEBUG": "1"])
        try await Scene.play(in: dialect, setting) { scene in
            let secret = "s3cr3t-\(UUID().uuidString)"
            let known = try await scene.activate(scene.instance("secretive") { $0.environment = ["PASSWORD": secret] })
            _ = try await scene.fail(
                scene.instance("private") {
                    $0.image = "127.0.0.1:1/private/image:1"
                    $0.credential = .init(publicValue: "me", secretValue: secret)
                }.activate())
            try await scene.deactivate(known)
            let log = scene.agent.log
            #expect(log.contains(format == "json" ? #""level":"debug""# : " debug "))
            #expect(!log.contains(secret))
            // The keys of the agent, and the token of the registration URL.
            let registrationKey = try #require(scene.server.registrationKeys.first)
            #expect(!log.contains(registrationKey))
            #expect(!log.contains(RancherServer.credentials(registrationKey: registrationKey).secretKey))
            #expect(!log.contains(scene.server.token))
        }
    }
}
