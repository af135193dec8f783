import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// An engine that goes away, or that refuses for ever. What becomes of single calls is in ``FaultMatrixTests``.
@Suite(.serialized, .engineDifferences)
struct EngineFaultTests {
    /// How long the engine is away at each step; OUTAGE_SECONDS makes it longer.
    private static let outage = Duration.seconds(
        ProcessInfo.processInfo.environment["OUTAGE_SECONDS"].flatMap { Int($0) } ?? 2)

    private static let refusal = EngineFault.answer(500, "simulated trouble")

    @Test(arguments: Dialect.all) func `the engine goes away at each step and the step is finished when it is back`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let pings = try await withPings(scene) {
                for call in [EngineCall.create, .start, .stop, .remove] {
                    for fault in [EngineFault.outageBefore(Self.outage), .outageAfter(Self.outage)] {
                        let instance = scene.instance("away")
                        scene.proxy.order(call, of: instance.dockerName, fault)
                        let start = ContinuousClock.now
                        let known = try await scene.activate(instance)
                        try await scene.deactivate(known)
                        try await scene.remove(known)
                        let took = ContinuousClock.now - start
                        #expect(took >= Self.outage, "the engine was there at \(call)")
                        print("\(call) \(fault): done after \(took.inSeconds) s")
                    }
                }
            }
            print("outages; \(pings)")
            #expect(pings.areTimely)
        }
    }

    @Test(arguments: Dialect.all)
    func `an engine that is away for ten seconds is waited for, with progress and honest pings`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let bystander = try await scene.activate(scene.instance("bystander"))
            let instance = scene.instance("patient")
            scene.proxy.down()
            let event = instance.activate()
            scene.server.send(event: event)
            // Without the engine nobody knows which containers there are, and the ping does not say.
            try await untilTrue("a ping without containers", within: .seconds(5)) {
                let reply = try await scene.server.ask(scene.dialect.ping(resources: true, instances: true))
                #expect(
                    !reply.data.encodedText.contains(bystander.externalID ?? "?")
                        || reply.data["options"]["instances"] == true)
                return reply.data["options"]["instances"].isNull
            }
            let start = ContinuousClock.now
            try await untilTrue("progress") { scene.server.progress(for: event.eventID).count >= 2 }
            try await untilTrue("ten seconds", within: .seconds(11)) { ContinuousClock.now - start >= .seconds(10) }
            #expect(scene.server.replies(to: event.eventID).isEmpty)
            try scene.proxy.up()
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            try await scene.confirm(instance.learned(from: reply), runs: true)
            try await scene.confirm(bystander, runs: true)
            try await untilTrue("a ping with containers") {
                try await scene.server.ask(scene.dialect.ping(instances: true)).data["options"]["instances"] == true
            }
        }
    }

    @Test(arguments: Dialect.all) func `an engine that is not there at boot is waited for (defect 14)`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true, starts: false)) { scene in
            scene.proxy.down()
            try await scene.start()
            let instance = scene.instance("early")
            let event = instance.activate()
            scene.server.send(event: event)
            let pings = try await withPings(scene) {
                try await untilTrue("progress") { !scene.server.progress(for: event.eventID).isEmpty }
            }
            #expect(pings.count > 5)
            #expect(pings.areTimely)
            #expect(scene.server.replies(to: event.eventID).isEmpty)
            try scene.proxy.up()
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            try await scene.confirm(instance.learned(from: reply), runs: true)
        }
    }

    @Test(arguments: Dialect.all)
    func `a stop that the engine refuses for ever is an error, and a kill that works is a success`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true, deadlineSeconds: 2)) { scene in
            let killed = try await scene.activate(scene.instance("killed"))
            scene.proxy.order(.stop, of: killed.dockerName, Self.refusal, count: .max)
            try await scene.deactivate(killed)
            #expect(scene.proxy.count(.kill, of: killed.dockerName) == 1)

            let stubborn = try await scene.activate(scene.instance("stubborn"))
            for call in [EngineCall.stop, .kill] {
                scene.proxy.order(call, of: stubborn.dockerName, Self.refusal, count: .max)
            }
            let failure = try await scene.fail(stubborn.deactivate(timeoutSeconds: 1))
            #expect(failure.hasPrefix("Failed to stop container \(stubborn.uuid)"))
            try await scene.confirm(stubborn, runs: true)
            scene.proxy.cancelOrders()
            try await scene.deactivate(stubborn)
            try await scene.remove(stubborn)
        }
    }
}

extension String {
    func padded(_ width: Int) -> String { padding(toLength: max(width, count), withPad: " ", startingAt: 0) }
}
