import FaultProxy
import Foundation
import Glibc
import LosslessJSON
import Processes
import RancherSimulator
import Testing

/// The commands about the state beside the real agent, under load and after its end.
@Suite(.serialized, .engineDifferences)
struct StateCommandTests {
    /// Each in a form that prints something and ends by itself; NAME stands for an instance.
    private static let commands = [
        [], ["list"], ["instances"], ["instances", "--pending"], ["volumes"], ["images"], ["events"],
        ["events", "--open"], ["replies"], ["quarantine"], ["show", "NAME"], ["history", "NAME"], ["why", "NAME"],
        ["check"], ["export"],
    ]

    /// Runs one in the agent's own environment.
    private static func run(
        _ command: [String], _ scene: Scene, in directory: String? = nil
    ) async throws -> (ending: Ending, output: String) {
        var environment = scene.agent.environment
        if let directory { environment["CATTLE_STATE_DIR"] = directory }
        return try await Child.run(try AgentProcess.binary(), ["state"] + command, environment: environment)
    }

    /// Runs each, for people and for programs.
    private static func runAll(_ scene: Scene, about name: String, in directory: String? = nil) async throws {
        for command in commands {
            let words = command.map { $0 == "NAME" ? name : $0 }
            for form in [[], ["--json"]] {
                let (ending, output) = try await run(words + form, scene, in: directory)
                #expect(
                    ending == .code(0) || command == ["check"] && ending == .code(1), "\(words): \(ending) \(output)")
                #expect(!output.isEmpty, "\(words)")
                guard !form.isEmpty, command != ["export"] else { continue }
                #expect(throws: Never.self, "\(words): \(output)") { _ = try JSON(parsing: output) }
            }
        }
    }

    @Test(arguments: Dialect.all) func `every command works during load, and delays nobody`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let named = try await scene.activate(scene.instance("looked-at"))
            let pings = try await withPings(scene) {
                async let load = atOnce(scene.instances(8, "load"), limit: 4) { instance in
                    var known = instance
                    for _ in 1...3 {
                        known = known.learned(from: try await scene.succeed(known.activate()))
                        try await scene.succeed(known.deactivate(timeoutSeconds: 1))
                    }
                    try await scene.succeed(known.remove())
                    return known
                }
                for _ in 1...2 { try await Self.runAll(scene, about: named.uuid) }
                #expect(try await load.count == 8)
            }
            print("state commands during load; \(pings)")
            #expect(pings.areTimely)
            #expect(!scene.agent.log.contains("the store failed"))
            try await scene.deactivate(named)
        }
    }

    @Test(arguments: Dialect.all)
    func `every command works on what a killed agent has left, also where nothing can be written`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let instance = try await scene.activate(scene.instance("left-behind"))
            try await scene.agent.kill9()
            #expect(FileManager.default.fileExists(atPath: scene.stateDirectory + "/agent.db-wal"))
            try await Self.runAll(scene, about: instance.uuid)

            let mirror = scene.directory + "/mirror"
            try FileManager.default.createDirectory(atPath: mirror, withIntermediateDirectories: false)
            try #require(mount(scene.stateDirectory, mirror, nil, UInt(MS_BIND), nil) == 0)
            defer { umount2(mirror, Int32(MNT_DETACH)) }
            let flags = UInt(MS_BIND | MS_REMOUNT | MS_RDONLY)
            try #require(mount(nil, mirror, nil, flags, nil) == 0)
            #expect(open(mirror + "/x", O_CREAT | O_WRONLY, 0o600) < 0 && errno == EROFS)
            try await Self.runAll(scene, about: instance.uuid, in: mirror)
            // Read from the log, for the main file alone does not know it yet.
            let (_, why) = try await Self.run(["why", instance.uuid, "--json"], scene, in: mirror)
            // Whether the server had taken the answer may not have been written down any more.
            let reason = try JSON(parsing: why)["reason"].text
            #expect(reason == "as-wanted" || reason == "answer-undelivered", "\(why)")
            let without = try await Self.run(["show", instance.uuid], scene, in: scene.directory + "/nowhere")
            #expect(without.ending == .code(1))

            // Nothing of this was in the agent's way.
            try await scene.start()
            try await scene.deactivate(instance)
            try await scene.remove(instance)
        }
    }

    @Test(arguments: Dialect.all) func `every command says so when the database is spoilt`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let instance = try await scene.activate(scene.instance("spoilt"))
            #expect(try await scene.agent.terminate().ending == .code(0))
            let copy = scene.directory + "/copy"
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: scene.stateDirectory + "/agent.db"))
            let noise = Data((0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
            for spoilt in [noise, bytes.prefix(4096) + noise.dropFirst(4096), bytes.prefix(bytes.count / 2)] {
                try spoilt.write(to: URL(fileURLWithPath: copy + "/agent.db"))
                for command in Self.commands {
                    let words = command.map { $0 == "NAME" ? instance.uuid : $0 }
                    let (ending, output) = try await Self.run(words, scene, in: copy)
                    #expect(ending == .code(command == ["check"] ? 2 : 1), "\(words): \(output)")
                    #expect(output.contains("it is damaged") || output.contains("is damaged:"), "\(words): \(output)")
                }
            }
            try await scene.start()
            try await scene.remove(instance)
        }
    }

    @Test(arguments: Dialect.all) func `it is said that Docker is away, and that all is well again`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            func reason(_ name: String) async throws -> String? {
                let (ending, output) = try await Self.run(["why", name, "--json"], scene)
                return ending == .code(0) ? try JSON(parsing: output)["reason"].text : nil
            }
            scene.proxy.down()
            let instance = scene.instance("waiting")
            let event = instance.activate()
            scene.server.send(event: event)
            try await untilTrue("the reason: Docker") { try await reason(instance.uuid) == "engine-unreachable" }
            let (_, told) = try await Self.run(["why", instance.uuid], scene)
            #expect(told.contains("waits for Docker, which cannot be reached"), "\(told)")
            #expect(told.contains(event.eventID), "\(told)")
            try scene.proxy.up()
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            try await untilTrue("the end") { try await reason(instance.uuid) == "as-wanted" }
        }
    }
}
