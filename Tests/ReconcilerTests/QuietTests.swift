import Foundation
import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// Time, and what happens while nothing happens.
struct QuietTests {
    @Test("A quiet agent wakes once a minute and writes nothing")
    func quiet() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/agent.db"
        let host = try Host(store: Store.open(path: path))
        host.give((0..<20).map { .event(event("e\($0)", .activate(instance("u-\($0)")))) })
        host.run()
        host.tick(after: .seconds(60))
        func size() throws -> [Int] {
            try ["", "-wal"].map { try Data(contentsOf: URL(fileURLWithPath: path + $0)).count }
        }
        let (before, wal) = (try size(), try Data(contentsOf: URL(fileURLWithPath: path + "-wal")))
        var ticks = 0
        let end = host.now + .seconds(1800)
        while let next = host.reconciler.nextWakeUp, next < end {
            host.now = next
            #expect(host.tick().isEmpty)
            ticks += 1
        }
        #expect((29...31).contains(ticks))
        #expect(try size() == before)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + "-wal")) == wal)
    }

    @Test("A list that shows nothing new writes nothing")
    func sameList() throws {
        let host = try Host()
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        let before = try host.store.connection.rows("SELECT total_changes()") { $0.integer(0) }
        for _ in 0..<10 { host.give(.containers(host.engine.summaries)) }
        #expect(try host.store.connection.rows("SELECT total_changes()") { $0.integer(0) } == before)
    }

    @Test("Closed events and removed instances are forgotten in time")
    func forgetting() throws {
        var limits = ReconcilerLimits()
        limits.closedEvents = 5
        let host = try Host(limits: limits)
        for number in 0..<20 {
            host.give(.event(event("a\(number)", .activate(instance("u-\(number)")))))
            host.run()
            host.give(.event(event("r\(number)", .remove(instance("u-\(number)")))))
            host.run()
        }
        host.tick(after: .seconds(61))
        func count(_ table: String) throws -> Int {
            try host.store.connection.rows("SELECT count(*) FROM \(table)") { $0.integer(0) }.first ?? -1
        }
        #expect(try count("event") == 5 && count("reply") == 5)
        #expect(try count("resource") == 20)
        host.tick(after: .seconds(86_400 + 61))
        #expect(try count("event") == 0 && count("reply") == 0)
        #expect(try count("resource") == 0 && count("transition") == 0)
    }

    @Test("The history of a resource with many lives is bounded")
    func history() throws {
        var limits = ReconcilerLimits()
        limits.historyLength = 20
        let host = try Host(limits: limits)
        for number in 0..<30 {
            host.give(.event(event("a\(number)", .activate(instance()))))
            host.run()
            host.give(.event(event("d\(number)", .deactivate(instance()))))
            host.run()
        }
        #expect(try host.store.history(of: instance().key).count <= 25)
    }

    @Test(
        "While the engine is away nobody gives up, pauses grow, and its return ends them",
        arguments: InstanceDesire.allCases)
    func engineAway(_ desired: InstanceDesire) throws {
        let host = try Host()
        host.engine.add("c1", uuid: "u-1", desired == .running ? .exited : .running)
        let wish: TestCodec.Wish =
            switch desired {
            case .running: .activate(instance())
            case .stopped: .deactivate(instance())
            case .removed: .remove(instance())
            }
        host.give(.event(event("e1", wish)))
        host.give(.engineLost)
        let start = host.now
        var tries = 0
        while host.now < start + .seconds(120) {
            if host.work.isEmpty {
                host.now = max(host.now, try #require(host.reconciler.nextWakeUp))
                host.tick()
            } else {
                tries += 1
                try host.finish(nil, .unavailable)
            }
        }
        #expect(host.answer("e1") == nil)
        #expect((20...60).contains(tries))
        while !host.work.isEmpty { try host.finish(nil, .unavailable) }
        host.give(.containers(host.engine.summaries))
        #expect(!host.work.isEmpty)
        host.run()
        #expect(host.answer("e1")?.hasPrefix("failure") == false)
    }

    @Test("A pause that was begun before a crash is not shortened by it")
    func pauseAfterCrash() throws {
        let host = try Host()
        host.give(.event(event("e1", .activate(instance()))))
        for _ in 0..<8 {
            try host.finish(nil, .unavailable)
            host.tick(after: .seconds(5))
        }
        try host.finish(nil, .unavailable)
        let due = try #require(try host.store.resource(instance().key)?.nextAttemptAt)
        #expect(due - host.now > .seconds(2))
        try host.crash { _ in false }
        #expect(host.work.isEmpty)
        host.tick(after: due - host.now)
        #expect(host.work.count == 1)
        #expect(try host.store.resource(instance().key)?.attempts == 9)
    }

    @Test("A clock that is set back by years stops nobody")
    func clockSetBack() throws {
        let host = try Host()
        host.engine.images = []
        host.give(.containers([]))
        host.give(.event(event("e1", .activate(instance("u-1")))), .event(event("e2", .activate(instance("u-2")))))
        try host.finish("instance:u-1")
        try host.finish("instance:u-2", .unavailable)
        host.give(.event(event("a1", .unusable("x"))))
        host.letters = []
        host.give(.undelivered(eventID: "a1", reason: "503", isFinal: false))
        host.now = Timestamp(milliseconds: 1000)
        host.tick()
        let operations = host.operations.count
        host.run()
        #expect(host.now < Timestamp(milliseconds: 61_000))
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.answer("e2") == "instance u-2 running")
        #expect(host.engine.pulls == 1 && host.operations.count > operations)
        #expect(host.taken == ["a1", "e1", "e2"])
    }

    @Test("A clock that jumps ahead makes nothing happen twice")
    func clockAhead() throws {
        let host = try Host()
        host.give(.event(event("e1", .activate(instance()))))
        host.tick(after: .seconds(1_000_000))
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.engine.creations == 1)
    }

    @Test("A settled instance that changes by itself is shown as it is, whoever tells it")
    func drift() throws {
        let host = try Host()
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        let operations = host.operations.count
        func phase() throws -> String? { try host.store.resource(instance().key)?.phase }
        let id = try #require(host.engine.containers.keys.first)
        func change(_ state: ContainerState) -> ContainerSummary {
            host.engine.containers[id]?.state = state
            return host.engine.summaries[0]
        }
        host.give(.containerChanged(change(.exited)))
        #expect(try phase() == "stopped")
        host.give(.containerChanged(change(.running)))
        #expect(try phase() == "running")
        host.give(.containers([change(.exited)]))
        #expect(try phase() == "stopped")
        host.give(.containerChanged(change(.running)))
        host.give(.containerGone(id: id))
        #expect(try phase() == "stopped")
        #expect(host.operations.count == operations)
        try host.expectMemoryEqualsStore()
    }

    @Test("The history of a container that starts and ends by itself all the time is bounded")
    func flapping() throws {
        var limits = ReconcilerLimits()
        limits.historyLength = 20
        let host = try Host(limits: limits)
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        let id = try #require(host.engine.containers.keys.first)
        for number in 0..<100 {
            host.engine.containers[id]?.state = number.isMultiple(of: 2) ? .exited : .running
            host.give(.containerChanged(host.engine.summaries[0]))
        }
        let moves = try host.store.history(of: instance().key)
        #expect((20...21).contains(moves.count))
        #expect(moves.last?.to == "running" && moves.last?.cause == "seen by the engine")
    }

    @Test("A container that ends in the very batch that settles it is shown as ended")
    func driftInTheSameBatch() throws {
        let host = try Host()
        host.give(.event(event("e1", .activate(instance()))))
        while !host.work.contains(where: { if case .startContainer = $0.operation { true } else { false } }) {
            try host.finish()
        }
        let start = host.work.removeFirst()
        let outcome = host.engine.perform(start.operation)
        let id = try #require(host.engine.containers.keys.first)
        host.engine.containers[id]?.state = .exited
        host.give(.outcome(start.id, outcome), .containerChanged(host.engine.summaries[0]))
        #expect(try host.store.resource(instance().key)?.phase == "stopped")
    }
}
