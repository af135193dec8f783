import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Everything that can go wrong between the agent and the engine.
@Suite(.serialized)
struct EngineFaultTests {
    /// One call of an instance's life that goes wrong in one way.
    struct Case: Sendable, CustomStringConvertible {
        let call: Call
        let fault: Fault
        /// How the event that meets the fault has to be answered.
        let expected: Expected

        enum Expected: String, Sendable { case success, error, either }

        var description: String { "\(call) \(fault)" }
    }

    private static let refusal = Fault.answer(500, "simulated trouble")

    /// The first call of each kind in the life of an instance, and each fault.
    private static let cases: [Case] = {
        var cases: [Case] = []
        for call in [Call.create, .start, .inspect, .stop, .remove] {
            for fault in [Fault.cutBefore, .cutAfter, .hangBefore, .hangAfter, .halfAnswer, .brokenJSON] {
                cases.append(Case(call: call, fault: fault, expected: .success))
            }
        }
        // A "no" of the engine to create or start is the answer; all else is tried again, or done in another way.
        cases.append(Case(call: .create, fault: refusal, expected: .error))
        cases.append(Case(call: .start, fault: refusal, expected: .error))
        for call in [Call.inspect, .stop, .remove] { cases.append(Case(call: call, fault: refusal, expected: .success)) }
        return cases
    }()

    @Test func `whatever happens to one call, the end is right and nothing is claimed without evidence`() async throws {
        try await Scene.play(.init(isProxied: true, deadlineSeconds: 2)) { scene in
            let pings = try await withPings(scene) {
                let lines = try await atOnce(Array(Self.cases.enumerated()), limit: 6) { number, each in
                    try await run(each, number, scene)
                }
                print("call     fault                                    activate   deactivate remove     containers")
                for line in lines { print(line) }
            }
            print("\(Self.cases.count) faults; \(pings)")
            #expect(pings.longest < .seconds(1))
        }
    }

    private func run(_ each: Case, _ number: Int, _ scene: Scene) async throws -> String {
        let instance = scene.instance("fault\(number)")
        scene.proxy.order(each.call, of: instance.dockerName, each.fault)
        var known = instance
        var answers: [String] = []
        var counts: [Int] = []

        func ask(_ event: JSON) async throws -> Bool {
            let reply = try await scene.server.ask(event, timeout: .seconds(40))
            known = known.learned(from: reply)
            answers.append(reply.failure == nil ? "success" : "error")
            if let failure = reply.failure {
                #expect(each.expected != .success, "\(each): \(failure)")
                #expect(failure.contains("simulated trouble"), "\(each): \(failure)")
            }
            try scene.confirmOneAnswer(to: event)
            counts.append(try await scene.engine.ids(of: instance.uuid).count)
            return reply.failure == nil
        }

        if try await ask(known.activate()) {
            try await scene.confirm(known, runs: true)
        } else {
            // An error leaves nothing behind, and the next try of the server succeeds.
            try await scene.confirmGone(known)
            #expect(try await ask(known.activate()), "\(each)")
            try await scene.confirm(known, runs: true)
            #expect(each.expected != .success)
        }
        #expect(counts.last == 1, "\(each)")
        try #require(try await ask(known.deactivate(timeoutSeconds: 1)), "\(each)")
        try await scene.confirm(known, runs: false)
        try #require(try await ask(known.remove()), "\(each)")
        try await scene.confirmGone(known)
        let struck = scene.proxy.passages.contains { $0.call == each.call && $0.container == instance.dockerName && $0.fault != nil }
        #expect(struck, "\(each): the fault has not struck")
        let wasError = answers.contains("error")
        #expect(wasError == (each.expected == .error), "\(each): \(answers)")
        let columns = ["\(each.call)".padded(8), "\(each.fault)".padded(40)]
        let shown = wasError ? ["error, success"] + answers.dropFirst(2) : answers
        return (columns + shown.map { $0.padded(10) } + ["\(counts)"]).joined(separator: " ")
    }

    @Test func `the engine goes away at each step and the step is finished when it is back`() async throws {
        try await Scene.play(.init(isProxied: true)) { scene in
            let pings = try await withPings(scene) {
                for call in [Call.create, .start, .stop, .remove] {
                    for fault in [Fault.outageBefore(.seconds(2)), .outageAfter(.seconds(2))] {
                        let instance = scene.instance("away")
                        scene.proxy.order(call, of: instance.dockerName, fault)
                        let start = ContinuousClock.now
                        let known = try await scene.activate(instance)
                        try await scene.deactivate(known)
                        try await scene.remove(known)
                        let took = ContinuousClock.now - start
                        #expect(took >= .seconds(2), "the engine was there at \(call)")
                        print("\(call) \(fault): done after \(took.inSeconds) s")
                    }
                }
            }
            print("outages; \(pings)")
            #expect(pings.longest < .seconds(1))
        }
    }

    @Test func `an engine that is away for ten seconds is waited for, with progress and honest pings`() async throws {
        try await Scene.play(.init(isProxied: true)) { scene in
            let bystander = try await scene.activate(scene.instance("bystander"))
            let instance = scene.instance("patient")
            scene.proxy.down()
            let event = instance.activate()
            scene.server.send(event: event)
            // Without the engine nobody knows which containers there are, and the ping does not say.
            try await untilTrue("a ping without containers", within: .seconds(5)) {
                let reply = try await scene.server.ask(RancherServer.ping(resources: true, instances: true))
                #expect(!reply.data.encodedText.contains(bystander.externalID ?? "?") || reply.data["options"]["instances"] == true)
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
                try await scene.server.ask(RancherServer.ping(instances: true)).data["options"]["instances"] == true
            }
        }
    }

    @Test func `an engine that is not there at boot is waited for`() async throws {
        try await Scene.play(.init(isProxied: true, starts: false)) { scene in
            scene.proxy.down()
            try await scene.start()
            let instance = scene.instance("early")
            let event = instance.activate()
            scene.server.send(event: event)
            let pings = try await withPings(scene) {
                try await untilTrue("progress") { !scene.server.progress(for: event.eventID).isEmpty }
            }
            #expect(pings.count > 5)
            #expect(pings.longest < .seconds(1))
            #expect(scene.server.replies(to: event.eventID).isEmpty)
            try scene.proxy.up()
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            try await scene.confirm(instance.learned(from: reply), runs: true)
        }
    }

    @Test func `a stop that the engine refuses for ever is an error, and a kill that works is a success`() async throws {
        try await Scene.play(.init(isProxied: true, deadlineSeconds: 2)) { scene in
            let killed = try await scene.activate(scene.instance("killed"))
            scene.proxy.order(.stop, of: killed.dockerName, Self.refusal, count: .max)
            try await scene.deactivate(killed)
            #expect(scene.proxy.count(.kill, of: killed.dockerName) == 1)

            let stubborn = try await scene.activate(scene.instance("stubborn"))
            for call in [Call.stop, .kill] { scene.proxy.order(call, of: stubborn.dockerName, Self.refusal, count: .max) }
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
