import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Synchronization
import Testing

/// Whole lives of many instances, while the agent, and sometimes the server, is killed again and again.
@Suite(.serialized, .engineDifferences)
struct KillGateTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let rounds = environment["KILL_GATE_ROUNDS"].flatMap { Int($0) } ?? 20
    private static let seed = environment["KILL_GATE_SEED"].flatMap { UInt64($0) } ?? 20_240_607
    private static let livesPerRound = 10
    private static let mostKillsPerRound = 9

    @Test(arguments: Dialect.all) func `lives go on through kills at any instant, and every event has one answer`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await KillGate.open(in: dialect) { gate in
                // Half of the rounds in each dialect: what is killed is the same machine.
                let rounds = Dialect.share(of: Self.rounds)
                print("kill gate: \(rounds) rounds with \(dialect), seed \(Self.seed)")
                var tally = Tally()
                let image = try await registry.publish("gate", megabytes: 1, gate.engine)
                registry.slow(to: 4 << 20)
                for number in 0..<rounds {
                    let seed = Self.seed &+ UInt64(number)
                    do {
                        try await round(seed, image, gate, &tally)
                    } catch {
                        print(
                            "round \(number + 1) failed; again with: DIALECT=\(dialect.rawValue) make kill-test ROUNDS=1 SEED=\(seed)"
                        )
                        throw error
                    }
                    _ = try? await gate.engine.docker("rmi", "-f", image)
                }
                try await gate.confirmRest()
                let (events, answers) = try gate.confirmOneAnswerEach()
                print(
                    """
                    kill gate: \(tally.kills) kills of the agent, \(tally.serverKills) of the server; \(events) events, \
                    each with one answer, \(answers - events) repetitions of them; \(tally.resumed) pieces of work resumed
                    \(tally)
                    """)
                #expect(tally.kills >= rounds * 3)
                #expect(tally.places.count >= 5, "the kills have hit too few places to prove anything")
                #expect(tally.resumed >= rounds)
            }
        }
    }

    private func round(_ seed: UInt64, _ image: String, _ gate: KillGate, _ tally: inout Tally) async throws {
        var random = SplitMix(state: seed)
        let start = ContinuousClock.now
        let before = (tally, gate.askedSoFar, try gate.server.answersSoFar)
        let lives = (0..<Self.livesPerRound).map { Life(number: $0, image: image, gate: gate, random: &random) }
        let living = Living(lives.count)
        let last = try await withThrowingTaskGroup(of: JSON.self) { group in
            for life in lives {
                group.addTask {
                    defer { living.ended() }
                    return try await life.live(gate)
                }
            }
            try await kill(gate, &random, &tally) { living.count == 0 }
            var last: JSON?
            for try await event in group { last = event }
            return last
        }
        for life in lives { try await life.confirm(gate) }
        if let last { try await gate.confirmRepetition(of: last.eventID, last) }
        print(
            """
            seed \(seed): \(tally.kills - before.0.kills) kills, \(tally.serverKills - before.0.serverKills) of the \
            server, \(gate.askedSoFar - before.1) events, \(try gate.server.answersSoFar - before.2) answers, \
            \(tally.resumed - before.0.resumed) resumed, \(Int((ContinuousClock.now - start).inSeconds * 1000)) ms
            """)
    }

    /// Kills the agent until the lives are over, but not for ever; often while it is just starting, and now and then the server.
    private func kill(
        _ gate: KillGate, _ random: inout SplitMix, _ tally: inout Tally, isOver: () -> Bool
    ) async throws {
        let isServerHit = random.next() % 3 == 0
        for number in 1...Self.mostKillsPerRound where !isOver() {
            // A start takes some 60 ms, so a third of the kills hits one.
            let range = Int.random(in: 0..<3, using: &random) == 0 ? 0...120 : 100...1200
            try await Task.sleep(for: .milliseconds(Int.random(in: range, using: &random)))
            try await gate.agent.kill9()
            let store = try StoreAtRest(stateDirectory: gate.stateDirectory)
            guard store.integrity == "ok" else { throw HarnessError("the database is broken: \(store.integrity)") }
            tally.note(store)
            if isServerHit, number.isMultiple(of: 4) {
                try await gate.server.kill9()
                tally.serverKills += 1
                // Sometimes the agent is there before the server.
                if Bool.random(using: &random) { try gate.agent.start() }
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &random)))
                try await gate.server.start()
                if gate.agent.ended == nil { continue }
            }
            try gate.agent.start()
        }
    }
}

/// What one instance goes through.
private struct Life: Sendable {
    let instance: InstanceEvents
    let volume: String?
    let number: Int
    /// Before each event.
    let pauses: [Duration]

    init(number: Int, image: String, gate: KillGate, random: inout SplitMix) {
        self.number = number
        // Stopping takes a moment, so that there is something to interrupt.
        let slow = ["sh", "-c", "trap 'sleep 0.3; exit 0' TERM; sleep 3600 & wait"]
        let volume = number % 3 == 1 ? gate.volume("gate") : nil
        self.volume = volume
        instance = gate.instance("life\(number)", command: slow) {
            if number % 5 == 2 { $0.image = image }
            if let volume {
                $0.dataVolumes = ["\(volume):/data"]
                $0.volumes = [.init(name: volume)]
            }
        }
        pauses = (0..<8).map { _ in .milliseconds(Int.random(in: 0...300, using: &random)) }
    }

    /// - Returns: The last event.
    func live(_ gate: KillGate) async throws -> JSON {
        var known = instance
        func step(_ number: Int, _ event: JSON) async throws {
            try await Task.sleep(for: pauses[number])
            let reply = try await gate.succeed(event)
            guard let id = reply.containerID else { return }
            if let old = known.externalID, old != id { throw HarnessError("\(known.name) has another container") }
            known.externalID = id
            known.firstRunning = known.firstRunning ?? 1_719_835_200_000
        }
        if number % 2 == 0 {
            // The same wish twice at once.
            let (first, second) = (known.activate(), known.activate())
            async let other = gate.succeed(second)
            try await step(0, first)
            let id = try await other.containerID
            if id != known.externalID { throw HarnessError("two answers name two containers") }
        } else {
            try await step(0, known.activate())
        }
        try await step(1, number % 3 == 0 ? known.inspect() : known.activate())
        try await step(2, known.deactivate(timeoutSeconds: 5))
        try await step(3, known.activate())
        if try await gate.engine.state(known.externalID ?? "") != "running" {
            throw HarnessError("\(known.name) does not run")
        }
        try await step(4, known.deactivate(timeoutSeconds: 5))
        if try await gate.engine.state(known.externalID ?? "") != "exited" {
            throw HarnessError("\(known.name) has not stopped")
        }
        var last = known.remove()
        try await step(5, last)
        if let volume {
            last = instance.dialect.volumeRemove(name: volume)
            try await step(6, last)
        }
        return last
    }

    func confirm(_ gate: KillGate) async throws {
        try await gate.confirmLived(instance, starts: 2)
        if let volume, try await gate.engine.hasVolume(volume) { throw HarnessError("volume \(volume) is left") }
    }
}

/// How many lives are not over.
private final class Living: Sendable {
    private let living: Atomic<Int>

    init(_ count: Int) { living = Atomic(count) }

    var count: Int { living.load(ordering: .relaxed) }

    func ended() { living.subtract(1, ordering: .relaxed) }
}

/// What was hit.
private struct Tally: Sendable, CustomStringConvertible {
    var kills = 0
    var serverKills = 0
    var resumed = 0
    var places: [String: Int] = [:]

    mutating func note(_ store: StoreAtRest) {
        kills += 1
        resumed += store.unfinished
        for place in store.places { places[place, default: 0] += 1 }
    }

    var description: String {
        places.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { place, count in
            let bar = String(repeating: "#", count: (count * 40 + kills - 1) / max(kills, 1))
            return "  \(place.padding(toLength: 24, withPad: " ", startingAt: 0)) \(count)\t\(bar)"
        }.joined(separator: "\n")
    }
}
