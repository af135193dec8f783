import Foundation
import LosslessJSON
import Model
import Store
import Testing

@testable import Inspection

@Suite("Checking")
struct CheckTests {
    let directory: TemporaryDirectory
    let store: Store
    let now = Fixture.now

    init() throws {
        directory = try TemporaryDirectory()
        store = try directory.openStore()
    }

    private func check(_ age: Duration = .seconds(600), at now: Timestamp? = nil) throws -> StateCheck {
        var limits = StateCheck.Limits()
        limits.age = age
        let moment = now ?? self.now
        return try directory.location.read { store throws(StoreError) in
            try StateCheck(of: store, at: directory.location, limits: limits, now: moment)
        }
    }

    @Test("An empty store is fine")
    func empty() throws {
        let check = try check()
        #expect(check.severity == .fine)
        #expect(check.text().hasPrefix("OK: "))
        #expect(check.json["status"] == "ok")
        #expect(check.json["exitCode"] == 0)
        #expect(check.json["schemaVersion"].integer == Migrator.currentVersion)
    }

    @Test("What waits for longer than it may is a warning each, and named")
    func warnings() throws {
        try Fixture.fill(store)
        func codes(_ check: StateCheck) -> Set<String> { Set(check.findings.map(\.code)) }
        // Something came into quarantine a moment ago.
        #expect(codes(try check()) == ["quarantine"])
        #expect(codes(try check(.seconds(39))) == ["quarantine", "unanswered-event", "undelivered-answer"])
        #expect(codes(try check(.seconds(44))) == ["quarantine", "undelivered-answer"])
        #expect(codes(try check(at: now + .seconds(700))).contains("overdue"))
        let late = try check(at: now + .seconds(2 * 86_400))
        #expect(!codes(late).contains("quarantine"))
        #expect(late.severity == .warning)
        #expect(late.severity.rawValue == 1)
        #expect(late.text().contains("see 'rancher-agent state why e2'"))
    }

    @Test(
        "An answer that the server has taken, and has asked for again, is no cause for concern before a try has failed")
    func sentAgain() throws {
        try Fixture.fill(store)
        try store.replyDelivered(to: "e3", at: now)
        try store.setState(.answered, ofEvent: "e1", at: now)
        func found() throws -> StateCheck.Finding? {
            try check(.seconds(60)).findings.first { $0.code == "undelivered-answer" }
        }
        #expect(try found() == nil)
        try store.replyFailed(to: "e1", attempts: 1, next: now, error: "HTTP 502")
        // It counts from its delivery, which was later than its decision.
        try store.connection.execute("UPDATE reply SET created_at = created_at - 3600000")
        #expect(try found()?.text == "The answer to event e1 is undelivered for 8 min, after 1 try: HTTP 502.")
    }

    @Test("A row that cannot be read is critical, and named")
    func unreadableRow() throws {
        try Fixture.fill(store)
        try store.connection.execute("UPDATE resource SET key = 'robot:7' WHERE key = 'volume:data'")
        let check = try check()
        #expect(check.severity == .critical)
        #expect(check.findings.first?.code == "unreadable-row")
        #expect(check.text().hasPrefix("CRITICAL: A row of table resource cannot be read by this program: robot:7."))
        #expect(check.json["unreadableRows"] == 1)
        #expect(check.json["isSound"] == false)
    }

    @Test("Moments that are too far away to be reckoned with do no harm", arguments: [Int.min, Int.min + 1, Int.max])
    func oddMoments(milliseconds: Int) throws {
        try Fixture.fill(store)
        for column in ["next_attempt_at", "updated_at", "created_at"] {
            try store.connection.execute("UPDATE resource SET \(column) = \(milliseconds)")
        }
        for column in ["next_delivery_at", "received_at", "delivered_at"] {
            try store.connection.execute("UPDATE event SET \(column) = \(milliseconds)")
        }
        #expect(try !check().text().isEmpty)
        #expect(try !Snapshot(of: store).text(now: now).isEmpty)
        for name in ["web", "nginx:latest", "1i21"] {
            #expect(try Fixture.show(name, in: store)?.text.isEmpty == false)
        }
    }

    @Test("The figures are told both ways")
    func figures() throws {
        try Fixture.fill(store)
        let check = try check()
        let json = try JSON(parsing: check.json.prettyText)
        #expect(json["openEvents"] == 1)
        #expect(json["oldestOpenEvent"] == "e2")
        #expect(json["undelivered"] == 1)
        #expect(json["pending"] == 2)
        #expect(json["resources"] == 4)
        #expect(json["quarantine"] == 1)
        #expect(json["isSound"] == true)
        #expect(json["logBytes"].integer.map { $0 > 0 } == true)
        #expect(check.text().contains("1 unanswered, the oldest received 40 s ago (2026-09-21T14:12:40.123Z)"))
        for width in [20, 60, 100] {
            for line in check.text(style: ReportStyle(width: width)).split(separator: "\n") {
                #expect(String(line).columns <= width, "\(line)")
            }
        }
    }

    @Test("A row that belongs to nothing is critical")
    func stray() throws {
        try Fixture.fill(store)
        try store.connection.execute("PRAGMA foreign_keys = OFF; DELETE FROM event WHERE id = 'e1'")
        let check = try check()
        #expect(check.severity == .critical)
        #expect(check.findings.first?.code == "stray-row")
        #expect(check.text().hasPrefix("CRITICAL: The database contradicts itself: "))
    }

    @Test("A damaged page is critical, wherever it is", arguments: [1, 3, 5])
    func damaged(page: Int) throws {
        try Fixture.fill(store)
        let copy = try TemporaryDirectory()
        try store.connection.execute("VACUUM INTO '\(copy.location.databasePath)'")
        let url = URL(fileURLWithPath: copy.location.databasePath)
        var bytes = try Data(contentsOf: url)
        for index in 0..<1024 { bytes[page * 4096 + index] = UInt8(truncatingIfNeeded: index &* 31 &+ 7) }
        try bytes.write(to: url)
        do throws(InspectionError) {
            let found = try copy.location.read { store throws(StoreError) in
                try StateCheck(of: store, at: copy.location, now: now)
            }
            #expect(found.severity == .critical)
        } catch {
            #expect(error.description.contains("is no database, or it is damaged"))
        }
    }

    @Test("What cannot be read is critical, with the reason")
    func unreadable() {
        let check = StateCheck(unreadable: "No state at /x.", path: "/x")
        #expect(check.severity.rawValue == 2)
        #expect(check.text() == "CRITICAL: No state at /x.")
        #expect(check.json["findings"][0]["code"] == "unreadable")
    }

    @Test("The newest change is told at the head of the overview")
    func heading() throws {
        try Fixture.fill(store)
        let text = try Snapshot(of: store).text(now: now)
        #expect(text.hasPrefix("Newest change: 30 s ago, at 2026-09-21T14:12:50.123Z\n\nInstances\n"))
        #expect(try Snapshot(of: store).json["newestChangeAt"] == "2026-09-21T14:12:50.123Z")
    }
}
