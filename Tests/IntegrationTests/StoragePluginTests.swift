import FakeStoragePlugin
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Volumes of storage plug-ins from the first call to the last, with real containers (PROTOCOL 7.4).
@Suite(.serialized, .engineDifferences)
struct StoragePluginTests {
    private static let driver = "rancher-nfs"

    /// A play with one plug-in.
    private static func play(
        in dialect: Dialect, _ setting: Scene.Setting = .init(), _ body: (Scene, FakeStoragePlugin) async throws -> Void
    ) async throws {
        try await Scene.play(in: dialect, setting) { scene in
            try await scene.withPlugin(driver) { try await body(scene, $0) }
        }
    }

    @Test(arguments: Dialect.all)
    func `volumes are mounted before the container is made, which sees what the plug-in has mounted`(dialect: Dialect)
        async throws
    {
        try await Self.play(in: dialect) { scene, plugin in
            let (first, second) = (scene.volume("first"), scene.volume("second"))
            let instance = scene.instance("sees") {
                $0.use(first, of: Self.driver, at: "/first", options: ["size": "1", "x": "ä"])
                $0.use(second, of: Self.driver, at: "/second:ro")
            }
            plugin.order(.delay(milliseconds: 500), for: .mount, times: 2)
            let event = instance.activate()
            scene.server.send(event: event)
            try await plugin.waitForCall(.mount, of: first)
            try await plugin.waitForCall(.mount, of: second)
            // Not before the mount is done.
            try await scene.confirmGone(instance)
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            let known = instance.learned(from: reply)
            try await scene.confirm(known, runs: true)

            for volume in [first, second] { #expect(plugin.verbs(of: volume) == [.create, .attach, .mount]) }
            for call in plugin.calls where call.volume == first {
                #expect(call.requestLine == "POST /VolumeDriver.\(call.verb)")
                #expect(call.options == ["size": "1", "x": "ä"], "\(call)")
            }
            #expect(
                try await scene.sources(of: known)
                    == ["/first": plugin.path(of: first), "/second": plugin.path(of: second)])
            let id = known.externalID ?? ""
            try "hello".write(toFile: plugin.path(of: first) + "/file", atomically: true, encoding: .utf8)
            #expect(try await scene.engine.docker("exec", id, "cat", "/first/file") == "hello")
            try await scene.engine.docker("exec", id, "sh", "-c", "echo back >/first/answer")
            #expect(try String(contentsOfFile: plugin.path(of: first) + "/answer", encoding: .utf8) == "back\n")
            await #expect(throws: HarnessError.self) {
                try await scene.engine.docker("exec", id, "sh", "-c", "echo no >/second/answer")
            }
            // The engine has no volume of that name.
            #expect(try await !scene.engine.hasVolume(first))
        }
    }

    @Test(arguments: Dialect.all) func `a container has stopped before its volume is unmounted (defect 37)`(
        dialect: Dialect
    ) async throws {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            let slow = ["sh", "-c", "trap 'sleep 1; exit 0' TERM; sleep 3600 & wait"]
            let instance = try await scene.activate(
                scene.instance("slow", command: slow) { $0.use(volume, of: Self.driver) })
            // The call takes long enough to look at the engine meanwhile.
            plugin.order(.delay(milliseconds: 1500), for: .unmount)
            let event = instance.deactivate(timeoutSeconds: 10)
            scene.server.send(event: event)
            try await plugin.waitForCall(.unmount)
            try await scene.confirm(instance, runs: false)
            #expect(plugin.mounted == [volume])
            // Nor is the answer given before the volume is back.
            #expect(scene.server.replies(to: event.eventID).isEmpty)
            #expect(try await scene.server.waitForReply(to: event.eventID).outcome == .success)
            #expect(plugin.mounted.isEmpty)
            #expect(plugin.count(.unmount) == 1)
            // And with the next start it is mounted again, at the same place.
            let again = try await scene.activate(instance)
            #expect(plugin.mounted == [volume])
            #expect(again.externalID == instance.externalID)
            #expect(plugin.verbs(of: volume).suffix(3) == [.create, .attach, .mount])
        }
    }

    /// How far the first two volumes are when it turns out that the third cannot be had.
    enum Progress: CaseIterable { case mounted, mounting }

    @Test(
        "the first two volumes are unmounted if the third cannot be had, whether or not they are mounted by then (defect 35)",
        arguments: Dialect.all, Progress.allCases)
    func thirdFails(_ dialect: Dialect, _ progress: Progress) async throws {
        try await Self.play(in: dialect) { scene, plugin in
            try await scene.withPlugin("rancher-efs") { other in
                let names = [scene.volume("first"), scene.volume("second")]
                let third = scene.volume("third")
                let instance = scene.instance("three") {
                    for name in names { $0.use(name, of: Self.driver, at: "/\(name)") }
                    $0.use(third, of: "rancher-efs", at: "/third")
                }
                other.order(.error("no such disk"), for: .attach)
                switch progress {
                case .mounted: other.order(.delay(milliseconds: 1500), for: .create)
                case .mounting:
                    other.order(.delay(milliseconds: 500), for: .create)
                    plugin.order(.delay(milliseconds: 1500), for: .mount, times: 2)
                }
                let failure = try await scene.fail(instance.activate())
                #expect(failure == "/VolumeDriver.Attach '\(third)' (driver 'rancher-efs') failed: no such disk")
                #expect(plugin.mounted.isEmpty)
                for name in names {
                    #expect(plugin.verbs(of: name) == [.create, .attach, .mount, .unmount], "\(name)")
                }
                #expect(other.calls.last?.verb == "Unmount")
                try await scene.confirmGone(instance)
                // It was the third alone.
                _ = try await scene.activate(instance)
                #expect(plugin.mounted == Set(names))
            }
        }
    }

    @Test(arguments: Dialect.all)
    func `a volume stays mounted for who uses it when another container with it cannot be started (defect 36)`(
        dialect: Dialect
    )
        async throws
    {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            let port = try freePort()
            let broken = try await scene.activate(
                scene.instance("broken") {
                    $0.use(volume, of: Self.driver)
                    $0.ports = [.init(privatePort: 80, publicPort: port, bindAddress: "127.0.0.1")]
                })
            try await scene.deactivate(broken)
            let user = try await scene.activate(scene.instance("user") { $0.use(volume, of: Self.driver) })
            let thief = try await scene.engine.docker("run", "-d", "-p", "127.0.0.1:\(port):80", Engine.image)
            let calls = plugin.calls.count
            let failure = try await scene.fail(broken.activate())
            print("cannot be started: \(failure)")
            #expect(failure.contains("port"))
            #expect(!plugin.calls.dropFirst(calls).contains { $0.verb == "Unmount" })
            #expect(plugin.mounted == [volume])
            try await scene.confirm(broken, runs: false)
            try await scene.confirm(user, runs: true)
            // With nobody else on it, it is not left behind.
            try await scene.deactivate(user)
            #expect(plugin.mounted.isEmpty)
            try await scene.fail(broken.activate())
            #expect(plugin.mounted.isEmpty)
            #expect(plugin.verbs(of: volume).suffix(2) == [.mount, .unmount])
            try await scene.engine.remove(thief)
        }
    }

    @Test(arguments: Dialect.all)
    func `a volume that two instances share is unmounted after the second one's stop (defect 36)`(dialect: Dialect)
        async throws
    {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            var both: [InstanceEvents] = []
            for name in ["one", "two"] {
                both.append(try await scene.activate(scene.instance(name) { $0.use(volume, of: Self.driver) }))
            }
            try await scene.deactivate(both[0])
            #expect(plugin.count(.unmount) == 0)
            // The removal of an instance that runs gives it back as well.
            try await scene.remove(both[1])
            #expect(plugin.count(.unmount) == 1)
            #expect(plugin.mounted.isEmpty)
        }
    }

    @Test(
        "a plug-in that is started anew is waited for, at the mount and at the unmount", arguments: Dialect.all,
        [true, false])
    func pluginRestarts(_ dialect: Dialect, _ leavesSocketFile: Bool) async throws {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            let instance = scene.instance("patient") { $0.use(volume, of: Self.driver) }
            // It goes as soon as it has taken a call, and is back a second after.
            func whileAway(_ verb: VolumeVerb, _ event: JSON) async throws -> Published {
                plugin.order(.close(isDone: false), for: verb)
                plugin.react(to: verb) { plugin.vanish(leavingSocketFile: leavesSocketFile) }
                let calls = plugin.count(verb)
                scene.server.send(event: event)
                try await untilTrue("a call of \(verb.rawValue)") { plugin.count(verb) > calls }
                try await Task.sleep(for: .seconds(1))
                plugin.reappear()
                return try await scene.server.waitForReply(to: event.eventID)
            }
            let started = try await whileAway(.mount, instance.activate())
            #expect(started.outcome == .success)
            let known = instance.learned(from: started)
            try await scene.confirm(known, runs: true)
            #expect(try await scene.sources(of: known) == ["/data": plugin.path(of: volume)])
            let stopped = try await whileAway(.unmount, known.deactivate(timeoutSeconds: 1))
            #expect(stopped.outcome == .success)
            #expect(plugin.mounted.isEmpty)
        }
    }

    // MARK: The agent ends

    @Test(
        "an agent that is killed in the middle of a call ends it well, and nothing is mounted for nobody",
        arguments: Dialect.all, [VolumeVerb.create, .attach, .mount, .unmount])
    func killed(_ dialect: Dialect, _ verb: VolumeVerb) async throws {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            var instance = scene.instance("killed") { $0.use(volume, of: Self.driver) }
            if verb == .unmount { instance = try await scene.activate(instance) }
            plugin.order(.hang(isDone: true), for: verb)
            let event = verb == .unmount ? instance.deactivate(timeoutSeconds: 1) : instance.activate()
            scene.server.send(event: event)
            try await plugin.waitForCall(verb)
            try await scene.restart()
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            if verb != .unmount {
                instance = instance.learned(from: reply)
                try await scene.confirm(instance, runs: true)
                #expect(plugin.mounted == [volume])
                #expect(try await scene.sources(of: instance) == ["/data": plugin.path(of: volume)])
                try await scene.deactivate(instance)
            }
            #expect(plugin.mounted.isEmpty)
        }
    }

    @Test(arguments: Dialect.all)
    func `an instance that is removed after the agent was killed in a mount leaves nothing mounted`(dialect: Dialect)
        async throws
    {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            let instance = scene.instance("killed") { $0.use(volume, of: Self.driver) }
            plugin.order(.hang(isDone: true), for: .mount, times: 2)
            scene.server.send(event: instance.activate())
            try await plugin.waitForCall(.mount)
            try await scene.agent.kill9()
            plugin.clearFaults()
            plugin.order(.delay(milliseconds: 1000), for: .create)
            try await scene.start()
            // The activate goes on, and is overtaken.
            try await scene.remove(instance)
            #expect(plugin.mounted.isEmpty)
            #expect(plugin.calls.last?.verb == "Unmount")
        }
    }

    @Test(arguments: Dialect.all) func `an agent that was started anew unmounts what the one before it has mounted`(
        dialect: Dialect
    ) async throws {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            let instance = try await scene.activate(scene.instance("kept") { $0.use(volume, of: Self.driver) })
            try await scene.restart()
            #expect(plugin.mounted == [volume])
            try await scene.deactivate(instance)
            #expect(plugin.mounted.isEmpty)
        }
    }

    // MARK: Removal

    @Test(arguments: Dialect.all) func `a volume that is in use is not removed, and afterwards it is`(dialect: Dialect)
        async throws
    {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            let instance = try await scene.activate(scene.instance("user") { $0.use(volume, of: Self.driver) })
            let removal = scene.dialect.volumeRemove(name: volume, driver: Self.driver)
            let failure = try await scene.fail(removal)
            #expect(failure == "Volume \(volume) is in use by instance \(instance.uuid)")
            #expect(plugin.verbs(of: volume) == [.create, .attach, .mount])
            try await scene.confirm(instance, runs: true)
            try await scene.remove(instance)
            try await scene.succeed(RancherServer.renewed(removal))
            #expect(plugin.verbs(of: volume).suffix(2) == [.unmount, .remove])
            #expect(plugin.created.isEmpty)
        }
    }

    @Test(arguments: Dialect.all)
    func `a refused removal is tried three times, one that the server shall retry only once (defects 61, 62)`(
        dialect: Dialect
    )
        async throws
    {
        try await Self.play(in: dialect) { scene, plugin in
            let (refused, again) = (scene.volume("refused"), scene.volume("again"))
            plugin.provide(refused)
            plugin.provide(again)
            plugin.order(.error("disk on fire"), for: .remove, times: 3)
            let removal = scene.dialect.volumeRemove(name: refused, driver: Self.driver)
            let failure = try await scene.fail(removal)
            #expect(failure == "/VolumeDriver.Remove '\(refused)' (driver '\(Self.driver)') failed: disk on fire")
            #expect(plugin.verbs(of: refused) == [.remove, .remove, .remove])
            plugin.order(.error("Busy. Should retry"), for: .remove)
            let busy = try await scene.fail(scene.dialect.volumeRemove(name: again, driver: Self.driver))
            #expect(busy.hasSuffix("failed: Busy. Should retry"))
            #expect(plugin.verbs(of: again) == [.remove])
            #expect(plugin.created == [refused, again])
            try await scene.succeed(RancherServer.renewed(removal))
            #expect(plugin.created == [again])
        }
    }

    @Test(arguments: Dialect.all) func `a volume is not taken for removed because its plug-in is gone (defect 61)`(
        dialect: Dialect
    ) async throws {
        try await Self.play(in: dialect) { scene, plugin in
            let volume = scene.volume("v")
            let instance = try await scene.activate(scene.instance("user") { $0.use(volume, of: Self.driver) })
            try await scene.remove(instance)
            plugin.vanish(leavingSocketFile: false)
            let removal = scene.dialect.volumeRemove(name: volume, driver: Self.driver)
            let failure = try await scene.fail(removal)
            switch dialect {
            case .rancher20:
                #expect(failure == "There is no storage plug-in for driver \(Self.driver) of volume \(volume)")
            case .rancher16: #expect(failure == "socket file not found at \(plugin.socketPath)")
            }
            plugin.reappear()
            try await scene.succeed(RancherServer.renewed(removal))
            #expect(plugin.created.isEmpty)
        }
    }

    @Test(arguments: Dialect.all) func `the path of a driver's name leads nowhere else (defect 67)`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            try await scene.withPlugin("../outside") { plugin in
                let volume = scene.volume("v")
                let instance = scene.instance("path") { $0.use(volume, of: "../outside") }
                let failure = try await scene.fail(instance.activate(), within: .seconds(60))
                print("a path as driver: \(failure)")
                try await scene.confirmGone(instance)
                try await scene.succeed(scene.dialect.volumeRemove(name: volume, driver: "../outside"))
                #expect(plugin.calls.isEmpty)
            }
        }
    }
}
