import Foundation
import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// The same history, killed after every single batch: the end is the same.
struct CrashTests {
    /// What was under way when the process was killed.
    enum Fate: CaseIterable {
        case allHappens
        case nothingHappens
        /// The batch itself was not written either.
        case batchLost
    }

    /// Each line is sent at once, and brought to its end before the next.
    static let history: [[(String, TestCodec.Wish)]] = [
        [("a1", .activate(instance("u-1", volumes: ["v"]))), ("a2", .activate(instance("u-2", volumes: ["v", "w"])))],
        [("d1", .deactivate(instance("u-1"))), ("q1", .inspectImage(ImageSpecification(reference: "nginx")))],
        [("b1", .activate(instance("u-1", volumes: ["v"]))), ("r2", .remove(instance("u-2")))],
        [("p1", .pull(ImageSpecification(reference: "redis", temporaryTag: "-tmp", alwaysPull: true)))],
        [
            ("l1", .release(ImageSpecification(reference: "redis", temporaryTag: "-tmp"))),
            ("r1", .remove(instance("u-1"))),
        ],
        [("v1", .removeVolume(VolumeSpecification(name: "v", driver: "local")))],
        [("a3", .activate(instance("u-3", volumes: ["w"])))],
    ]

    struct End: Equatable {
        var answers: [String: String]
        var containers: [String]
        var volumes: [String]
        var images: [String]
        var creations: Int
    }

    /// Plays the history; kills the process after the given batch.
    private func play(_ directory: String, killedAfter batch: Int?, _ fate: Fate) throws -> (
        end: End, batches: Int, isKilled: Bool
    ) {
        let path = directory + "/\(UUID().uuidString).db"
        defer { for ending in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + ending) } }
        let host = try Host(store: Store.open(path: path))
        host.label = "killed after batch \(batch ?? -1), \(fate)"
        host.engine.images = []
        var killed = false
        var sent: [String: IncomingEvent] = [:]

        /// Gives the inputs, and kills if it is time.
        func give(_ inputs: [Input]) throws {
            let isTime = batch.map { host.batches + 1 == $0 } ?? false
            if isTime, fate == .batchLost {
                // Nothing that was decided here is on the disk.
                killed = true
                try host.crash(reopening: path) { _ in true }
            } else {
                host.give(inputs)
                guard isTime else { return }
                killed = true
                try host.crash(reopening: path) { _ in fate == .allHappens }
            }
            // The server gets no answers, and asks again.
            for (id, event) in sent.sorted(by: { $0.key < $1.key }) where !host.taken.contains(id) {
                host.give(.event(event))
            }
        }

        for line in Self.history {
            for (id, wish) in line { sent[id] = event(id, wish) }
            try give(line.compactMap { sent[$0.0].map(Input.event) })
            for _ in 0..<2000 where !host.isIdle || !host.work.isEmpty || !host.letters.isEmpty {
                if !host.work.isEmpty {
                    let piece = host.work.removeFirst()
                    try give([.outcome(piece.id, host.engine.perform(piece.operation))])
                } else if !host.letters.isEmpty {
                    let letter = host.letters.removeFirst()
                    try give([.delivered(eventID: letter.eventID)])
                } else if let next = host.reconciler.nextWakeUp {
                    host.now = max(host.now, next)
                    try give([.tick])
                }
            }
            #expect(host.isIdle, "\(host.label)")
        }
        for (id, bodies) in host.published { #expect(Set(bodies).count == 1, "\(host.label): \(id) \(bodies)") }
        try host.expectMemoryEqualsStore()
        let end = End(
            answers: host.published.compactMapValues { $0.first.map(TestCodec.content) },
            containers: host.engine.containers.values.map { "\($0.uuid) \($0.state)" }.sorted(),
            volumes: host.engine.volumes.keys.sorted(), images: host.engine.images.sorted(),
            creations: host.engine.creations)
        #expect(host.engine.runTwice.isEmpty, "\(host.label)")
        return (end, host.batches, killed)
    }

    @Test(
        "Killed after any batch, the agent comes to the same end: every event one answer, every instance one container",
        arguments: Fate.allCases)
    func everyPoint(_ fate: Fate) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let (expected, batches, _) = try play(directory.path, killedAfter: nil, fate)
        #expect(
            expected.answers == [
                "a1": "instance u-1 running", "a2": "instance u-2 running", "d1": "instance u-1 exited",
                "q1": "image sha256:nginx", "b1": "instance u-1 running", "r2": "done", "p1": "image sha256:redis-tmp",
                "l1": "image none", "r1": "done", "v1": "done", "a3": "instance u-3 running",
            ])
        #expect(expected.containers == ["u-3 running"])
        for batch in 2...batches {
            let (end, _, isKilled) = try play(directory.path, killedAfter: batch, fate)
            #expect(isKilled)
            #expect(end == expected, "killed after batch \(batch), \(fate)")
        }
    }
}
