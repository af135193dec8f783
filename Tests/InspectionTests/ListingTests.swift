import LosslessJSON
import Model
import Store
import Testing

@testable import Inspection

@Suite("Tables of the store")
struct ListingTests {
    let store: Store
    let now = Fixture.now

    init() throws { store = try Fixture.filled() }

    private func listings(_ limit: Int = 100) throws -> [any Listing] {
        try ResourceKind.allCases.map { try ResourceListing(of: $0, limit: limit, in: store) } + [
            try EventListing(limit: limit, of: store), try ReplyListing(limit: limit, of: store),
            try QuarantineListing(limit: limit, of: store),
        ]
    }

    @Test("Each fits the terminal, and is whole without one", arguments: [20, 40, 60, 80, 100, 200])
    func fit(width: Int) throws {
        for listing in try listings() {
            for line in listing.text(now: now, style: ReportStyle(width: width)).split(separator: "\n") {
                #expect(String(line).columns <= width, "\(line)")
            }
            let whole = listing.text(now: now, style: ReportStyle())
            #expect(!whole.contains("…") && !whole.contains("\u{1B}"))
        }
    }

    @Test("Times are told both ways where there is room")
    func times() throws {
        let events = try EventListing(limit: 100, of: store).text(now: now)
        #expect(events.contains("2026-09-21T14:12:40.123Z  40s"))
        let images = try ResourceListing(of: .image, limit: 100, in: store).text(now: now)
        #expect(images.contains("2026-09-21T14:12:50.123Z  30s"))
        #expect(images.contains("in 3s"))
    }

    @Test("Resources are told by kind, by whether they are done, and by phase")
    func resources() throws {
        #expect(
            try ResourceListing(of: .instance, limit: 9, in: store).rows.map(\.name) == [
                "db-of-the-shop-with-a-long-name", "web",
            ])
        #expect(try ResourceListing(of: .instance, pending: true, limit: 9, in: store).rows.map(\.name) == ["web"])
        #expect(
            try ResourceListing(of: .instance, phase: "failed", limit: 9, in: store).rows.map(\.key) == [Fixture.db])
        #expect(
            try ResourceListing(of: .volume, phase: "failed", limit: 9, in: store).text(now: now) == "No such volumes.")
        let some = try ResourceListing(of: .instance, limit: 1, in: store)
        #expect(some.total == 2)
        #expect(some.text(now: now).hasSuffix("\n\n1 of 2; --limit shows more."))
        #expect(some.json["total"] == 2)
        #expect(some.json["instances"].array?.count == 1)
    }

    @Test("Events are told by state and by resource, newest first")
    func events() throws {
        func ids(_ states: Set<EventRow.State>, _ key: ResourceKey? = nil) throws -> [String] {
            try EventListing(in: states, about: key, limit: 9, of: store).rows.map(\.header.id)
        }
        #expect(try ids(Set(EventRow.State.allCases)) == ["e2", "e3", "e1"])
        #expect(try ids([.open]) == ["e2"])
        #expect(try ids([.open, .answered]) == ["e2", "e3"])
        #expect(try ids(Set(EventRow.State.allCases), Fixture.web) == ["e2", "e1"])
        #expect(try ids([.open], Fixture.db) == [])
        let json = try EventListing(limit: 1, of: store).json
        #expect(json["total"] == 3)
        #expect(json["events"][0]["id"] == "e2")
        #expect(json["events"][0]["frame"].isNull)
        #expect(json["events"][0]["receivedAt"] == "2026-09-21T14:12:40.123Z")
    }

    @Test("What is there and cannot be read is not promised to whoever asks for more")
    func unreadable() throws {
        try store.put(Fixture.row(ResourceKey(.volume, "other"), name: "other", desired: "active", phase: "active"))
        try store.connection.execute("UPDATE resource SET key = 'robot:7' WHERE key = 'volume:other'")
        let all = try ResourceListing(of: .volume, limit: 1000, in: store)
        #expect(all.rows.count == 1 && all.total == 2)
        #expect(all.text(now: now).hasSuffix("\n\n1 of 2; the others cannot be read by this program."))
    }

    @Test("An answer that is sent again is pending, whatever became of it before")
    func sentAgain() throws {
        try store.setState(.answered, ofEvent: "e1", at: now)
        #expect(try ReplyListing(limit: 9, of: store).rows.map(\.delivery) == ["pending", "pending"])
        try store.setState(.closed, ofEvent: "e3", at: now)
        #expect(try ReplyListing(limit: 9, of: store).rows.map(\.delivery) == ["refused", "pending"])
    }

    @Test("What a terminal would obey is not printed, wherever it was", arguments: [nil, 40, 100])
    func controls(width: Int?) throws {
        try Fixture.fillWithControls(store)
        for listing in try listings() {
            let text = listing.text(now: now, style: ReportStyle(width: width))
            #expect(!text.hasControls, "\(text.debugDescription)")
            let json = listing.json.prettyText.jsonWithoutControls
            #expect(!json.hasControls, "\(json.debugDescription)")
            #expect(try JSON(parsing: json) == JSON(parsing: listing.json.prettyText))
        }
        #expect(try listings().map { $0.json.prettyText }.joined().hasControls)
    }

    @Test("Answers are told by how far they have come")
    func replies() throws {
        #expect(try ReplyListing(limit: 9, of: store).rows.map(\.delivery) == ["pending", "delivered"])
        let pending = try ReplyListing(undelivered: true, limit: 9, of: store)
        #expect(pending.rows.map(\.reply.eventID) == ["e3"])
        #expect(try ReplyListing(failures: true, limit: 9, of: store).rows.map(\.reply.eventID) == ["e3"])
        let text = pending.text(now: now)
        for words in ["failure", "pending", "HTTP 502", "in 3s", "compute.instance.deactivate"] {
            #expect(text.contains(words))
        }
        #expect(pending.json["replies"][0]["attempts"] == 4)
    }

    @Test("What is in quarantine has a number, a size and a reason")
    func quarantine() throws {
        let listing = try QuarantineListing(limit: 9, of: store)
        #expect(listing.text(now: now).contains("frame:1"))
        #expect(listing.json["quarantine"][0]["error"] == "unreadable")
        #expect(listing.json["quarantine"][0]["bytes"].integer == Fixture.quarantineSecret.utf8.count)
    }

    @Test("No secret is in any of them")
    func secrets() throws {
        for listing in try listings() {
            for secret in Fixture.secrets {
                #expect(!listing.text(now: now, style: ReportStyle()).contains(secret))
                #expect(!listing.json.encodedText.contains(secret))
            }
        }
    }

    @Test("A history has events, changes and answers in their order, the newest where not all are wanted")
    func history() throws {
        let dossier = try #require(try Fixture.dossier("web", in: store))
        let timeline = Timeline(of: dossier, limit: 100)
        #expect(timeline.entries.map(\.kind) == [.event, .change, .change, .answer, .event, .change, .change])
        #expect(timeline.entries.map(\.what)[1...2] == ["requested", "requested → running"])
        let two = Timeline(of: dossier, limit: 2)
        #expect(two.entries == Array(timeline.entries.suffix(2)))
        #expect(two.text(now: now).contains("The last 2 of 7; --limit shows more."))
        #expect(two.json["history"].array?.count == 2)
        // Events that were not read count as well.
        let some = try #require(
            try ResourceQuery.run("web", in: store) { row, all throws(StoreError) in
                try Dossier(of: row.key, among: all, in: store, eventLimit: 1)
            }.found)
        #expect(some.events.map(\.event.header.id) == ["e2"])
        #expect(Timeline(of: some, limit: 1).text(now: now).contains("The last 1 of 7; --limit shows more."))
        #expect(dossier.events.allSatisfy { $0.event.frame.isEmpty })
        for width in [40, 60, 100] {
            for line in timeline.text(now: now, style: ReportStyle(width: width)).split(separator: "\n") {
                #expect(String(line).columns <= width, "\(line)")
            }
        }
    }

    @Test("A shell is offered names at once, and ids for what was begun")
    func completion() throws {
        #expect(
            try NameCompletion.names(beginningWith: "", in: store)
                == ["data", "db-of-the-shop-with-a-long-name", "nginx:latest", "web"])
        #expect(try NameCompletion.names(beginningWith: "01", in: store) == [Fixture.webID, Fixture.dbID].sorted())
        #expect(try NameCompletion.names(beginningWith: "1i", in: store) == ["1i20", "1i21"])
        #expect(try NameCompletion.names(beginningWith: "e", in: store) == [])
        #expect(try NameCompletion.names(beginningWith: "e", events: true, in: store) == ["e1", "e2", "e3"])
        try store.put(
            Fixture.row(ResourceKey(.volume, "x$(reboot)"), name: "x$(reboot)", desired: "active", phase: "active"))
        #expect(try NameCompletion.names(beginningWith: "x", in: store) == [])
        for name in ["a b", "a=b", "a%b", "a{b}", "a[b]", "a^b", "aäb", "a,b"] {
            try store.put(Fixture.row(ResourceKey(.volume, name), name: name, desired: "active", phase: "active"))
        }
        #expect(try NameCompletion.names(beginningWith: "a", in: store) == [])
        let plain = "b.B_0:/@+-"
        try store.put(Fixture.row(ResourceKey(.volume, plain), name: plain, desired: "active", phase: "active"))
        #expect(try NameCompletion.names(beginningWith: "b", in: store) == [plain])
    }
}

extension ResourceMatch {
    fileprivate var found: Found? { if case .found(let found) = self { found } else { nil } }
}
