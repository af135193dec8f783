import Foundation
import LosslessJSON
import Model
import Mutations
import RancherAPI
import Reconciler
import Runtime
import SimulatedEngine
import Store
import Testing

/// Ten thousand mutated events, from the frame to the answer, with all but the sockets and the engine.
@Suite("Mutated events")
struct CoreFuzzTests {
    /// How many frames are tried; a long run tries more of them.
    private static let frames = ProcessInfo.processInfo.environment["FUZZ_FRAMES"].flatMap { Int($0) } ?? 10_000
    private static let slices = 4

    @Test("bring nothing down, and each that can be read is answered exactly once (defects 24, 25, 30, 31, 87a)")
    func answered() async throws {
        let tallies = try await withThrowingTaskGroup(of: Tally.self) { group in
            for seed in 1...Self.slices {
                group.addTask { try FuzzedHost(seed: UInt64(seed)).play(frames: Self.frames / Self.slices) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let all = tallies.reduce(Tally(), +)
        print("\(all)")
        // Neither is all of it nonsense, nor is all of it sound.
        for count in [all.successes, all.failures, all.unreadable, all.bodies] { #expect(count > Self.frames / 100) }
    }

    @Test("are made of every event in fixtures/, the same ones for the same seed")
    func mutator() throws {
        var mutator = try FrameMutator(seed: 7, label: "x")
        var again = mutator
        #expect(mutator.fixtureNames.contains("activate.json"))
        #expect(mutator.fixtureNames.count >= 8)
        var texts: Set<[UInt8]> = []
        for _ in 0..<200 {
            let frame = mutator.next()
            #expect(frame.bytes == again.next().bytes)
            texts.insert(frame.bytes)
        }
        #expect(texts.count > 180, "few are the same by chance")
    }
}

/// What became of the frames.
private struct Tally: Sendable, CustomStringConvertible {
    var frames = 0
    var unreadable = 0
    var successes = 0
    var failures = 0
    /// Requests of the engine that were made of an activate.
    var bodies = 0

    static func + (left: Tally, right: Tally) -> Tally {
        Tally(
            frames: left.frames + right.frames, unreadable: left.unreadable + right.unreadable,
            successes: left.successes + right.successes, failures: left.failures + right.failures,
            bodies: left.bodies + right.bodies)
    }

    var description: String {
        "\(frames) mutated frames: \(unreadable) unreadable, \(successes) successes, \(failures) errors"
    }
}

/// A host in memory whose server has gone mad.
private final class FuzzedHost {
    private let codec = RancherCodec()
    private let reconciler: Reconciler
    private var mutator: FrameMutator
    private var random: SeededGenerator
    private var engine = SimulatedEngine()
    private var now = Timestamp(milliseconds: 1_000_000_000)
    private var work: [(id: WorkID, operation: Model.Operation)] = []
    private var letters: [String] = []
    private var ledger = Ledger()
    private var answers: [String: [String]] = [:]
    private var tally = Tally()

    init(seed: UInt64) throws {
        mutator = try FrameMutator(seed: seed, label: "core")
        random = SeededGenerator(seed: seed &+ 1000)
        reconciler = Reconciler(store: try Store.inMemory(), codec: codec, random: SeededGenerator(seed: seed))
        give([.tick])
    }

    func play(frames: Int) throws -> Tally {
        while tally.frames < frames {
            let inputs = try (0..<Int.random(in: 1...6, using: &random)).compactMap { _ in try read(mutator.next()) }
            give(inputs + [.tick])
            // Some of the work ends before the next frames come, in any order.
            for _ in 0..<Int.random(in: 0...8, using: &random) { step() }
            if random.chance(20) { settle() }
        }
        settle()
        for id in ledger.debts.keys.sorted() {
            let fault = ledger.fault(of: id, answers[id] ?? [])
            #expect(fault == nil, "\(ledger.debts[id]?.frame.description ?? "")")
        }
        #expect(reconciler.openEventCount == 0)
        #expect(reconciler.workInFlight == 0)
        tally.unreadable = ledger.unreadable
        for bodies in answers.values {
            if bodies[0].contains(#""transitioning":"error""#) { tally.failures += 1 } else { tally.successes += 1 }
        }
        return tally
    }

    private func read(_ frame: MutatedFrame) throws -> Input? {
        tally.frames += 1
        let owed = ledger.note(frame)
        let text = frame.text
        switch codec.read(frame: text) {
        case .event(let event):
            if let owed { #expect(event.header.id == owed, "\(frame)") }
            if case .ping = event.request {
                answerPing(event.header)
                return nil
            }
            // Stored events are read again at the next start.
            #expect(try codec.decode(frame: event.frame) == event, "\(frame)")
            if case .activateInstance(let instance) = event.request { makeBody(of: instance, frame) }
            return .event(event)
        case .malformed(let reason):
            #expect(owed == nil, "\(frame): \(reason)")
            return .malformedFrame(frame: text, reason: reason)
        case .blank, .heartbeat:
            #expect(owed == nil, "\(frame)")
            return nil
        }
    }

    private func makeBody(of instance: InstanceSpecification, _ frame: MutatedFrame) {
        do throws(SpecificationError) {
            let body = try CreateBody.of(instance)
            tally.bodies += 1
            let read = try? JSON(parsing: body.encoded)
            #expect(read == body, "\(frame)")
        } catch {
            #expect(!String(describing: error).isEmpty, "\(frame)")
        }
    }

    private func answerPing(_ header: EventHeader) {
        guard header.replyTo != nil else { return }
        let body = codec.pingReply(to: header, resources: [], instancesComplete: true, messageID: "m", at: now)
        answers[header.id, default: []].append(body)
    }

    private func give(_ inputs: [Input]) {
        for effect in reconciler.process(inputs, now: now) {
            switch effect {
            case .perform(let id, let operation, _): work.append((id, operation))
            case .publish(let eventID, let body):
                answers[eventID, default: []].append(body)
                letters.append(eventID)
            case .publishUnstored(let eventID, let body): answers[eventID, default: []].append(body)
            case .progress, .note: break
            }
        }
    }

    /// Lets one thing happen; false if there is nothing left to happen.
    @discardableResult
    private func step() -> Bool {
        if let index = work.indices.randomElement(using: &random) {
            let piece = work.remove(at: index)
            give([.outcome(piece.id, engine.perform(piece.operation)), .tick])
        } else if !letters.isEmpty {
            give([.delivered(eventID: letters.removeFirst()), .tick])
        } else if reconciler.openEventCount > 0, let next = reconciler.nextWakeUp {
            now = max(now, next)
            give([.tick])
        } else {
            return false
        }
        return true
    }

    private func settle() {
        for _ in 0..<20_000 where !step() { return }
        Issue.record("no end after frame \(tally.frames)")
    }
}
