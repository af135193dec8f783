import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// Instances that share the volumes of a storage plug-in.
struct PluginTests {
    private let host: Host

    init() throws {
        host = try Host()
        host.engine.plugins = ["flex"]
        host.give(.containers([]))
    }

    private func user(_ uuid: String, _ volumes: String...) -> InstanceSpecification {
        var specification = instance(uuid)
        specification.volumes = volumes.map { VolumeSpecification(name: $0, driver: "flex") }
        return specification
    }

    private func ask(_ id: String, _ wish: TestCodec.Wish) -> String? {
        host.give(.event(event(id, wish)))
        host.run()
        return host.answer(id)
    }

    @Test("Two of three volumes are given back when the third cannot be mounted, whoever is ahead (defect 35)")
    func thirdFails() throws {
        for seed in 0..<50 {
            let host = try Host(seed: UInt64(seed))
            var random = SeededGenerator(seed: UInt64(seed))
            host.engine.plugins = ["flex"]
            host.engine.unmountable = ["c"]
            host.give(.containers([]), .event(event("e1", .activate(user("u-1", "a", "b", "c")))))
            for _ in 0..<Int.random(in: 0..<12, using: &random) {
                guard let piece = host.work.randomElement(using: &random) else { break }
                try host.finish(piece.about)
            }
            host.run()
            #expect(host.answer("e1") == "failure: cannot mount c", "seed \(seed)")
            #expect(host.engine.mounted == [], "seed \(seed)")
            #expect(host.engine.containers.isEmpty, "seed \(seed)")
        }
    }

    @Test("A volume stays mounted for an instance that runs when another one cannot be started (defect 36)")
    func startFails() throws {
        #expect(ask("e1", .activate(user("u-1", "v"))) == "instance u-1 running")
        #expect(ask("e2", .activate(user("u-2", "v"))) == "instance u-2 running")
        #expect(ask("e3", .deactivate(user("u-2", "v"))) == "instance u-2 exited")
        #expect(host.engine.mounted == ["v"])
        host.give(.event(event("e4", .activate(user("u-2", "v")))))
        while true {
            guard let piece = host.work.first else { break }
            if case .startContainer = piece.operation { break }
            try host.finish()
        }
        try host.finish(nil, .failedBefore)
        host.run()
        #expect(host.answer("e4") == "failure: server error")
        #expect(host.engine.mounted == ["v"])
        #expect(host.engine.tornAway == [])
        #expect(ask("e5", .deactivate(user("u-1", "v"))) == "instance u-1 exited")
        #expect(host.engine.mounted == [])
    }

    @Test("A crash anywhere between the mount and the answer leaves nothing mounted for nobody", arguments: 0..<8)
    func crash(_ steps: Int) throws {
        for happens in [true, false] {
            let host = try Host()
            host.engine.plugins = ["flex"]
            host.give(.containers([]), .event(event("e1", .activate(user("u-1", "v")))))
            for _ in 0..<steps where !host.work.isEmpty { try host.finish() }
            try host.crash { _ in happens }
            host.give(.event(event("e2", .remove(user("u-1", "v")))))
            host.run()
            #expect(host.answer("e2") == "done")
            #expect(host.engine.mounted == [])
            #expect(host.engine.containers.isEmpty)
        }
    }

    // MARK: Who may still use it

    @Test("A volume is not removed from under a container that runs although its instance has failed")
    func failedHolder() throws {
        var specification = user("u-1", "v")
        specification.container.network = .cni
        host.engine.address = nil
        #expect(ask("e1", .activate(specification)) == "failure: Timeout getting IP address")
        host.give(.containers(host.engine.summaries))
        #expect(ask("e2", .removeVolume(specification.volumes[0])) == "failure: Volume v is in use by instance u-1")
        #expect(host.engine.tornAway == [])
        #expect(ask("e3", .deactivate(specification)) == "instance u-1 exited")
        #expect(ask("e4", .removeVolume(specification.volumes[0])) == "done")
        #expect(host.engine.kept == [])
    }

    @Test("A volume is not removed from under a container that was started a moment ago")
    func sameBatch() throws {
        host.give(.event(event("e1", .activate(user("u-1", "v")))))
        while true {
            let piece = try #require(host.work.first)
            guard case .startContainer = piece.operation else {
                try host.finish()
                continue
            }
            host.work.removeFirst()
            host.give(
                .outcome(piece.id, host.engine.perform(piece.operation)),
                .event(event("e2", .removeVolume(VolumeSpecification(name: "v", driver: "flex")))))
            break
        }
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.answer("e2") == "failure: Volume v is in use by instance u-1")
        #expect(host.engine.mounted == ["v"])
    }

    @Test("A volume is not removed from under a container that a late event shows at rest")
    func lateEvent() throws {
        let volume = VolumeSpecification(name: "v", driver: "flex")
        #expect(ask("e1", .activate(user("u-1", "v"))) == "instance u-1 running")
        var shown = try #require(host.engine.summaries.first)
        host.give(.containers([shown]))
        shown.state = .exited
        host.give(.containerChanged(shown))
        #expect(try host.store.resource(ResourceKey(.instance, "u-1"))?.phase == "stopped")
        #expect(ask("e2", .removeVolume(volume)) == "failure: Volume v is in use by instance u-1")
        // Nor while nothing can be said, even if it is shown no more.
        host.give(.engineLost)
        host.give(.containerGone(id: shown.id))
        #expect(ask("e3", .removeVolume(volume)) == "failure: Volume v is in use by instance u-1")
        #expect(host.engine.tornAway == [])
        #expect(host.engine.mounted == ["v"])
        // Once the container is certainly gone the volume is nobody's.
        host.engine.containers = [:]
        host.give(.containers([]))
        #expect(ask("e4", .removeVolume(volume)) == "done")
        #expect(host.engine.kept == [])
    }

    @Test("A volume that was given back is removed although the container that was made with it runs without it")
    func startedWithout() throws {
        #expect(ask("e1", .activate(user("u-1", "v"))) == "instance u-1 running")
        #expect(ask("e2", .deactivate(user("u-1", "v"))) == "instance u-1 exited")
        #expect(host.engine.mounted == [])
        #expect(ask("e3", .activate(user("u-1"))) == "instance u-1 running")
        #expect(host.engine.mounted == [])
        #expect(ask("e4", .removeVolume(VolumeSpecification(name: "v", driver: "flex"))) == "done")
        #expect(host.engine.tornAway == [])
        #expect(host.engine.kept == [])
        // What is mounted under a container that runs is taken away from it, whoever has forgotten to say so.
        #expect(ask("e5", .activate(user("u-2", "v"))) == "instance u-2 running")
        _ = host.engine.perform(.callPlugin(.unmount, VolumeSpecification(name: "v", driver: "flex")))
        #expect(host.engine.tornAway == ["v"])
    }

    @Test("A volume stays mounted for a container from before the record, and goes with the last (defect 36)")
    func unknownUsers() throws {
        for uuid in ["u-1", "u-2"] {
            host.engine.add("there-\(uuid)", uuid: uuid, .running)
            host.engine.containers["there-\(uuid)"]?.mounts = ["v"]
        }
        host.engine.mounted = ["v"]
        host.give(.containers(host.engine.summaries))
        #expect(ask("e1", .deactivate(user("u-2", "v"))) == "instance u-2 exited")
        #expect(host.engine.mounted == ["v"])
        // One that the agent knows comes and goes.
        #expect(ask("e2", .activate(user("u-3", "v"))) == "instance u-3 running")
        #expect(ask("e3", .deactivate(user("u-3", "v"))) == "instance u-3 exited")
        #expect(host.engine.mounted == ["v"])
        #expect(host.engine.tornAway == [])
        host.give(.containers(host.engine.summaries))
        #expect(ask("e4", .deactivate(user("u-1", "v"))) == "instance u-1 exited")
        #expect(host.engine.mounted == [])
    }

    @Test("A volume that the plug-in never unmounts keeps neither its instance nor itself from being removed")
    func unwilling() throws {
        #expect(ask("e1", .activate(user("u-1", "v"))) == "instance u-1 running")
        func remove(_ id: String, _ wish: TestCodec.Wish) throws -> String? {
            host.give(.event(event(id, wish)))
            while let piece = host.work.first {
                var outcome: OperationOutcome?
                if case .callPlugin(.unmount, _) = piece.operation { outcome = .refused(Refusal(message: "busy")) }
                try host.finish(nil, .none, outcome)
            }
            host.run()
            return host.answer(id)
        }
        // It is said once, and then the instance is let go.
        #expect(try remove("e2", .remove(user("u-1", "v"))) == "failure: busy")
        #expect(try remove("e3", .remove(user("u-1", "v"))) == "done")
        #expect(try remove("e4", .removeVolume(VolumeSpecification(name: "v", driver: "flex"))) == "done")
        #expect(host.engine.kept == [])
    }

    @Test("A volume that no driver is named for is the one that is known")
    func unnamedDriver() throws {
        #expect(ask("e1", .activate(user("u-1", "v"))) == "instance u-1 running")
        let unnamed = VolumeSpecification(name: "v", driver: "")
        #expect(ask("e2", .removeVolume(unnamed)) == "failure: Volume v is in use by instance u-1")
        #expect(ask("e3", .deactivate(user("u-1", "v"))) == "instance u-1 exited")
        #expect(host.engine.mounted == [])
    }

    @Test("A volume whose driver has changed is mounted and removed by the new one, and unmounted by the old one")
    func otherDriver() throws {
        #expect(ask("e1", .activate(user("u-1", "v"))) == "instance u-1 running")
        host.engine.plugins = ["other"]
        host.engine.containers = [:]
        host.give(.containers([]))
        var specification = instance("u-2")
        specification.volumes = [VolumeSpecification(name: "v", driver: "local")]
        #expect(ask("e2", .activate(specification)) == "instance u-2 running")
        #expect(host.engine.volumes["v"]?.driver == "local")
    }
}
