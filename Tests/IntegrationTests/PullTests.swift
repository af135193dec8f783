import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Images from a real registry.
@Suite(.serialized, .engineDifferences)
struct PullTests {
    @Test(arguments: Dialect.all) func `a missing image is pulled when an instance is activated, with progress`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect) { scene in
                let image = try await registry.publish("fresh", megabytes: 4, scene.engine)
                registry.slow(to: 2 << 20)
                let instance = scene.instance("pulled") { $0.image = image }
                let event = instance.activate()
                let reply = try await scene.succeed(event, within: .seconds(60))
                try await scene.confirm(instance.learned(from: reply), runs: true)
                let texts = scene.server.progress(for: event.eventID).map { message -> String in
                    guard case .progress(let text) = message.outcome else { return "" }
                    return text
                }
                print("progress: \(texts)")
                #expect(
                    texts.contains {
                        $0.hasPrefix("Pulling from fresh") || $0 == "Downloading" || $0 == "Pulling fs layer"
                    })
            }
        }
    }

    @Test(arguments: Dialect.all) func `an image that no registry has is an error in the engine's words (defect 54)`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect) { scene in
                let instance = scene.instance("unknown") { $0.image = "\(registry.address)/nothing:here" }
                let failure = try await scene.fail(instance.activate())
                print("unknown image: \(failure)")
                #expect(failure.contains("nothing"))
                try await scene.confirmGone(instance)
                let pulled = try await scene.fail(
                    scene.dialect.instancePull(image: "nothing:here", server: registry.address))
                #expect(pulled.contains("nothing"))
            }
        }
    }

    @Test(arguments: Dialect.all)
    func
        `a registry that goes in the middle of a layer is an error that says so, and next time it works (defects 54, 55)`(
            dialect: Dialect
        ) async throws
    {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let image = try await registry.publish("vanishing", megabytes: 8, scene.engine)
                registry.slow(to: 8 << 20)
                registry.vanish(after: 2 << 20)
                let instance = scene.instance("vanishing") { $0.image = image }
                let failure = try await scene.fail(instance.activate(), within: .seconds(120))
                print("registry gone: \(failure)")
                #expect(failure.contains("vanishing") || failure.contains("127.0.0.1"))
                #expect(failure.contains("refused") || failure.contains("EOF") || failure.contains("reset"))
                #expect(scene.proxy.count(.pull) == 1, "the engine's last word is not asked for again")
                try await scene.confirmGone(instance)
                try registry.returnToService()
                registry.slow(to: nil)
                _ = try await scene.activate(instance, within: .seconds(60))
            }
        }
    }

    @Test(arguments: Dialect.all) func `a registry that falls silent in the middle of a layer is given up (defect 58)`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true, deadlineSeconds: 2)) { scene in
                let image = try await registry.publish("silent", megabytes: 4, scene.engine)
                let before = registry.delivered
                registry.hang(after: 1 << 20)
                let name = String(image.dropFirst(registry.address.count + 1))
                let event = scene.dialect.instancePull(image: name, server: registry.address)
                let start = ContinuousClock.now
                let failure = try await scene.fail(event, within: .seconds(60))
                print("registry silent: \(failure), after \((ContinuousClock.now - start).inSeconds) s")
                #expect(failure.contains("did not answer within") || failure.contains("reported no progress"))
                // It was in the middle of the layer, and not before its beginning.
                #expect(registry.delivered - before >= 1 << 20)
                #expect(scene.proxy.count(.pull) == 5)
                // Meanwhile the server knew that the agent was at it.
                #expect(!scene.server.progress(for: event.eventID).isEmpty)
                try registry.returnToService()
                try await scene.succeed(RancherServer.renewed(event), within: .seconds(60))
                #expect(try await scene.engine.hasImage(image))
            }
        }
    }

    @Test(arguments: Dialect.all)
    func `the signal to stop is obeyed in the middle of a pull, and the next start goes on`(dialect: Dialect)
        async throws
    {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect) { scene in
                let image = try await registry.publish("resumed", megabytes: 8, scene.engine)
                let before = registry.delivered
                registry.slow(to: 512 << 10)
                let instance = scene.instance("resumed") { $0.image = image }
                let event = instance.activate()
                scene.server.send(event: event)
                try await untilTrue("some of the image") { registry.delivered - before > 256 << 10 }
                let (ending, took) = try await scene.agent.terminate()
                print("SIGTERM in a pull: \(ending) after \(took.inSeconds) s")
                #expect(ending == .code(0))
                #expect(took < .seconds(8))
                #expect(scene.server.replies(to: event.eventID).isEmpty)
                registry.slow(to: nil)
                try await scene.start()
                let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(60))
                #expect(reply.outcome == .success)
                try await scene.confirm(instance.learned(from: reply), runs: true)
            }
        }
    }
}
