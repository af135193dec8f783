import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Images from a real registry.
@Suite(.serialized)
struct PullTests {
    @Test func `a missing image is pulled when an instance is activated, with progress`() async throws {
        try await Registry.serve { registry in
            try await Scene.play { scene in
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
                // Two want the same missing image at the same time: one pull serves both.
                let second = try await registry.publish("shared", megabytes: 1, scene.engine)
                registry.slow(to: 1 << 20)
                let pair = ["one", "two"].map { name in scene.instance(name) { $0.image = second } }
                _ = try await atOnce(pair) { try await scene.activate($0, within: .seconds(60)) }
            }
        }
    }

    @Test func `an image is pulled under a temporary name, which the second phase takes away`() async throws {
        try await Registry.serve { registry in
            try await Scene.play { scene in
                let image = try await registry.publish("tagged:v1", scene.engine)
                let name = String(image.dropFirst(registry.address.count + 1))
                func pull(complete: Bool) -> JSON {
                    RancherServer.instancePull(
                        image: name, server: registry.address, complete: complete, tag: "pull-abc")
                }
                let reply = try await scene.succeed(pull(complete: false))
                #expect(reply.data["fields"]["dockerImage"]["Id"].nonEmptyText != nil)
                #expect(try await scene.engine.hasImage(image + "pull-abc"))
                try await scene.succeed(pull(complete: true))
                #expect(try await !scene.engine.hasImage(image + "pull-abc"))
                #expect(try await scene.engine.hasImage(image))
                // Once more, when there is nothing left to take away.
                try await scene.succeed(pull(complete: true))
            }
        }
    }

    @Test func `an image that no registry has is an error in the engine's words`() async throws {
        try await Registry.serve { registry in
            try await Scene.play { scene in
                let instance = scene.instance("unknown") { $0.image = "\(registry.address)/nothing:here" }
                let failure = try await scene.fail(instance.activate())
                print("unknown image: \(failure)")
                #expect(failure.contains("nothing"))
                try await scene.confirmGone(instance)
                let pulled = try await scene.fail(
                    RancherServer.instancePull(image: "nothing:here", server: registry.address))
                #expect(pulled.contains("nothing"))
            }
        }
    }

    @Test func `a registry that goes away in the middle of a pull is an error that says so`() async throws {
        try await Registry.serve { registry in
            try await Scene.play { scene in
                let image = try await registry.publish("vanishing", megabytes: 8, scene.engine)
                let before = registry.delivered
                registry.slow(to: 1 << 20)
                let instance = scene.instance("vanishing") { $0.image = image }
                let event = instance.activate()
                scene.server.send(event: event)
                try await untilTrue("half a megabyte of the image") { registry.delivered - before > 512 << 10 }
                registry.vanish()
                let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(120))
                let failure = try #require(reply.failure)
                print("registry gone: \(failure)")
                #expect(failure.contains("vanishing") || failure.contains("127.0.0.1"))
                #expect(failure.contains("refused") || failure.contains("EOF") || failure.contains("reset"))
                try await scene.confirmGone(instance)
            }
        }
    }

    @Test func `the signal to stop is obeyed in the middle of a pull, and the next start goes on`() async throws {
        try await Registry.serve { registry in
            try await Scene.play { scene in
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
