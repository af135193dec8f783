import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Somebody stands still, as under a debugger, in a snapshot or on a host without memory, and goes on later as if no
/// time had passed.
@Suite(.serialized, .engineDifferences)
struct FrozenTests {
    /// Of every call to the engine.
    private static let deadlineSeconds = 2
    /// For how long: longer than all deadlines that can be shortened. From 75 on it is longer than all others, too.
    private static let length = Duration.seconds(
        ProcessInfo.processInfo.environment["FROZEN_SECONDS"].flatMap { Int($0) } ?? 4)

    /// What the agent is doing when it is stopped.
    enum Moment: String, CaseIterable, Sendable { case idle, create, stop, pull, publish }

    @Test(arguments: Dialect.all, Moment.allCases)
    func `an agent that is stopped for longer than its deadlines answers everything once`(
        dialect: Dialect, moment: Moment
    )
        async throws
    {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true, deadlineSeconds: Self.deadlineSeconds)) { scene in
                let pid = try scene.agent.pid
                let bystander = try await scene.activate(scene.instance("bystander"))
                var expected = try await begin(moment, scene, registry)
                let before = scene.server.subscriptionsSoFar
                scene.agent.signal(SIGSTOP)
                try await confirmStopped(pid)
                // Events pile up, and the world goes on.
                let late = scene.instance("late")
                for event in [bystander.deactivate(timeoutSeconds: 1), late.activate()] {
                    try #require(scene.server.send(event: event))
                    expected.append(event)
                }
                try await scene.engine.kill(bystander.externalID ?? "")
                try await Task.sleep(for: Self.length / 2)
                scene.server.cutSockets()
                try await Task.sleep(for: Self.length / 2)
                scene.agent.signal(SIGCONT)

                try await scene.server.waitForSubscriber(after: before, timeout: .seconds(40))
                registry.slow(to: nil)
                // What went down with the socket is sent again by any server.
                for event in expected where scene.server.replies(to: event.eventID).isEmpty {
                    scene.server.send(event: event)
                }
                for event in expected {
                    let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(60))
                    try #require(reply.outcome == .success, "\(event["name"].text ?? ""): \(reply.failure ?? "")")
                    try scene.confirmOneAnswer(to: event)
                }
                try await scene.confirm(bystander, runs: false)
                try await scene.confirm(late, runs: true)
                let pings = try await withPings(scene) { try await scene.deactivate(late) }
                #expect(pings.areTimely)
                #expect(try scene.agent.pid == pid && scene.agent.ended == nil)
            }
        }
    }

    /// Brings the agent to the moment.
    ///
    /// - Returns: The events that are under way then.
    private func begin(_ moment: Moment, _ scene: Scene, _ registry: Registry) async throws -> [JSON] {
        switch moment {
        case .idle: return []
        case .create:
            let instance = scene.instance("created")
            scene.proxy.order(.create, of: instance.dockerName, .delay(.seconds(1)))
            let event = instance.activate()
            scene.server.send(event: event)
            try await scene.proxy.waitForFault(.create)
            return [event]
        case .stop:
            let slow = ["sh", "-c", "trap 'sleep 1; exit 0' TERM; sleep 3600 & wait"]
            let instance = try await scene.activate(scene.instance("stopped", command: slow))
            let event = instance.deactivate(timeoutSeconds: 10)
            scene.server.send(event: event)
            try await untilTrue("the stop") { scene.proxy.count(.stop) > 0 }
            return [event]
        case .pull:
            let image = try await registry.publish("frozen", megabytes: 4, scene.engine)
            registry.slow(to: 1 << 20)
            let before = registry.delivered
            let event = scene.instance("pulled") { $0.image = image }.activate()
            scene.server.send(event: event)
            try await untilTrue("the pull") { registry.delivered > before + 500_000 }
            return [event]
        case .publish:
            scene.server.setFaults { $0.publishDelay = .seconds(1) }
            let instance = scene.instance("published")
            let event = instance.activate()
            scene.server.send(event: event)
            try await untilTrue("the answer") { !scene.server.replies(to: event.eventID).isEmpty }
            scene.server.setFaults { $0.publishDelay = .zero }
            return [event]
        }
    }

    private func confirmStopped(_ pid: pid_t) async throws {
        try await untilTrue("the agent to stand still") {
            let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            return stat.split(separator: ")").last?.hasPrefix(" T") == true
        }
    }

    @Test(arguments: Dialect.all)
    func `an engine that falls silent for longer than all deadlines costs time and nothing else`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true, deadlineSeconds: Self.deadlineSeconds)) { scene in
            let known = try await scene.activate(scene.instance("known"))
            let fresh = scene.instance("fresh")
            for call in EngineCall.allCases { scene.proxy.order(call, .hangBefore, count: .max) }
            let events = [known.deactivate(timeoutSeconds: 1), fresh.activate(), known.inspect()]
            for event in events { scene.server.send(event: event) }
            let pings = try await withPings(scene) { try await Task.sleep(for: Self.length) }
            #expect(pings.areTimely)
            for event in events { #expect(scene.server.replies(to: event.eventID).isEmpty) }
            scene.proxy.cancelOrders()
            for event in events {
                let reply = try await scene.server.waitForReply(to: event.eventID)
                try #require(reply.outcome == .success, "\(reply.failure ?? "")")
                try scene.confirmOneAnswer(to: event)
            }
            try await scene.confirm(known, runs: false)
            try await scene.confirm(fresh, runs: true)
        }
    }

    @Test(arguments: Dialect.all) func `a server that stands still gets every answer once it goes on`(dialect: Dialect)
        async throws
    {
        try await KillGate.open(in: dialect) { gate in
            let instances = (1...6).map { gate.instance("waiting\($0)") }
            let events = instances.map { $0.activate() }
            for event in events { try gate.server.send(event) }
            try await untilTrue("the events to leave") { try gate.server.sentSoFar >= events.count }
            gate.server.signal(SIGSTOP)
            try await Task.sleep(for: Self.length)
            gate.server.signal(SIGCONT)
            for (instance, event) in zip(instances, events) {
                try await gate.succeed(event)
                #expect(try await gate.engine.ids(of: instance.uuid).count == 1)
                try await gate.succeed(instance.remove())
            }
            for instance in instances { try await gate.confirmLived(instance, starts: 1) }
            let (count, _) = try gate.confirmOneAnswerEach()
            #expect(count == 12)
            try await gate.confirmRest()
        }
    }
}
