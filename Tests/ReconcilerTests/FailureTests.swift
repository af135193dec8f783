import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// What a broken store, row, frame or input costs: itself, and nothing else.
struct FailureTests {
    @Test(
        "On a full disk an event is answered that nothing was done, nothing else is claimed, and space heals all")
    func fullDisk() throws {
        let disk = try SmallDisk(kibibytes: 16_384)
        let host = try Host(store: Store.open(path: disk.path + "/agent.db"))
        host.engine.images = []
        host.give(.containers([]))
        host.give(.event(event("e1", .activate(instance("u-1")))))
        try host.finish("instance:u-1")
        try host.finish("image:nginx")
        // A pull is under way, and two answers.
        host.give(.event(event("a1", .unusable("x"))), .event(event("a2", .unusable("x"))))
        let working = host.work.map(\.about)
        try disk.fill()
        var large = instance("u-2")
        large.container.environment = ["LARGE": String(repeating: "x", count: 400_000)]
        let refused = event("e2", .activate(large))
        let (letters, operations) = (host.letters.count, host.operations.count)
        host.give(
            .event(refused), .event(refused), .event(event("e1", .activate(instance("u-1")))), .delivered(eventID: "a1")
        )
        #expect(host.unstored.keys.sorted() == ["e2"])
        #expect(host.unstored["e2"]?.count == 1)
        #expect(host.unstored["e2"]?.first?.contains("cannot store the event") == true)
        #expect(host.letters.count == letters && host.operations.count == operations)
        #expect(host.reconciler.mustLoad)
        #expect(host.reconciler.nextWakeUp == host.now + host.limits.storeRetryPause)
        #expect(try host.store.eventState("e2") == nil)
        #expect(try host.store.eventState("a1") == .answered)

        disk.empty()
        host.tick(after: .seconds(1))
        #expect(
            host.work.map(\.about) == working + ["instance:u-1"], "what is in flight stays so; who waits looks again")
        try host.expectMemoryEqualsStore()
        host.give(.event(refused))
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.answer("e2") == "instance u-2 running")
        #expect(host.engine.pulls == 1, "the pull that was in flight was not made again")
        #expect(host.taken == ["a1", "a2", "e1", "e2"])
        #expect(host.published.values.allSatisfy { Set($0).count == 1 })
        #expect(host.published["a1"]?.count == 1, "the server had it, although that could not be written down")
        #expect(try host.store.eventState("a1") == .closed)
    }

    @Test("An outcome that could not be written down is looked for again")
    func lostOutcome() throws {
        let disk = try SmallDisk(kibibytes: 16_384)
        let host = try Host(store: Store.open(path: disk.path + "/agent.db"))
        host.give(.containers([]))
        host.give(.event(event("e1", .activate(instance()))))
        try disk.fill()
        var large = instance("u-2")
        large.container.environment = ["LARGE": String(repeating: "x", count: 400_000)]
        let create = host.work.removeFirst()
        host.give(.outcome(create.id, host.engine.perform(create.operation)), .event(event("e2", .activate(large))))
        #expect(host.work.isEmpty)
        disk.empty()
        host.run()
        host.tick(after: .seconds(1))
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.engine.creations == 1)
    }

    @Test("A poisoned event costs only itself, in the middle of a batch with everything (defect 24)")
    func poison() throws {
        let host = try Host()
        host.give(.containers([]))
        host.give(.event(event("e1", .activate(instance("u-1")))), .event(event("a1", .unusable("x"))))
        try host.store.connection.execute(
            """
            CREATE TEMP TRIGGER poison BEFORE INSERT ON event WHEN NEW.id = 'poison'
            BEGIN SELECT RAISE(ABORT, 'poisoned'); END
            """)
        let create = host.work.removeFirst()
        host.letters = []
        host.give(
            .event(event("e2", .activate(instance("u-2")))),
            .outcome(create.id, host.engine.perform(create.operation)),
            .event(event("poison", .activate(instance("u-3")))),
            .delivered(eventID: "a1"),
            .event(event("e4", .activate(instance("u-4")))))
        #expect(host.unstored.keys.sorted() == ["poison"])
        // The outcome counted: the container is being started, not looked for.
        #expect(host.work.contains { if case .startContainer = $0.operation { true } else { false } })
        host.run()
        for (id, uuid) in [("e1", "u-1"), ("e2", "u-2"), ("e4", "u-4")] {
            #expect(host.answer(id) == "instance \(uuid) running")
        }
        #expect(host.engine.creations == 3)
        try host.expectMemoryEqualsStore()
    }

    @Test("A store that another process holds is reported and tried again, and no input is blamed")
    func busy() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/agent.db"
        let host = try Host(store: Store.open(path: path))
        try host.store.connection.execute("PRAGMA busy_timeout = 0")
        let other = try Store.open(path: path)
        try other.connection.execute("BEGIN IMMEDIATE")
        let batch = host.batches
        host.give((0..<5).map { .event(event("e\($0)", .activate(instance("u-\($0)")))) })
        #expect(host.batches == batch + 1)
        #expect(host.unstored.count == 5)
        #expect(host.notes.filter { if case .storeFailed = $0 { true } else { false } }.count == 1)
        // Who was turned away because of that is told so, too, and who wants to know nothing is not.
        let refused = EventHeader(id: "o1", name: "ping", replyTo: "r", resourceID: nil, resourceType: nil)
        host.give(.overflow(refused, reason: "too much"), .overflow(refused, reason: "too much"))
        #expect(host.unstored["o1"]?.count == 1)
        host.give(
            .overflow(
                EventHeader(id: "o2", name: "ping", replyTo: nil, resourceID: nil, resourceType: nil), reason: "x"))
        #expect(host.unstored["o2"] == nil)
        try other.connection.execute("COMMIT")
        host.tick(after: .seconds(1))
        host.give((0..<5).map { .event(event("e\($0)", .activate(instance("u-\($0)")))) })
        host.run()
        #expect((0..<5).allSatisfy { host.answer("e\($0)") == "instance u-\($0) running" })
    }

    @Test("A record that cannot be read is put away, and its event is done again from its frame")
    func unreadableMachine() throws {
        let host = try Host()
        host.give(.containers([]))
        host.give(
            .event(event("e1", .activate(instance("u-1")))), .event(event("e2", .activate(instance("u-2")))),
            .event(event("e3", .activate(instance("u-1")))))
        try host.store.connection.execute("UPDATE resource SET machine = '{\"robot\":1}' WHERE key = 'instance:u-1'")
        try host.crash { _ in true }
        #expect(host.quarantined == ["resource instance:u-1"])
        host.run()
        for (id, uuid) in [("e1", "u-1"), ("e2", "u-2"), ("e3", "u-1")] {
            #expect(host.answer(id) == "instance \(uuid) running")
        }
        #expect(host.engine.creations == 2)
        #expect(try host.store.quarantined().map(\.source) == ["resource"])
    }

    @Test("A settled record that cannot be read is made anew by the next event")
    func unreadableSettled() throws {
        let host = try Host()
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        try host.store.connection.execute("UPDATE resource SET machine = 'x'")
        try host.crash { _ in true }
        host.give(.event(event("e2", .deactivate(instance()))))
        host.run()
        #expect(host.answer("e2") == "instance u-1 exited")
        #expect(host.quarantined == ["resource instance:u-1"])
    }

    @Test(
        "A record that holds the machine of something else is put away, on its way and settled",
        arguments: [true, false])
    func otherKind(isSettled: Bool) throws {
        let host = try Host()
        host.give(.event(event("e1", .activate(instance()))))
        if isSettled { host.run() }
        let volume = VolumeMachine(VolumeSpecification(name: "v", driver: "local"), desired: .active)
        let text = MachineCoding.encode(.volume(volume))
        try host.store.connection.execute("UPDATE resource SET machine = '\(text)'")
        try host.crash { _ in false }
        host.give(.event(event("e2", .deactivate(instance()))))
        host.run()
        #expect(host.quarantined == ["resource instance:u-1"])
        #expect(try host.store.quarantined().map(\.raw) == [text])
        #expect(host.answer("e2") == (isSettled ? "instance u-1 exited" : "instance u-1 gone"))
        #expect(host.answer("e1") == (isSettled ? "instance u-1 running" : "failure: superseded by deactivate"))
        #expect(try host.store.resource(instance().key)?.phase == "stopped")
    }

    @Test("A record about nothing that is known is put away")
    func unknownKind() throws {
        let host = try Host()
        host.give(.event(event("e1", .activate(instance()))))
        try host.store.connection.execute("UPDATE resource SET key = 'robot:7'")
        try host.crash { _ in false }
        host.run()
        #expect(host.quarantined == ["resource robot:7"])
        #expect(host.answer("e1") == "instance u-1 running")
    }

    @Test("An event whose record and frame cannot be read is put away and answered")
    func unreadableFrame() throws {
        let host = try Host()
        host.give(.event(event("e1", .inspect("c1"))), .event(event("e2", .inspect("c1"))))
        try host.store.connection.execute("UPDATE frame SET text = '{' WHERE event_id = 'e1'")
        try host.crash { _ in false }
        host.run()
        #expect(host.answer("e1")?.contains("cannot be read any more") == true)
        #expect(host.answer("e2") == "inspection none")
        #expect(host.quarantined == ["event e1"])
    }

    @Test("Frames that are no events are put away, cut to size, and only so many of them")
    func malformed() throws {
        var limits = ReconcilerLimits()
        limits.quarantined = 5
        limits.quarantinedBytes = 10
        let host = try Host(limits: limits)
        host.give(
            (0..<50).map { .malformedFrame(frame: "\($0) " + String(repeating: "ü", count: 100), reason: "no id") })
        let rows = try host.store.quarantined()
        #expect(rows.count == 5)
        #expect(rows.first?.raw.hasPrefix("49 ü") == true)
        #expect(rows.allSatisfy { $0.raw.utf8.count <= 12 && $0.error == "no id" && $0.source == "frame" })
    }

    @Test(
        "A container that an activate has left running in spite of its error is found by its label, whatever its name (defect 87e)",
        arguments: [true, false])
    func leftRunning(isListed: Bool) throws {
        let host = try Host()
        host.engine.add("c1", uuid: "u-1", .running)
        if isListed { host.give(.containers(host.engine.summaries)) }
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.engine.creations == 0)
        #expect(host.operations.allSatisfy { if case .findContainer = $0 { true } else { false } })
    }

    @Test("With the database lost, containers are adopted by their label and nothing is made twice")
    func rebuilt() throws {
        let host = try Host()
        host.give((0..<10).map { .event(event("e\($0)", .activate(instance("u-\($0)")))) })
        host.run()
        let fresh = try Host(seed: 2)
        fresh.engine = host.engine
        fresh.give((0..<10).map { .event(event("n\($0)", .activate(instance("u-\($0)")))) })
        fresh.run()
        #expect((0..<10).allSatisfy { fresh.answer("n\($0)") == "instance u-\($0) running" })
        #expect(fresh.engine.creations == 10)
    }
}
