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
}
