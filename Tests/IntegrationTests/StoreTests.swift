import FaultProxy
import Foundation
import Glibc
import LosslessJSON
import RancherSimulator
import Testing

/// What becomes of the agent when its memory is lost, spoilt, full or wanted by another.
@Suite(.serialized, .engineDifferences)
struct StoreTests {
    @Test(arguments: Dialect.all) func `containers are adopted again when the database was deleted`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let instance = try await adopted(scene) { directory in
                for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.contains(".db") {
                    try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
                }
            }
            try await scene.deactivate(instance)
            try await scene.remove(instance)
        }
    }

    /// How a database file is spoilt.
    enum Damage: String, CaseIterable, Sendable {
        case garbage, garbageAfterTheFirstPage, half, empty, zeros

        func applied(to bytes: Data) -> Data {
            let noise = Data((0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
            switch self {
            case .garbage: return noise
            case .garbageAfterTheFirstPage: return bytes.prefix(4096) + noise.dropFirst(4096)
            case .half: return bytes.prefix(bytes.count / 2)
            case .empty: return Data()
            case .zeros: return Data(count: bytes.count)
            }
        }
    }

    @Test(arguments: Dialect.all, Damage.allCases)
    func `a spoilt database is moved aside, and containers are adopted again`(dialect: Dialect, damage: Damage)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let instance = try await adopted(scene) { directory in
                for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.hasSuffix(".db") {
                    let file = URL(fileURLWithPath: "\(directory)/\(name)")
                    try damage.applied(to: Data(contentsOf: file)).write(to: file)
                }
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: scene.stateDirectory)
            // An empty file is no database at all, and just becomes one.
            #expect(files.contains { $0.contains(".unreadable-") } || damage == .empty)
            try await scene.deactivate(instance)
            try await scene.remove(instance)
        }
    }

    /// Runs an instance, spoils the store while the agent is down, and activates the instance again: as the server would
    /// that knows its container, and as one that does not.
    private func adopted(_ scene: Scene, _ spoil: (String) throws -> Void) async throws -> InstanceEvents {
        let first = scene.instance("adopted")
        let known = try await scene.activate(first)
        #expect(try await scene.agent.terminate().ending == .code(0))
        try spoil(scene.stateDirectory)
        try await scene.start()
        for asked in [first, known] { #expect(try await scene.activate(asked).externalID == known.externalID) }
        return known
    }

    @Test(arguments: Dialect.all) func `a full disk is an honest error, and all is well when there is room again`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, .init(starts: false)) { scene in
            try #require(mount("tmpfs", scene.stateDirectory, "tmpfs", 0, "size=2m") == 0)
            defer { umount2(scene.stateDirectory, Int32(MNT_DETACH)) }
            try await scene.start()
            let pid = try scene.agent.pid
            let before = try await scene.activate(scene.instance("before"))
            try fill(scene.stateDirectory)
            // What still fits is served; some event then meets the full disk.
            var refused: InstanceEvents?
            for number in 1...60 where refused == nil {
                let instance = scene.instance("full\(number)") {
                    $0.environment = ["PAD": String(repeating: "x", count: 50_000)]
                }
                let reply = try await scene.server.ask(instance.activate())
                guard let failure = reply.failure else { continue }
                print("full disk: \(failure)")
                #expect(failure.contains("cannot store"))
                refused = instance
            }
            let instance = try #require(refused)
            // The refused one was not begun.
            try await scene.confirmGone(instance)
            // Whatever is asked now is answered, one way or the other.
            let pings = try await withPings(scene) {
                for _ in 1...5 { _ = try await scene.server.ask(before.inspect()) }
            }
            #expect(pings.areTimely)
            try FileManager.default.removeItem(atPath: scene.stateDirectory + "/filler")
            try await eventually("the agent to work again") {
                try await scene.server.ask(before.deactivate(timeoutSeconds: 1)).failure == nil ? true : nil
            }
            try await scene.confirm(before, runs: false)
            try await scene.confirm(try await scene.activate(instance), runs: true)
            #expect(try scene.agent.pid == pid)
            // Ends before the disk under it goes.
            #expect(try await scene.agent.terminate().ending == .code(0))
        }
    }

    @Test(arguments: Dialect.all) func `what the engine did while the disk was full is seen when there is room again`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, .init(isProxied: true, starts: false)) { scene in
            try #require(mount("tmpfs", scene.stateDirectory, "tmpfs", 0, "size=2m") == 0)
            defer { umount2(scene.stateDirectory, Int32(MNT_DETACH)) }
            try await scene.start()
            let pid = try scene.agent.pid
            let instances = scene.instances(3, "midway")
            for instance in instances {
                scene.proxy.order(.create, of: instance.dockerName, .delay(.milliseconds(500)))
            }
            let events = instances.map { $0.activate() }
            for event in events { scene.server.send(event: event) }
            for instance in instances { try await scene.proxy.waitForFault(.create, of: instance.dockerName) }
            try fill(scene.stateDirectory)
            // Presses on the store until it notices.
            for number in 1...200 where !scene.agent.log.contains("the store failed") {
                let padded = scene.instance("press\(number)") {
                    $0.environment = ["PAD": String(repeating: "x", count: 50_000)]
                }
                _ = try await scene.server.ask(padded.deactivate())
            }
            try await scene.agent.waitForLog("the store failed")
            try await untilTrue("the engine to have made all three") {
                for instance in instances where try await scene.engine.ids(of: instance.uuid).isEmpty { return false }
                return true
            }
            try FileManager.default.removeItem(atPath: scene.stateDirectory + "/filler")
            for (instance, event) in zip(instances, events) {
                let reply = try await scene.server.waitForReply(to: event.eventID)
                try #require(reply.outcome == .success, "\(reply.failure ?? "")")
                try await scene.confirm(instance.learned(from: reply), runs: true)
                try scene.confirmOneAnswer(to: event)
            }
            #expect(try scene.agent.pid == pid)
            #expect(try await scene.agent.terminate().ending == .code(0))
        }
    }

    private func fill(_ directory: String) throws {
        let file = open(directory + "/filler", O_WRONLY | O_CREAT, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        let block = [UInt8](repeating: 1, count: 4096)
        while write(file, block, block.count) > 0 {}
    }

    @Test(arguments: Dialect.all) func `a second agent on the same state says so and ends`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let (ending, output) = try await scene.agent.command("--url", scene.server.registrationURL)
            #expect(ending != .code(0))
            #expect(output.contains("Another agent uses the state directory"))
            _ = try await scene.activate(scene.instance("alone"))
        }
    }

    @Test(arguments: Dialect.all) func `the signal to stop is obeyed within eight seconds, idle and busy`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let idle = try await scene.agent.terminate()
            print("SIGTERM, idle: \(idle.ending) after \(idle.took.inSeconds) s")
            #expect(idle.ending == .code(0))
            #expect(idle.took < .seconds(8))

            try await scene.start()
            let instances = scene.instances(6, "busy")
            scene.proxy.order(.create, .hangBefore, count: 3)
            scene.proxy.order(.start, .delay(.seconds(1)), count: 3)
            let events = instances.map { $0.activate() }
            for event in events { scene.server.send(event: event) }
            try await scene.agent.waitForAcceptance(of: events.map(\.eventID))
            try await scene.proxy.waitForFault(.create)
            let busy = try await scene.agent.terminate()
            print("SIGTERM, busy: \(busy.ending) after \(busy.took.inSeconds) s")
            #expect(busy.ending == .code(0))
            #expect(busy.took < .seconds(8))

            try await scene.start()
            for (instance, event) in zip(instances, events) {
                let reply = try await scene.server.waitForReply(to: event.eventID)
                #expect(reply.outcome == .success)
                try await scene.confirm(instance.learned(from: reply), runs: true)
            }
        }
    }

    @Test(arguments: Dialect.all) func `the signal to stop is obeyed while the server hangs, and while it is away`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let instance = scene.instance("hanging")
            scene.server.setFaults { $0.publishHangCount = 1 }
            let event = instance.activate()
            scene.server.send(event: event)
            try await untilTrue("the hanging publish") { scene.server.faults.publishHangCount == 0 }
            let hanging = try await scene.agent.terminate()
            #expect(hanging.ending == .code(0))
            #expect(hanging.took < .seconds(8))
            await scene.server.suspend()
            try scene.agent.start()
            try await scene.agent.waitForLog("Registration failed, trying again")
            let away = try await scene.agent.terminate()
            #expect(away.ending == .code(0))
            #expect(away.took < .seconds(8))
            print(
                "SIGTERM, server hangs: after \(hanging.took.inSeconds) s; server away: after \(away.took.inSeconds) s")
            try await scene.server.resume()
            try await scene.start()
            #expect(try await scene.server.waitForReply(to: event.eventID).outcome == .success)
        }
    }

    @Test(arguments: Dialect.all) func `the state is readable beside the living agent`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect) { scene in
            let instance = try await scene.activate(scene.instance("shown"))
            let (ending, text) = try await scene.agent.command("state")
            #expect(ending == .code(0))
            #expect(text.contains("shown"))
            #expect(text.contains("running"))
            let (jsonEnding, json) = try await scene.agent.command("state", "--json")
            #expect(jsonEnding == .code(0))
            #expect(try JSON(parsing: Array(json.utf8)).encodedText.contains(instance.uuid))
            let (showEnding, show) = try await scene.agent.command("state", "show", instance.uuid)
            #expect(showEnding == .code(0))
            #expect(show.contains(instance.externalID?.prefix(12) ?? "?"))
        }
    }
}
