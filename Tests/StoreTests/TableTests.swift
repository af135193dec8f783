import Model
import Store
import Testing

/// Every table gives back what it was given, and forgets what it is told to forget.
struct TableTests {
    private let store: Store

    init() throws { store = try Store.inMemory() }

    // MARK: Events and replies

    @Test("An event is read as it was written, with everything that may be missing", arguments: EventRow.State.allCases)
    func events(_ state: EventRow.State) throws {
        let full = event("e1", state: state, closedAt: state == .closed ? 9 : nil)
        var bare = event("e2", key: nil, state: state, receivedAt: 2, replyTo: nil)
        bare.header = EventHeader(id: "e2", name: "x", replyTo: nil, resourceID: nil, resourceType: nil)
        try store.insert(full)
        try store.insert(bare)
        #expect(try store.eventState("e1") == state)
        #expect(try store.eventState("e3") == nil)
        let opened = try store.openEvents().map { event in
            var event = event
            #expect(event.frame.isEmpty)
            event.frame = try store.frame(ofEvent: event.header.id)
            return event
        }
        #expect(opened == (state == .open ? [full, bare] : []))
        #expect(try store.frame(ofEvent: "e3").isEmpty)
        #expect(try store.events(about: ResourceKey(.instance, "u-1"), limit: 5) == [full])
    }

    @Test(
        "Text of any kind survives",
        arguments: ["", "ä\u{0}b", "'; DROP TABLE event; --", String(repeating: "x", count: 1_000_000)])
    func text(_ text: String) throws {
        var row = event("e1")
        row.frame = text
        try store.insert(row)
        #expect(try store.frame(ofEvent: "e1") == text)
    }

    @Test("The same event cannot be there twice")
    func twice() throws {
        try store.insert(event("e1"))
        #expect(kind { try store.insert(event("e1")) } != nil)
    }

    @Test("The state of an event changes, and only a closed one has an end")
    func states() throws {
        try store.insert(event("e1"))
        try store.setState(.closed, ofEvent: "e1", generation: 4, at: at(50))
        var expected = event("e1", state: .closed, closedAt: 50)
        expected.generation = 4
        #expect(try store.events(about: ResourceKey(.instance, "u-1"), limit: 1) == [expected])
        try store.setState(.answered, ofEvent: "e1", at: at(60))
        expected.state = .answered
        expected.closedAt = nil
        #expect(try store.events(about: ResourceKey(.instance, "u-1"), limit: 1) == [expected])
    }

    @Test("The open events are counted and the oldest is known")
    func summary() throws {
        #expect(try store.openEventSummary().count == 0)
        #expect(try store.openEventSummary().oldest == nil)
        try store.insert(event("e1", receivedAt: 30))
        try store.insert(event("e2", receivedAt: 20))
        try store.insert(event("e3", state: .closed, receivedAt: 10, closedAt: 11))
        #expect(try store.openEventSummary().count == 2)
        #expect(try store.openEventSummary().oldest == at(20))
    }

    @Test("An answer is kept byte for byte, with its tries, until its event is forgotten")
    func replies() throws {
        try store.insert(event("e1", state: .answered))
        try store.insertReply(to: "e1", body: "{\"ü\":1}", isFailure: true, at: at(5))
        #expect(try store.replyBody(to: "e1") == "{\"ü\":1}")
        try store.replyFailed(to: "e1", attempts: 3, next: at(99), error: "503")
        let reply = try #require(try store.reply(to: "e1"))
        #expect(reply.isFailure && reply.attempts == 3 && reply.nextAttemptAt == at(99) && reply.lastError == "503")
        #expect(reply.createdAt == at(5) && reply.deliveredAt == nil)
        #expect(try store.undeliveredReplies() == [reply])
        try store.replyDelivered(to: "e1", at: at(100))
        try store.setState(.closed, ofEvent: "e1", at: at(100))
        #expect(try store.undeliveredReplies().isEmpty)
        #expect(try store.reply(to: "e1")?.deliveredAt == at(100))
        try store.deleteEvent("e1")
        #expect(try store.reply(to: "e1") == nil)
    }

    @Test("There is one answer to an event and none without an event")
    func oneReply() throws {
        try store.insert(event("e1"))
        try store.insertReply(to: "e1", body: "a", isFailure: false, at: at(1))
        #expect(kind { try store.insertReply(to: "e1", body: "b", isFailure: false, at: at(1)) } != nil)
        #expect(kind { try store.insertReply(to: "e9", body: "b", isFailure: false, at: at(1)) } != nil)
        #expect(try store.replyBody(to: "e1") == "a")
    }

    @Test("Closed events are forgotten after their time, and the oldest beyond a number; others never are")
    func forgetEvents() throws {
        for number in 0..<10 {
            try store.insert(event("c\(number)", state: .closed, closedAt: 100 + number))
            try store.insertReply(to: "c\(number)", body: "x", isFailure: false, at: at(1))
        }
        try store.insert(event("o", state: .open))
        try store.insert(event("a", state: .answered))
        try store.forgetEvents(closedBefore: at(103), keeping: 100)
        #expect(try left() == ["a", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "o"])
        try store.forgetEvents(closedBefore: at(0), keeping: 3)
        #expect(try left() == ["a", "c7", "c8", "c9", "o"])
        #expect(try store.reply(to: "c3") == nil)
        #expect(try store.reply(to: "c9") != nil)
    }

    @Test("Events that were closed at the same moment count one by one")
    func forgetEqualEvents() throws {
        for number in 0..<10 { try store.insert(event("c\(number)", state: .closed, closedAt: 100)) }
        try store.forgetEvents(closedBefore: at(0), keeping: 4)
        #expect(try left().count == 4)
    }

    private func left() throws -> [String] {
        try store.connection.rows("SELECT id FROM event ORDER BY id") { $0.text(0) }
    }

    // MARK: Resources

    @Test("A resource is read as it was written, and written over", arguments: ResourceKind.allCases)
    func resources(_ kind: ResourceKind) throws {
        var row = resource(kind, "a:b")
        try store.put(row)
        #expect(try store.resource(row.key) == row)
        #expect(try store.unsettledResources() == [row])
        row.settledGeneration = 1
        row.nextAttemptAt = nil
        row.phase = "running"
        row.updatedAt = at(8)
        try store.put(row)
        #expect(try store.resource(row.key) == row)
        #expect(try store.unsettledResources().isEmpty)
        #expect(try store.allResources() == [row])
        try store.deleteResource(row.key.description)
        #expect(try store.resource(row.key) == nil)
    }

    @Test("Instances are listed first, then volumes, then images")
    func order() throws {
        for kind in [ResourceKind.image, .volume, .instance] { try store.put(resource(kind, "x")) }
        #expect(try store.allResources().map(\.key.kind) == [.instance, .volume, .image])
    }

    @Test("Only settled instances that should be somewhere are compared with the list")
    func settledInstances() throws {
        try store.put(resource(.instance, "open"))
        try store.put(resource(.instance, "runs", phase: "running", settled: 1))
        try store.put(resource(.instance, "gone", phase: "removed", settled: 1))
        try store.put(resource(.instance, "failed", phase: "failed", settled: 1))
        try store.put(resource(.volume, "v", phase: "active", settled: 1))
        #expect(try store.settledInstances().map(\.key.id) == ["runs"])
    }

    @Test("A row with a key of no known kind is left out, and found")
    func unreadable() throws {
        try store.put(resource())
        try store.connection.execute("UPDATE resource SET key = 'robot:7'")
        #expect(try store.unsettledResources().isEmpty)
        #expect(try store.allResources().isEmpty)
        #expect(try store.unreadableResources() == ["robot:7"])
    }

    @Test("What was removed, and failures and images after a longer time, are forgotten with their history")
    func forgetResources() throws {
        for (id, phase, settled, updated) in [
            ("old", "removed", 1, 10), ("new", "removed", 1, 90), ("busy", "removed", 0, 10),
            ("runs", "running", 1, 10), ("failed", "failed", 1, 10), ("failed lately", "failed", 1, 40),
        ] {
            var row = resource(.instance, id, phase: phase, settled: settled, updatedAt: updated)
            row.externalID = ""
            try store.put(row)
            try store.insert(move(id, "a", "b"))
        }
        // Something of it may still be there.
        var half = resource(.instance, "half made", phase: "failed", settled: 1, updatedAt: 10)
        half.externalID = "c9"
        try store.put(half)
        try store.put(resource(.volume, "stuck", phase: "failed", settled: 1, updatedAt: 10))
        for updated in [10, 40] {
            try store.put(resource(.image, "image \(updated)", phase: "present", settled: 1, updatedAt: updated))
        }
        try store.forgetResources(removedBefore: at(50), settledBefore: at(20), keeping: 100)
        #expect(
            try store.allResources().map(\.key.id).sorted() == [
                "busy", "failed lately", "half made", "image 40", "new", "runs", "stuck",
            ])
        #expect(try store.history(of: ResourceKey(.instance, "old")).isEmpty)
        #expect(try store.history(of: ResourceKey(.instance, "busy")).count == 1)
    }

    @Test("Of what was removed only so much is kept, the newest")
    func forgetSurplus() throws {
        for number in 1...6 {
            try store.put(resource(.instance, "gone \(number)", phase: "removed", settled: 1, updatedAt: 100 + number))
            try store.insert(move("gone \(number)", "a", "removed"))
        }
        try store.put(resource(.instance, "runs", phase: "running", settled: 1, updatedAt: 1))
        try store.forgetResources(removedBefore: at(50), settledBefore: at(20), keeping: 2)
        #expect(try store.allResources().map(\.key.id).sorted() == ["gone 5", "gone 6", "runs"])
        #expect(try store.history(of: ResourceKey(.instance, "gone 4")).isEmpty)
        #expect(try store.history(of: ResourceKey(.instance, "gone 5")).count == 1)
    }

    @Test("A specification is written when it is new, and kept otherwise")
    func specification() throws {
        var row = resource(.instance, "u-1", phase: "running", settled: 1, updatedAt: 1)
        row.specification = "{\"a\":1}"
        try store.put(row)
        row.specification = "{\"a\":2}"
        try store.put(row, specificationIsNew: false)
        #expect(try store.resource(row.key)?.specification == "{\"a\":1}")
        try store.put(row)
        #expect(try store.resource(row.key)?.specification == "{\"a\":2}")
        row.specification = ""
        try store.put(row)
        #expect(try store.resource(row.key)?.specification == "")
        row.specification = "{}"
        try store.put(row)
        try store.deleteResource(row.key.description)
        try store.put(resource(.instance, "u-1", phase: "running", settled: 1, updatedAt: 1))
        #expect(try store.resource(row.key)?.specification == "", "it goes with its resource")
    }

    // MARK: History and quarantine

    private func move(_ id: String, _ from: String, _ to: String) -> TransitionRow {
        TransitionRow(key: ResourceKey(.instance, id), generation: 1, from: from, to: to, cause: "because", at: at(4))
    }

    @Test("The history of a resource is in order, and only its newest part is kept")
    func history() throws {
        for number in 0..<10 {
            try store.insert(move("u-1", "\(number)", "\(number + 1)"))
            try store.insert(move("u-2", "x", "y"))
        }
        let key = ResourceKey(.instance, "u-1")
        #expect(try store.history(of: key).first == move("u-1", "0", "1"))
        try store.trimHistory(of: key, to: 3)
        #expect(try store.history(of: key).map(\.from) == ["7", "8", "9"])
        #expect(try store.history(of: ResourceKey(.instance, "u-2")).count == 10)
        try store.trimHistory(of: key, to: 3)
        #expect(try store.history(of: key).count == 3)
    }

    @Test("The quarantine keeps the newest of what could not be read")
    func quarantine() throws {
        for number in 0..<10 {
            try store.quarantine(
                QuarantineRow(source: "frame", name: "\(number)", raw: "{", error: "bad", at: at(number)), keeping: 4)
        }
        #expect(try store.quarantined().map(\.name) == ["9", "8", "7", "6"])
        #expect(
            try store.quarantined().first
                == QuarantineRow(source: "frame", name: "9", raw: "{", error: "bad", at: at(9)))
    }

    // MARK: Transactions

    private struct Refusal: Error {}

    @Test("A transaction that throws leaves nothing behind")
    func rollback() throws {
        try store.insert(event("before"))
        #expect(throws: Refusal.self) {
            try store.transaction {
                try store.insert(event("e1"))
                try store.put(resource())
                throw Refusal()
            }
        }
        #expect(try store.openEvents().map(\.header.id) == ["before"])
        #expect(try store.allResources().isEmpty)
        try store.transaction { try store.insert(event("after")) }
        #expect(try store.openEvents().count == 2)
    }

    @Test("A statement that fails within a transaction takes all of it back")
    func failedStatement() throws {
        #expect(throws: StoreError.self) {
            try store.transaction {
                try store.insert(event("e1"))
                try store.insert(event("e1"))
            }
        }
        #expect(try store.openEvents().isEmpty)
    }
}
