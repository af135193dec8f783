import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// Answers on their way to the server.
struct OutboxTests {
    private func answered(_ count: Int, _ host: Host) {
        host.give((0..<count).map { .event(event("e\($0)", .unusable("no"))) })
    }

    @Test("A server that is busy is asked again after pauses that grow to the longest, with the same bytes (defect 26)")
    func backOff() throws {
        let host = try Host()
        answered(1, host)
        var pauses: [Int] = []
        for _ in 0..<12 {
            host.letters = []
            host.give(.undelivered(eventID: "e0", reason: "503", isFinal: false))
            #expect(host.letters.isEmpty)
            let reply = try host.store.reply(to: "e0")
            let next = try #require(reply?.nextAttemptAt)
            pauses.append((next - host.now).inMilliseconds)
            host.now = next
            while host.letters.isEmpty {
                host.now = max(host.now, try #require(host.reconciler.nextWakeUp))
                host.tick()
            }
        }
        for (attempt, pause) in pauses.enumerated() {
            let whole = min(500 << attempt, 30_000)
            #expect((whole / 2...whole).contains(pause), "attempt \(attempt + 1)")
        }
        #expect(try host.store.reply(to: "e0")?.attempts == 12)
        #expect(Set(host.published["e0"] ?? []).count == 1)
        host.deliver()
        #expect(try host.store.eventState("e0") == .closed)
        #expect(host.isIdle)
    }

    @Test("An event that comes again while its answer is on its way is answered once more, with the same bytes")
    func askedAgain() throws {
        let host = try Host()
        answered(1, host)
        // The server may have had the answer when it asked again.
        for _ in 0..<3 { answered(1, host) }
        #expect(host.published["e0"]?.count == 1)
        host.give(.delivered(eventID: "e0"))
        #expect(host.published["e0"]?.count == 2)
        #expect(try host.store.eventState("e0") == .answered)
        host.give(.delivered(eventID: "e0"))
        #expect(try host.store.eventState("e0") == .closed)
        #expect(host.published["e0"]?.count == 2)
        #expect(Set(host.published["e0"] ?? []).count == 1)
    }

    @Test("An answer that the server does not take for a day is given up, also by a later process")
    func dayOld() throws {
        var limits = ReconcilerLimits()
        limits.answerTries = 2
        let host = try Host(limits: limits)
        answered(2, host)
        host.letters = []
        host.tick(after: .seconds(86_399))
        host.give(.undelivered(eventID: "e0", reason: "403", isFinal: false))
        #expect(try host.store.eventState("e0") == .answered)
        host.give(.undelivered(eventID: "e1", reason: "403", isFinal: false))
        try host.crash { _ in false }
        host.letters = []
        host.tick(after: .seconds(31))
        host.letters = []
        host.give(.undelivered(eventID: "e0", reason: "403", isFinal: false))
        #expect(try host.store.eventState("e0") == .closed)
        #expect(host.notes.contains { if case .answerRefused("e0", _) = $0 { true } else { false } })
    }

    @Test("A clock that jumps gives up no answer that was hardly tried")
    func jump() throws {
        let host = try Host()
        answered(1, host)
        host.tick(after: .seconds(86_400 * 365))
        host.give(.undelivered(eventID: "e0", reason: "no connection", isFinal: false))
        #expect(try host.store.eventState("e0") == .answered)
    }

    @Test("Who asks again has not got the answer, although it was taken when the store could not note it")
    func takenAndLost() throws {
        let host = try Host()
        answered(1, host)
        try host.store.connection.execute(
            """
            CREATE TEMP TRIGGER broken BEFORE UPDATE ON event
            BEGIN SELECT RAISE(ABORT, 'broken'); END
            """)
        host.give(.delivered(eventID: "e0"))
        try host.store.connection.execute("DROP TRIGGER broken")
        answered(1, host)
        #expect(host.published["e0"]?.count == 2)
    }

    @Test("A pause goes on where it was after a restart")
    func backOffAfterRestart() throws {
        let host = try Host()
        answered(1, host)
        for _ in 0..<8 {
            host.letters = []
            host.give(.undelivered(eventID: "e0", reason: "503", isFinal: false))
            host.tick(after: .seconds(30))
        }
        host.letters = []
        host.give(.undelivered(eventID: "e0", reason: "503", isFinal: false))
        let due = try #require(try host.store.reply(to: "e0")?.nextAttemptAt)
        try host.crash { _ in false }
        #expect(host.letters.isEmpty)
        host.tick(after: due - host.now)
        #expect(host.letters.count == 1)
    }

    @Test("When the server can be reached again nobody sits out a pause")
    func serverReached() throws {
        let host = try Host()
        answered(100, host)
        while !host.letters.isEmpty {
            let letter = host.letters.removeFirst()
            host.give(.undelivered(eventID: letter.eventID, reason: "no connection", isFinal: false))
            if (try host.store.reply(to: letter.eventID)?.attempts ?? 0) > 1 { break }
        }
        host.letters.removeAll()
        for id in host.reconciler.outbox.letters.filter(\.value.isOnItsWay).keys.sorted() {
            host.give(.undelivered(eventID: id, reason: "no connection", isFinal: false))
        }
        host.give(.serverReached)
        #expect(host.letters.count == host.limits.publishesInFlight)
        host.run()
        #expect(host.taken.count == 100)
    }

    @Test("An answer that the server will never take is given up and reported")
    func finalRefusal() throws {
        let host = try Host()
        answered(1, host)
        host.letters = []
        host.give(.undelivered(eventID: "e0", reason: "403 name must start with reply.", isFinal: true))
        #expect(try host.store.eventState("e0") == .closed)
        #expect(host.notes.contains(.answerRefused(eventID: "e0", reason: "403 name must start with reply.")))
        host.tick(after: .seconds(60))
        #expect(host.letters.isEmpty && host.isIdle)
    }

    @Test("Five thousand answers leave in good time, and never more than the limit at once")
    func many() throws {
        let host = try Host()
        let started = ContinuousClock.now
        for batch in 0..<50 {
            host.give((0..<100).map { .event(event("e\(batch)-\($0)", .unusable("no"))) })
        }
        #expect(host.letters.count == host.limits.publishesInFlight)
        while !host.letters.isEmpty {
            let ids = host.letters.map(\.eventID)
            host.letters = []
            host.give(ids.map { .delivered(eventID: $0) })
        }
        #expect(host.published.count == 5000)
        #expect(host.isIdle)
        #expect(ContinuousClock.now - started < .seconds(20))
    }

    @Test(
        "Answers that were on their way at a crash are sent again, and a late report of the old process harms nothing")
    func crash() throws {
        let host = try Host()
        answered(3, host)
        try host.crash { $0 == 0 }
        #expect(host.letters.count == 3)
        host.give(
            .delivered(eventID: "e0"), .delivered(eventID: "e0"),
            .undelivered(eventID: "e0", reason: "x", isFinal: false))
        host.run()
        #expect(host.isIdle)
        #expect(host.published.values.allSatisfy { Set($0).count == 1 })
    }
}
