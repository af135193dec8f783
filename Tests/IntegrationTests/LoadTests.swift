import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Many events, repeated events, events that contradict each other, and calls that hang.
@Suite(.serialized, .engineDifferences)
struct LoadTests {
    @Test(arguments: Dialect.all)
    func `eight instances, each asked on the instant of its last answer, are answered 24 of 24 times`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let pings = try await withPings(scene) {
                let answered = try await atOnce(scene.instances(8, "relay")) { instance in
                    let known = instance.learned(from: try await scene.succeed(instance.activate()))
                    try await scene.succeed(known.deactivate(timeoutSeconds: 1))
                    try await scene.succeed(known.remove())
                    try await scene.confirmGone(known)
                    return 3
                }
                #expect(answered.reduce(0, +) == 24)
            }
            print("24 of 24 answered; \(pings)")
            #expect(pings.areTimely)
        }
    }

    @Test(arguments: Dialect.all) func `an event sent twenty times during a slow create makes one container`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let instance = scene.instance("twenty")
            scene.proxy.order(.create, .delay(.seconds(1)))
            let event = instance.activate()
            for _ in 1...20 { scene.server.send(event: event) }
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            // Once more, after the answer: it comes again.
            scene.server.send(event: event)
            try await untilTrue("the answer once more") { scene.server.replies(to: event.eventID).count >= 2 }
            try scene.confirmOneAnswer(to: event)
            #expect(scene.proxy.count(.create) == 1)
            #expect(scene.proxy.count(.start) == 1)
            try await scene.confirm(instance.learned(from: reply), runs: true)
        }
    }

    @Test(arguments: Dialect.all, [EngineCall.create, .start])
    func `a deactivate overtakes a slow activate, both are answered, and it ends stopped (defect 21)`(
        dialect: Dialect, slow: EngineCall
    )
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let instance = scene.instance("overtaken")
            scene.proxy.order(slow, .delay(.seconds(1)))
            let activate = instance.activate()
            scene.server.send(event: activate)
            try await scene.proxy.waitForFault(slow)
            let deactivate = instance.deactivate(timeoutSeconds: 1)
            try await scene.succeed(deactivate)
            let first = try await scene.server.waitForReply(to: activate.eventID)
            #expect(first.failure?.contains("superseded") == true)
            try await scene.confirm(instance, runs: false)
            // And back again.
            try await scene.confirm(try await scene.activate(instance), runs: true)
            try scene.confirmOneAnswer(to: activate)
        }
    }

    @Test(arguments: Dialect.all) func `two hundred events at once are answered two hundred times (defect 20)`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let instances = scene.instances(40, "crowd", command: ["true"])
            var events = instances.map { $0.activate() }
            for number in 1...40 {
                events.append(scene.dialect.instanceInspect(name: "nobody-\(number)"))
                events.append(scene.dialect.instancePull(image: Engine.image, server: nil, mode: "cached"))
                events.append(scene.instance("missing\(number)").deactivate())
                events.append(
                    scene.dialect.makeEvent(
                        name: "compute.instance.activate", resourceType: "instance", resourceId: "1i\(number)",
                        data: [:]))
            }
            #expect(events.count == 200)
            let start = ContinuousClock.now
            let all = events
            let pings = try await withPings(scene) {
                for event in all { try #require(scene.server.send(event: event)) }
                for event in all { try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(120)) }
            }
            print("200 of 200 answered in \((ContinuousClock.now - start).inSeconds) s; \(pings)")
            #expect(pings.areTimely)
            for event in all { try scene.confirmOneAnswer(to: event) }
            let failures = all.count { scene.server.replies(to: $0.eventID)[0].failure != nil }
            #expect(failures == 40, "only the unusable ones are errors")
            for instance in instances { #expect(try await scene.engine.ids(of: instance.uuid).count == 1) }
        }
    }

    @Test(arguments: Dialect.all) func `a call that hangs for one instance delays none of ten others (defect 73)`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let hung = scene.instance("hung")
            for call in [EngineCall.create, .start] {
                scene.proxy.order(call, of: hung.dockerName, .hangBefore, count: .max)
            }
            let event = hung.activate()
            scene.server.send(event: event)
            try await scene.proxy.waitForFault(.create, of: hung.dockerName)
            let start = ContinuousClock.now
            let pings = try await withPings(scene) {
                _ = try await atOnce(scene.instances(10, "free")) { instance in
                    let known = try await scene.activate(instance)
                    try await scene.deactivate(known)
                    try await scene.remove(known)
                }
            }
            print("10 lives beside a hung one in \((ContinuousClock.now - start).inSeconds) s; \(pings)")
            #expect(ContinuousClock.now - start < .seconds(25))
            #expect(pings.areTimely)
            #expect(scene.server.replies(to: event.eventID).isEmpty)
            // The server is told that it is still being worked on.
            try await untilTrue("progress of the hung one") { !scene.server.progress(for: event.eventID).isEmpty }
        }
    }

    @Test(arguments: Dialect.all)
    func `a container that vanishes before its start is made anew, and there is one in the end`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let instance = scene.instance("vanished")
            scene.proxy.order(.start, .delay(.seconds(1)))
            let event = instance.activate()
            scene.server.send(event: event)
            try await scene.proxy.waitForFault(.start)
            for id in try await scene.engine.ids(of: instance.uuid) { try await scene.engine.remove(id) }
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            try await scene.confirm(instance.learned(from: reply), runs: true)
            #expect(scene.proxy.count(.create) == 2)
        }
    }
}
