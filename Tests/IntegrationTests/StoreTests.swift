import Foundation
import Glibc
import LosslessJSON
import RancherSimulator
import Testing

/// What becomes of the agent when its memory is lost, spoilt, full or wanted by another.
@Suite(.serialized)
struct StoreTests {
    @Test func `containers are adopted again when the database was deleted`() async throws {
        try await Scene.play { scene in
            let instance = try await adopted(scene) { directory in
                for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.contains(".db") {
                    try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
                }
            }
            try await scene.deactivate(instance)
            try await scene.remove(instance)
        }
    }

    @Test func `a database of garbage is moved aside, and containers are adopted again`() async throws {
        try await Scene.play { scene in
            let instance = try await adopted(scene) { directory in
                for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.hasSuffix(".db") {
                    let garbage = Data((0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
                    try garbage.write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
                }
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: scene.stateDirectory)
            #expect(files.contains { $0.contains(".unreadable-") })
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

    @Test func `a full disk is an honest error, and all is well when there is room again`() async throws {
        try await Scene.play(.init(starts: false)) { scene in
            try #require(mount("tmpfs", scene.stateDirectory, "tmpfs", 0, "size=2m") == 0)
            defer { umount2(scene.stateDirectory, Int32(MNT_DETACH)) }
            try await scene.start()
            let pid = try scene.agent.pid
            let before = try await scene.activate(scene.instance("before"))
            try fill(scene.stateDirectory)
            // What still fits is served; some event then meets the full disk.
            var refused: InstanceEvents?
            for number in 1...60 where refused == nil {
                let instance = scene.instance("full\(number)") { $0.environment = ["PAD": String(repeating: "x", count: 50_000)] }
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
            #expect(pings.longest < .seconds(1))
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

    private func fill(_ directory: String) throws {
        let file = open(directory + "/filler", O_WRONLY | O_CREAT, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        let block = [UInt8](repeating: 1, count: 4096)
        while write(file, block, block.count) > 0 {}
    }

    @Test func `a second agent on the same state says so and ends`() async throws {
        try await Scene.play { scene in
            let (ending, output) = try await scene.agent.command("--url", scene.server.registrationURL)
            #expect(ending != .code(0))
            #expect(output.contains("Another agent uses the state directory"))
            _ = try await scene.activate(scene.instance("alone"))
        }
    }

    @Test func `the signal to stop is obeyed within eight seconds, idle and busy`() async throws {
        try await Scene.play(.init(isProxied: true)) { scene in
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

    @Test func `the state is readable beside the living agent`() async throws {
        try await Scene.play { scene in
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
