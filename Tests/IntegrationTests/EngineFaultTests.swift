import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Everything that can go wrong between the agent and the engine.
@Suite(.serialized, .engineDifferences)
struct EngineFaultTests {
    /// One call of an instance's life that goes wrong in one way.
    struct Case: Sendable, CustomStringConvertible {
        let call: Call
        let fault: Fault
        /// How often, in a row.
        var count = 1
        /// The event that meets the fault has to be answered with the engine's refusal.
        var isError = false

        var description: String { "\(call) \(fault)" + (count > 1 ? " \(count) times" : "") }
    }

    /// How long the engine is away at each step; OUTAGE_SECONDS makes it longer.
    private static let outage = Duration.seconds(
        ProcessInfo.processInfo.environment["OUTAGE_SECONDS"].flatMap { Int($0) } ?? 2)

    private static let refusal = Fault.answer(500, "simulated trouble")

    /// The first call of each kind in the life of an instance, and each fault.
    private static let cases: [Case] = {
        var cases: [Case] = []
        for call in [Call.create, .start, .inspect, .stop, .remove] {
            for fault in [Fault.cutBefore, .cutAfter, .hangBefore, .hangAfter, .halfAnswer, .brokenJSON] {
                cases.append(Case(call: call, fault: fault))
            }
            cases.append(Case(call: call, fault: .cutBefore, count: 3))
            cases.append(Case(call: call, fault: .cutAfter, count: 3))
            // A "no" of the engine to create or start is the answer; all else is tried again, or done in another way.
            cases.append(Case(call: call, fault: refusal, isError: call == .create || call == .start))
            // It has done it all the same, and that is what counts.
            cases.append(Case(call: call, fault: .answerAfter(500, "simulated trouble")))
        }
        return cases
    }()

    @Test func `whatever happens to one call, the end is right and nothing is claimed without evidence`() async throws {
        try await Scene.play(.init(isProxied: true, deadlineSeconds: 2)) { scene in
            let pings = try await withPings(scene) {
                let lines = try await atOnce(Array(Self.cases.enumerated()), limit: 6) { number, each in
                    try await run(each, number, scene)
                }
                print("fault".padded(49) + " activate   deactivate remove     containers")
                for line in lines { print(line) }
            }
            print("\(Self.cases.count) faults; \(pings)")
            #expect(pings.areTimely)
        }
    }

    private func run(_ each: Case, _ number: Int, _ scene: Scene) async throws -> String {
        let instance = scene.instance("fault\(number)")
        scene.proxy.order(each.call, of: instance.dockerName, each.fault, count: each.count)
        var known = instance
        var answers: [String] = []
        var counts: [Int] = []

        func ask(_ event: JSON) async throws -> Bool {
            let reply = try await scene.server.ask(event, timeout: .seconds(40))
            known = known.learned(from: reply)
            answers.append(reply.failure == nil ? "success" : "error")
            if let failure = reply.failure {
                #expect(each.isError, "\(each): \(failure)")
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
        }
        #expect(counts.last == 1, "\(each)")
        try #require(try await ask(known.deactivate(timeoutSeconds: 1)), "\(each)")
        try await scene.confirm(known, runs: false)
        try #require(try await ask(known.remove()), "\(each)")
        try await scene.confirmGone(known)
        let struck = scene.proxy.passages.contains {
            $0.call == each.call && $0.container == instance.dockerName && $0.fault != nil
        }
        #expect(struck, "\(each): the fault has not struck")
        let wasError = answers.contains("error")
        #expect(wasError == each.isError, "\(each): \(answers)")
        let columns = ["\(each)".padded(49)]
        let shown = wasError ? ["error, success"] + answers.dropFirst(2) : answers
        return (columns + shown.map { $0.padded(10) } + ["\(counts)"]).joined(separator: " ")
    }

    /// What is not about one container: these go one after the other.
    private static let sharedCases: [Case] = {
        var cases: [Case] = []
        for call in [Call.ping, .list, .inspectVolume, .createVolume, .removeVolume] {
            for fault in [Fault.cutBefore, .cutAfter, .hangBefore, .brokenJSON] {
                cases.append(Case(call: call, fault: fault))
            }
            cases.append(Case(call: call, fault: refusal, isError: call == .createVolume))
        }
        return cases
    }()

    @Test func `whatever happens to a list, a volume or a greeting, the end is right`() async throws {
        try await Scene.play(.init(isProxied: true, deadlineSeconds: 1)) { scene in
            for (number, each) in Self.sharedCases.enumerated() {
                // A new process knows nothing and greets the engine again.
                if each.call == .ping {
                    try await scene.agent.kill9()
                    scene.proxy.order(.ping, each.fault)
                    try await scene.start()
                } else {
                    scene.proxy.order(each.call, each.fault)
                }
                let volume = scene.volume("fault")
                let instance = scene.instance("shared\(number)") {
                    $0.dataVolumes = ["\(volume):/data"]
                    $0.volumes = [.init(name: volume)]
                }
                if each.isError {
                    #expect(try await scene.fail(instance.activate()).contains("simulated trouble"), "\(each)")
                    try await scene.confirmGone(instance)
                }
                let known = try await scene.activate(instance)
                // Nobody knows of this one, so it is looked for by its label.
                if each.call == .list { try await scene.succeed(scene.instance("nobody").deactivate()) }
                try await scene.deactivate(instance)
                try await scene.remove(known)
                try await scene.succeed(RancherServer.volumeRemove(name: volume))
                #expect(try await !scene.engine.hasVolume(volume), "\(each)")
                let struck = scene.proxy.passages.contains { $0.call == each.call && $0.fault == each.fault }
                #expect(struck, "\(each): the fault has not struck")
                scene.proxy.cancelOrders()
                print("\(each): \(each.isError ? "error, then " : "")success")
            }
        }
    }

    @Test func `a stream of events that breaks is opened again, and no change is missed`() async throws {
        try await Scene.play(.init(isProxied: true)) { scene in
            let watched = try await scene.activate(scene.instance("watched"))
            let id = try #require(watched.externalID)
            for fault in [Fault.cutBefore, .answer(500, "simulated trouble")] {
                scene.proxy.order(.events, fault, count: 2)
                scene.proxy.down()
                if try await scene.engine.state(id) == "running" {
                    try await scene.engine.kill(id)
                } else {
                    try await scene.engine.docker("start", id)
                }
                let state = try await scene.engine.state(id) == "running" ? "running" : "stopped"
                try scene.proxy.up()
                try await untilTrue("a ping that says \(state)") {
                    let reply = try await scene.server.ask(RancherServer.ping(instances: true))
                    return (reply.data["resources"].array ?? []).contains {
                        $0["externalId"].text == id && $0["state"].text == state
                    }
                }
            }
        }
    }

    @Test func `the engine goes away at each step and the step is finished when it is back`() async throws {
        try await Scene.play(.init(isProxied: true)) { scene in
            let pings = try await withPings(scene) {
                for call in [Call.create, .start, .stop, .remove] {
                    for fault in [Fault.outageBefore(Self.outage), .outageAfter(Self.outage)] {
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
                try await scene.server.ask(RancherServer.ping(instances: true)).data["options"]["instances"] == true
            }
        }
    }

    @Test func `an engine that is not there at boot is waited for (defect 14)`() async throws {
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
            #expect(pings.areTimely)
            #expect(scene.server.replies(to: event.eventID).isEmpty)
            try scene.proxy.up()
            let reply = try await scene.server.waitForReply(to: event.eventID)
            #expect(reply.outcome == .success)
            try await scene.confirm(instance.learned(from: reply), runs: true)
        }
    }

    @Test func `a stop that the engine refuses for ever is an error, and a kill that works is a success`() async throws
    {
        try await Scene.play(.init(isProxied: true, deadlineSeconds: 2)) { scene in
            let killed = try await scene.activate(scene.instance("killed"))
            scene.proxy.order(.stop, of: killed.dockerName, Self.refusal, count: .max)
            try await scene.deactivate(killed)
            #expect(scene.proxy.count(.kill, of: killed.dockerName) == 1)

            let stubborn = try await scene.activate(scene.instance("stubborn"))
            for call in [Call.stop, .kill] {
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
