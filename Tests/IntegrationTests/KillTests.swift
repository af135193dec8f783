import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// The power goes at any instant; nothing is lost, done twice or answered in two ways.
@Suite(.serialized, .engineDifferences)
struct KillTests {
    /// How many instances have to be hit between the taking of their event and its answer, per kind of event; half of
    /// them in each dialect.
    private static let wanted = Dialect.share(
        of: ProcessInfo.processInfo.environment["KILL_ROUNDS"].flatMap { Int($0) } ?? 50)
    private static let seed = ProcessInfo.processInfo.environment["KILL_SEED"].flatMap { UInt64($0) } ?? 20_240_607
    private static let atATime = 5

    @Test(arguments: Dialect.all) func `fifty instances are each killed on the way up, down and out, and all arrive`(
        dialect: Dialect
    ) async throws {
        var random = SplitMix(state: Self.seed)
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            print("kill -9: seed \(Self.seed), \(Self.wanted) instances a kind")
            var alive: [InstanceEvents] = []
            // Stopping takes a moment, so that there is something to interrupt.
            let slow = ["sh", "-c", "trap 'sleep 0.2; exit 0' TERM; sleep 3600 & wait"]

            let up = try await hit("activate", scene, &random, longestMilliseconds: 900) { number in
                let volume = scene.volume("kill")
                let instance = scene.instance("kill\(number)", command: slow) {
                    $0.dataVolumes = ["\(volume):/data"]
                    $0.volumes = [.init(name: volume)]
                }
                return (instance, instance.activate())
            } confirm: { instance, reply in
                let known = instance.learned(from: reply)
                try await scene.confirm(known, runs: true)
                if !alive.contains(where: { $0.uuid == known.uuid }) { alive.append(known) }
            }
            #expect(try await scene.engine.containers(label: Engine.label).count == alive.count)

            // Where too many were quicker than the kill, further instances take their turn.
            var waiting = alive[...]
            let down = try await hit("deactivate", scene, &random, longestMilliseconds: 500) { number in
                let instance: InstanceEvents
                if let known = waiting.popFirst() {
                    instance = known
                } else {
                    instance = try await scene.activate(scene.instance("more\(number)", command: slow))
                    alive.append(instance)
                }
                return (instance, instance.deactivate(timeoutSeconds: 5))
            } confirm: { instance, _ in
                try await scene.confirm(instance, runs: false)
            }
            waiting = alive[...]
            // Removing is over in an instant otherwise.
            scene.proxy.order(.remove, .delay(.milliseconds(250)), count: .max)
            let out = try await hit("remove", scene, &random, longestMilliseconds: 320) { number in
                guard let instance = waiting.popFirst() else {
                    let instance = try await scene.activate(scene.instance("last\(number)"))
                    try await scene.deactivate(instance)
                    return (instance, instance.remove())
                }
                return (instance, instance.remove())
            } confirm: { instance, _ in
                try await scene.confirmGone(instance)
            }
            for (kind, result) in [("activates", up), ("deactivates", down), ("removes", out)] {
                print(
                    "\(kind): \(result.answered) of \(result.sent) answered well, \(result.hits) hit before their answer"
                )
                #expect(result.hits >= Self.wanted, "\(kind)")
                #expect(result.answered == result.sent, "\(kind)")
            }
            for instance in waiting { try await scene.remove(instance) }
            #expect(try await scene.engine.containers(label: Engine.label).isEmpty)
        }
    }

    @Test(arguments: Dialect.all) func `a change of mind and a kill at any instant end as was asked last`(
        dialect: Dialect
    ) async throws {
        var random = SplitMix(state: Self.seed)
        try await Scene.play(in: dialect) { scene in
            var superseded = 0
            for round in 1...10 {
                let instance = scene.instance("mind\(round)")
                var events = [instance.activate(), instance.deactivate(timeoutSeconds: 1)]
                if round.isMultiple(of: 2) { events.append(instance.activate()) }
                for event in events {
                    try #require(scene.server.send(event: event))
                    try await scene.agent.waitForAcceptance(of: [event.eventID])
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...200, using: &random)))
                }
                try await scene.restart()
                for event in events.dropLast() {
                    let reply = try await scene.server.waitForReply(to: event.eventID)
                    if let failure = reply.failure {
                        try #require(failure.contains("superseded"), "\(failure)")
                        superseded += 1
                    }
                    try scene.confirmOneAnswer(to: event)
                }
                let last = try await scene.server.waitForReply(to: events[events.count - 1].eventID)
                try #require(last.outcome == .success, "\(last.failure ?? "")")
                // Stopped before it was ever made, there is none.
                let ids = try await scene.engine.ids(of: instance.uuid)
                try #require(ids.count == 1 || (ids.isEmpty && events.count == 2), "containers: \(ids)")
                if !ids.isEmpty { try await scene.confirm(instance.learned(from: last), runs: events.count == 3) }
            }
            print("10 changes of mind with a kill: \(superseded) wishes were superseded, all 25 events answered")
        }
    }

    @Test(arguments: Dialect.all) func `a kill in the middle of a pull costs the pull nothing but time`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let (first, second) = (
                    try await registry.publish("midway1", megabytes: 6, scene.engine),
                    try await registry.publish("midway2", megabytes: 6, scene.engine)
                )
                registry.slow(to: 1 << 20)
                let instance = scene.instance("midway") { $0.image = first }
                let name = second.dropFirst(registry.address.count + 1)
                let events = [
                    instance.activate(),
                    scene.dialect.instancePull(image: String(name), server: registry.address),
                ]
                for event in events { scene.server.send(event: event) }
                try await scene.agent.waitForAcceptance(of: events.map(\.eventID))
                for _ in 1...3 {
                    let before = registry.delivered
                    try await untilTrue("the middle of a layer") { registry.delivered > before + (1 << 20) }
                    try await scene.agent.kill9()
                    let places = try StoreAtRest(stateDirectory: scene.stateDirectory).places
                    try #require(places.contains("image pulling"), "\(places)")
                    for event in events { try #require(scene.server.replies(to: event.eventID).isEmpty) }
                    try await scene.start()
                }
                registry.slow(to: nil)
                for event in events {
                    // As a server does that hears nothing for long.
                    scene.server.send(event: event)
                    let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(60))
                    try #require(reply.outcome == .success, "\(reply.failure ?? "")")
                    try scene.confirmOneAnswer(to: event)
                }
                try await scene.confirm(instance, runs: true)
                for image in [first, second] { #expect(try await scene.engine.hasImage(image)) }
                #expect(scene.proxy.count(.pull) >= 8, "each start asks for both again")
                #expect(scene.proxy.count(.create) == 2, "one that shows the image missing, one after the pull")
                #expect(try StoreAtRest(stateDirectory: scene.stateDirectory).underWay == [])
            }
        }
    }

    /// Sends a few events, kills the agent at a random instant after it has taken them, starts it again and waits for
    /// the answers; until enough events were hit before their answer.
    private func hit(
        _ kind: String, _ scene: Scene, _ random: inout SplitMix, longestMilliseconds: Int,
        next: (Int) async throws -> (InstanceEvents, JSON), confirm: (InstanceEvents, Published) async throws -> Void
    ) async throws -> (hits: Int, sent: Int, answered: Int) {
        var hits = 0
        var sent = 0
        var answered = 0
        var instants: [Int] = []
        // Of events that the agent is done with before the kill there may be many, but not most.
        while hits < Self.wanted, sent < Self.wanted * 4 {
            var batch: [(InstanceEvents, JSON)] = []
            for _ in 1...Self.atATime {
                sent += 1
                batch.append(try await next(sent))
            }
            for (_, event) in batch { try #require(scene.server.send(event: event)) }
            try await scene.agent.waitForAcceptance(of: batch.map(\.1.eventID))
            let instant = Int.random(in: 0...longestMilliseconds, using: &random)
            instants.append(instant)
            // Not a wait for something: the instant is the test.
            try await Task.sleep(for: .milliseconds(instant))
            try await scene.agent.kill9()
            hits += batch.count { scene.server.replies(to: $0.1.eventID).isEmpty }
            try await scene.start()
            for (instance, event) in batch {
                let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(60))
                try #require(reply.outcome == .success, "\(instance.name): \(reply.failure ?? "")")
                try await confirm(instance, reply)
                try scene.confirmOneAnswer(to: event)
                answered += 1
            }
            // The server asks the same once more: the same answer comes again, and nothing is done again.
            let (instance, event) = batch[0]
            let before = scene.server.replies(to: event.eventID).count
            scene.server.send(event: event)
            try await untilTrue("the answer again") { scene.server.replies(to: event.eventID).count > before }
            try scene.confirmOneAnswer(to: event)
            try await confirm(instance, scene.server.replies(to: event.eventID)[0])
        }
        print("\(kind): killed \(instants) ms after acceptance; \(hits) of \(sent) unanswered then")
        return (hits, sent, answered)
    }
}

/// A small generator that goes the same way from the same seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
