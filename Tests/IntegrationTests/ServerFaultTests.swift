import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Everything that can go wrong between the agent and the server.
@Suite(.serialized, .engineDifferences)
struct ServerFaultTests {
    @Test(arguments: Dialect.all) func `a socket that is cut is opened again, and the answer does not wait for that`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let pid = try scene.agent.pid
            let instance = scene.instance("cut")
            scene.proxy.order(.create, .delay(.milliseconds(500)))
            let event = instance.activate()
            let before = scene.server.subscriptionsSoFar
            scene.server.send(event: event)
            try await scene.proxy.waitForFault(.create)
            scene.server.cutSockets()
            try await confirmSuccess(instance, event, scene)
            try await scene.server.waitForSubscriber(after: before)
            for way in [{ $0.closeSockets() }, { $0.cutSockets() }] as [(RancherServer) -> Void] {
                let before = scene.server.subscriptionsSoFar
                way(scene.server)
                try await scene.server.waitForSubscriber(after: before)
            }
            try await scene.deactivate(instance)
            #expect(try scene.agent.pid == pid)
        }
    }

    @Test(arguments: Dialect.all) func `an answer that is refused six times is delivered, the same (defect 26)`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let instance = scene.instance("refused")
            scene.server.setFaults { $0.publish = .init(status: 503, count: 6) }
            let event = instance.activate()
            scene.server.send(event: event)
            try await confirmSuccess(instance, event, scene)
            #expect(scene.server.requests.count { $0.status == 503 } == 6)
        }
    }

    @Test(arguments: Dialect.all) func `an answer whose reception is not confirmed is sent again, the same`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let instance = scene.instance("unconfirmed")
            scene.server.setFaults { $0.publishCutCount = 3 }
            let event = instance.activate()
            scene.server.send(event: event)
            try await confirmSuccess(instance, event, scene)
            try await untilTrue("the answer again") { scene.server.replies(to: event.eventID).count >= 2 }
            try scene.confirmOneAnswer(to: event)
        }
    }

    @Test(arguments: Dialect.all) func `answers that hang hold up nobody, and arrive when the server is itself again`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let pid = try scene.agent.pid
            let hung = scene.instance("hung-publish")
            scene.server.setFaults { $0.publishHangCount = 1 }
            let event = hung.activate()
            scene.server.send(event: event)
            try await untilTrue("the hanging publish") { scene.server.faults.publishHangCount == 0 }
            // Somebody else's answer goes past it.
            let other = try await scene.activate(scene.instance("beside"))
            try await scene.deactivate(other)
            // The dead connection is known when the server goes away.
            await scene.server.suspend()
            try await scene.server.resume()
            try await confirmSuccess(hung, event, scene)
            #expect(try scene.agent.pid == pid)
        }
    }

    @Test(arguments: Dialect.all) func `twenty answers that hang at a time do not delay a ping`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            scene.server.setFaults { $0.publishHangCount = 20 }
            let questions = (1...20).map { scene.dialect.instanceInspect(name: "nobody-\($0)") }
            for question in questions { scene.server.send(event: question) }
            try await untilTrue("twenty hanging publishes") { scene.server.faults.publishHangCount == 0 }
            let start = ContinuousClock.now
            let pings = try await withPings(scene) {
                try await untilTrue("two seconds", within: .seconds(3)) { ContinuousClock.now - start >= .seconds(2) }
            }
            print("beside 20 hanging answers: \(pings)")
            #expect(pings.areTimely)
            await scene.server.suspend()
            try await scene.server.resume()
            for question in questions { try await scene.server.waitForReply(to: question.eventID) }
        }
    }

    @Test(arguments: Dialect.all)
    func `work goes on while the server is away, and its answers arrive when it is back (defect 17)`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let pid = try scene.agent.pid
            let instances = scene.instances(5, "absent")
            scene.proxy.order(.create, .delay(.milliseconds(500)), count: 5)
            let events = instances.map { $0.activate() }
            let before = scene.server.subscriptionsSoFar
            for event in events { scene.server.send(event: event) }
            try await scene.agent.waitForAcceptance(of: events.map(\.eventID))
            await scene.server.suspend()
            for instance in instances {
                try await untilTrue("\(instance.name) to run without the server") {
                    let ids = try await scene.engine.ids(of: instance.uuid)
                    guard let id = ids.first else { return false }
                    return try await scene.engine.state(id) == "running"
                }
            }
            try await scene.server.resume()
            for (instance, event) in zip(instances, events) { try await confirmSuccess(instance, event, scene) }
            try await scene.server.waitForSubscriber(after: before)
            #expect(try scene.agent.pid == pid)
        }
    }

    @Test(arguments: Dialect.all) func `the agent waits for a registration script and for keys that come late`(
        dialect: Dialect
    ) async throws {
        var setting = Scene.Setting(starts: false)
        setting.faults.script = .init(status: 503, count: 2)
        setting.faults.registerEmptyPolls = 2
        try await Scene.play(in: dialect, setting) { scene in
            try await scene.start()
            let pid = try scene.agent.pid
            #expect(scene.server.requests.count { $0.status == 503 } == 2)
            let instance = try await scene.activate(scene.instance("late"))
            try await scene.deactivate(instance)
            #expect(try scene.agent.pid == pid)
        }
    }

    @Test(arguments: Dialect.all) func `a server that is not there at the start is waited for`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(starts: false)) { scene in
            await scene.server.suspend()
            try scene.agent.start()
            try await scene.agent.waitForLog("Registration failed, trying again")
            try await scene.server.resume()
            try await scene.server.waitForSubscriber()
            _ = try await scene.activate(scene.instance("patience"))
        }
    }

    @Test(arguments: Dialect.all) func `an answer that could not be delivered survives the process`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let instance = scene.instance("outbox")
            scene.server.setFaults { $0.publish = .init(status: 503) }
            let event = instance.activate()
            scene.server.send(event: event)
            try await scene.agent.waitForLog("event answered")
            try await scene.agent.kill9()
            scene.server.setFaults { $0.publish = nil }
            try await scene.start()
            try await confirmSuccess(instance, event, scene)
        }
    }

    @Test(arguments: Dialect.all) func `frames in pieces, blank ones and nonsense do no harm`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let pid = try scene.agent.pid
            for text in ["", "  \n", "{\"name\":", "[]", "null", "{\"name\":\"logout\"}", "\u{0}"] {
                scene.server.sendRaw(text: text)
            }
            scene.server.setFaults { $0.fragmentSizeBytes = 7 }
            let instance = scene.instance("pieces") { $0.environment = ["TEXT": "ÄÖÜ €🐳"] }
            let known = try await scene.activate(instance)
            let inspection = try await scene.engine.inspect(known.externalID ?? "")
            #expect(inspection?["Config"]["Env"].encodedText.contains("ÄÖÜ €🐳") == true)
            #expect(try scene.agent.pid == pid)
        }
    }

    /// The event's answer came, it is a success, it always was, the engine agrees, and the process lives.
    private func confirmSuccess(_ instance: InstanceEvents, _ event: JSON, _ scene: Scene) async throws {
        let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(45))
        try #require(reply.outcome == .success, "\(reply.failure ?? "")")
        try scene.confirmOneAnswer(to: event)
        try await scene.confirm(instance.learned(from: reply), runs: true)
        try #require(scene.agent.ended == nil)
    }
}
