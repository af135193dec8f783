import Foundation
import Inspection
import LosslessJSON
import Model
import RancherAPI
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// A host on which something is going on for real: the core with its own codec and store, an engine in memory, the
/// events that a server sends, and a clock that is moved by hand.
final class Situation {
    struct Work {
        let id: WorkID
        let operation: Model.Operation
        let about: String
    }

    let store: Store
    private var reconciler: Reconciler
    var engine = SimulatedEngine()
    var now = Timestamp(milliseconds: 1_790_000_000_000)
    private(set) var work: [Work] = []
    private(set) var letters: [String] = []

    /// The words of the Docker command, and of the agent's client, for an engine that is not there.
    static let engineIsAway =
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"

    init() throws {
        store = try Store.inMemory()
        reconciler = Reconciler(store: store, codec: RancherCodec(), random: SeededGenerator(seed: 1))
        engine.images = ["rancher-demo:latest"]
        give(.tick)
        give(.containers([]))
    }

    func give(_ inputs: Input...) {
        for effect in reconciler.process(inputs, now: now) {
            switch effect {
            case .perform(let id, let operation, let about):
                work.append(Work(id: id, operation: operation, about: about))
            case .publish(let eventID, _): letters.append(eventID)
            case .progress, .publishUnstored, .note: break
            }
        }
    }

    /// The server sends one of the fixtures, with the given id.
    func send(_ fixture: String, as id: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "fixtures/\(fixture).json"), encoding: .utf8)
        var frame = try #require(try JSON(parsing: text).object)
        frame["id"] = .string(id)
        switch RancherCodec().read(frame: JSON.object(frame).encodedText) {
        case .event(let event): give(.event(event))
        case let other: Issue.record("\(fixture) is no event: \(other)")
        }
    }

    /// The oldest work about something ends, as the engine would have it or as told.
    func finish(_ about: String, _ outcome: OperationOutcome? = nil) throws {
        let index = try #require(
            work.firstIndex { $0.about == about }, "no work on \(about), but on \(work.map(\.about))")
        let piece = work.remove(at: index)
        give(.outcome(piece.id, outcome ?? engine.perform(piece.operation)))
    }

    /// Everything that can be done without the server is done.
    func runEngine() throws {
        for _ in 0..<1000 {
            if let piece = work.first {
                try finish(piece.about)
            } else if let next = reconciler.nextWakeUp, reconciler.active.values.contains(where: { !$0.row.isSettled })
            {
                now = max(now, next)
                give(.tick)
            } else {
                return
            }
        }
        Issue.record("no end")
    }

    func pass(_ time: Duration) {
        now = now + time
        give(.tick)
    }

    /// The server takes all answers.
    func deliver() {
        for id in letters { give(.delivered(eventID: id)) }
        letters = []
    }

    /// The server cannot be reached with any answer.
    func failDelivery(_ reason: String, isFinal: Bool = false) {
        let all = letters
        letters = []
        for id in all { give(.undelivered(eventID: id, reason: reason, isFinal: isFinal)) }
    }

    /// The process is killed and started again on what is in the store.
    func restart() {
        work = []
        letters = []
        reconciler = Reconciler(store: store, codec: RancherCodec(), random: SeededGenerator(seed: 2))
        give(.tick)
    }

    func why(_ name: String) throws -> Explanation {
        guard case .found(let explanation) = try WhyQuery.run(name, now: now, in: store) else {
            throw Unexplained(description: "nothing, or several, for \(name)")
        }
        return explanation
    }

    struct Unexplained: Error, CustomStringConvertible { let description: String }
}
