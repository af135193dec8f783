import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// What becomes of events while something else goes on.
@Suite(.serialized, .engineDifferences)
struct DispatchTests {
    @Test(arguments: Dialect.all) func `a program that is replaced goes on, and ends nobody's work (defect 13)`(
        dialect: Dialect
    ) async throws {
        // What an older agent took for the sign to end itself.
        let stamp = NSTemporaryDirectory() + "stamp-" + UUID().uuidString
        try Data("1".utf8).write(to: URL(filePath: stamp))
        defer { try? FileManager.default.removeItem(atPath: stamp) }
        var setting = Scene.Setting(isProxied: true)
        setting.environment["CATTLE_STAMP_FILE"] = stamp
        try await Scene.play(in: dialect, setting) { scene in
            let pid = try scene.agent.pid
            let instance = scene.instance("stamped")
            scene.proxy.order(.create, .delay(.seconds(5)))
            let event = instance.activate()
            scene.server.send(event: event)
            try await scene.proxy.waitForFault(.create)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: 100)], ofItemAtPath: stamp)
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            try await scene.confirm(instance.learned(from: reply), runs: true)
            #expect(scene.agent.ended == nil)
            #expect(try scene.agent.pid == pid)
        }
    }

    @Test(arguments: Dialect.all)
    func `a lost connection is back within two seconds, and the event that it cost is done once (defect 18)`(
        dialect: Dialect
    )
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let instance = scene.instance("while-cut")
            let event = instance.activate()
            let before = scene.server.subscriptionsSoFar
            scene.server.cutSockets()
            let start = ContinuousClock.now
            // Nobody is there to take it; the server sends it again, and again to be sure.
            #expect(!scene.server.send(event: event))
            try await scene.server.waitForSubscriber(after: before)
            #expect(ContinuousClock.now - start < .seconds(2))
            for _ in 1...3 { #expect(scene.server.send(event: event)) }
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            try scene.confirmOneAnswer(to: event)
            try await scene.confirm(instance.learned(from: reply), runs: true)
            #expect(scene.proxy.count(.create) == 1)
        }
    }

    @Test(arguments: Dialect.all) func `a ping whose answer hangs makes none of the next ones disappear (defect 22)`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            scene.server.setFaults { $0.publishHangCount = 1 }
            let hung = scene.dialect.ping(resources: true, instances: true)
            scene.server.send(event: hung)
            try await untilTrue("the hanging publish") { scene.server.faults.publishHangCount == 0 }
            // The server sends the next ones about the same resource, one of them twice.
            for _ in 1...6 {
                let ping = scene.dialect.ping(resources: true, instances: true)
                #expect(ping["resourceId"] == hung["resourceId"])
                scene.server.send(event: ping)
                scene.server.send(event: ping)
                try await scene.server.waitForReply(to: ping.eventID, timeout: .seconds(2))
            }
            #expect(scene.server.replies(to: hung.eventID).isEmpty)
            await scene.server.suspend()
            try await scene.server.resume()
        }
    }

    @Test(arguments: Dialect.all) func `pings that nobody can answer take no place from the others`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            for number in 1...100 {
                // Not more at once than the agent takes.
                if number.isMultiple(of: 50) { try await Task.sleep(for: .milliseconds(300)) }
                var ping = scene.dialect.ping(resources: true, instances: true).object ?? JSONObject()
                // The server takes answers for addresses of its own only.
                ping["replyTo"] = "elsewhere"
                scene.server.sendRaw(text: JSON.object(ping).encodedText)
            }
            let ping = scene.dialect.ping(resources: true, instances: true)
            scene.server.send(event: ping)
            try await scene.server.waitForReply(to: ping.eventID, timeout: .seconds(3))
        }
    }
}
