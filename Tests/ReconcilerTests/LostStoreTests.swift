import Foundation
import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// What a store costs that becomes unreadable while it is open: what it knew, and no event that comes afterwards.
struct LostStoreTests {
    /// What is done to the files of an open store.
    enum Damage: String, CaseIterable, Sendable {
        case garbage, zeros, cutToNothing, cutInHalf

        func strike(_ path: String) throws {
            for name in [path, path + "-wal"] {
                let file = try FileHandle(forUpdating: URL(fileURLWithPath: name))
                let size = try file.seekToEnd()
                switch self {
                case .garbage: try overwrite(file, Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }))
                case .zeros: try overwrite(file, Data(count: Int(size)))
                case .cutToNothing: try file.truncate(atOffset: 0)
                case .cutInHalf: try file.truncate(atOffset: size / 2)
                }
                try file.close()
            }
        }

        private func overwrite(_ file: FileHandle, _ bytes: Data) throws {
            try file.seek(toOffset: 0)
            try file.write(contentsOf: bytes)
        }
    }

    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/agent.db" }

    init() throws { directory = try TemporaryDirectory() }

    private func open() throws -> Store { try Store.open(path: path) }

    /// As the agent does it: what cannot be read is moved aside.
    private func openAgain() throws -> Store {
        do {
            return try open()
        } catch let error as StoreError where error.kind == .unreadable {
            for ending in ["", "-wal", "-shm"] { rename(path + ending, path + ".aside" + ending) }
            return try open()
        }
    }

    @Test(
        "A store that becomes unreadable is replaced, and all that is asked from then on is done",
        arguments: Damage.allCases)
    func replaced(_ damage: Damage) throws {
        let host = try Host(store: open(), openStoreAgain: openAgain)
        host.give(.containers([]))
        // Hardly anything is kept at hand, so that the files have to be read.
        try host.store.connection.execute("PRAGMA cache_size = 2; PRAGMA wal_autocheckpoint = 20")
        let done = (0..<40).map { event("d\($0)", .activate(instance("done-\($0)"))) }
        host.give(done.map { .event($0) })
        host.run()
        let inFlight = event("e1", .activate(instance("u-1")))
        host.give(.event(inFlight))
        #expect(host.work.map(\.about) == ["instance:u-1"])

        try damage.strike(path)
        // Asked again, as a server does that hears nothing: the work in flight stays the only one.
        host.give(done.map { .event($0) } + [.event(inFlight), .event(event("e2", .activate(instance("u-2"))))])
        #expect(host.notes.count { if case .storeReopened = $0 { true } else { false } } == 1)
        #expect(host.notes.allSatisfy { if case .storeFailed = $0 { false } else { true } })
        host.run()
        #expect(host.unstored.isEmpty)
        for (id, uuid) in [("e1", "u-1"), ("e2", "u-2"), ("d7", "done-7")] {
            #expect(host.answer(id) == "instance \(uuid) running")
        }
        #expect(host.engine.creations == 42)
        try host.expectMemoryEqualsStore()
        #expect(try host.store.connection.rows("PRAGMA integrity_check") { $0.text(0) } == ["ok"])
        #expect(try Store.openForReading(path: path).openEvents().isEmpty)
    }

    @Test("As long as no other store can be made, events are answered with that, and then all is well")
    func notAtOnce() throws {
        struct Refusal: Error {}
        var isPossible = false
        let host = try Host(store: open()) {
            if !isPossible { throw Refusal() }
            return try openAgain()
        }
        host.give(.containers([]))
        try host.store.connection.execute("PRAGMA cache_size = 2; PRAGMA wal_autocheckpoint = 20")
        let done = (0..<40).map { event("d\($0)", .activate(instance("done-\($0)"))) }
        host.give(done.map { .event($0) })
        host.run()
        try Damage.garbage.strike(path)
        host.give(done.map { .event($0) } + [.event(event("e1", .activate(instance("u-1"))))])
        #expect(host.unstored["e1"]?.count == 1)
        #expect(host.reconciler.nextWakeUp == host.now + host.limits.storeRetryPause)
        isPossible = true
        host.tick(after: .seconds(1))
        #expect(host.notes.count { if case .storeReopened = $0 { true } else { false } } == 1)
        host.give(.event(event("e1", .activate(instance("u-1")))))
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
    }
}
