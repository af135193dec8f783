package import Model

/// One row of table `event`.
package struct EventRow: Sendable, Hashable {
    /// How far the event has come.
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// Being worked on.
        case open
        /// The answer is decided and not delivered yet.
        case answered
        /// Nothing is left to do.
        case closed
    }

    package var header: EventHeader
    /// The text form of the resource's key; `nil` for mere questions.
    package var key: String?
    package var generation: Int
    package var frame: String
    package var state: State
    package var receivedAt: Timestamp
    package var closedAt: Timestamp?

    package init(
        header: EventHeader, key: String?, generation: Int, frame: String, state: State, receivedAt: Timestamp,
        closedAt: Timestamp? = nil
    ) {
        self.header = header
        self.key = key
        self.generation = generation
        self.frame = frame
        self.state = state
        self.receivedAt = receivedAt
        self.closedAt = closedAt
    }

    fileprivate static let columns =
        "id, name, reply_to, resource_type, resource_id, key, generation, state, received_at, closed_at, dialect"
    /// The same without the frame, which is long.
    fileprivate static let brief = columns + ", ''"
    /// The same, to be read together with the frame.
    static let all = columns + ", coalesce((SELECT text FROM frame WHERE event_id = id), '')"

    init?(_ row: borrowing Row) {
        guard let state = State(rawValue: row.text(7)) else { return nil }
        self.init(
            header: EventHeader(
                id: row.text(0), name: row.text(1), replyTo: row.optionalText(2), resourceID: row.optionalText(4),
                resourceType: row.optionalText(3), dialect: Dialect(rawValue: row.text(10)) ?? .a),
            key: row.optionalText(5), generation: row.integer(6), frame: row.text(11), state: state,
            receivedAt: Timestamp(milliseconds: row.integer(8)),
            closedAt: row.optionalInteger(9).map(Timestamp.init(milliseconds:)))
    }
}

extension Store {
    /// Adds an event.
    ///
    /// - Throws: ``StoreError``, also if there is one with this id.
    package func insert(_ event: EventRow) throws(StoreError) {
        try connection.run(
            "INSERT INTO event (\(EventRow.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            .text(event.header.id), .text(event.header.name), SQLValue(event.header.replyTo),
            SQLValue(event.header.resourceType), SQLValue(event.header.resourceID), SQLValue(event.key),
            .integer(event.generation), .text(event.state.rawValue), .integer(event.receivedAt.milliseconds),
            SQLValue(event.closedAt?.milliseconds), .text(event.header.dialect.rawValue))
        try connection.run(
            "INSERT INTO frame (event_id, text) VALUES (?, ?)", .text(event.header.id), .text(event.frame))
    }

    /// How far the event with this id has come; `nil` if it was never seen, or long ago.
    ///
    /// - Throws: ``StoreError``.
    package func eventState(_ id: String) throws(StoreError) -> EventRow.State? {
        try connection.rows("SELECT state FROM event WHERE id = ?", .text(id)) { EventRow.State(rawValue: $0.text(0)) }
            .first
    }

    /// All events that are being worked on, oldest first, without their frames: those may be megabytes each.
    ///
    /// - Throws: ``StoreError``.
    package func openEvents() throws(StoreError) -> [EventRow] {
        try connection.rows(
            "SELECT \(EventRow.brief) FROM event WHERE state = 'open' ORDER BY received_at, id", read: EventRow.init)
    }

    /// The event as it came; empty if there is none.
    ///
    /// - Throws: ``StoreError``.
    package func frame(ofEvent id: String) throws(StoreError) -> String {
        try connection.rows("SELECT text FROM frame WHERE event_id = ?", .text(id)) { $0.text(0) }.first ?? ""
    }

    /// The last events about a resource, newest first.
    ///
    /// - Throws: ``StoreError``.
    package func events(about key: ResourceKey, limit: Int) throws(StoreError) -> [EventRow] {
        try connection.rows(
            "SELECT \(EventRow.all) FROM event WHERE key = ? ORDER BY received_at DESC, id LIMIT ?",
            .text(key.description), .integer(limit), read: EventRow.init)
    }

    /// Notes how far an event has come.
    ///
    /// - Throws: ``StoreError``.
    package func setState(
        _ state: EventRow.State, ofEvent id: String, generation: Int? = nil, at time: Timestamp
    ) throws(StoreError) {
        try connection.run(
            "UPDATE event SET state = ?2, closed_at = ?3, generation = coalesce(?4, generation) WHERE id = ?1",
            .text(id), .text(state.rawValue), state == .closed ? .integer(time.milliseconds) : .null,
            SQLValue(generation))
    }

    /// Takes an event away, with its answer.
    ///
    /// - Throws: ``StoreError``.
    package func deleteEvent(_ id: String) throws(StoreError) {
        try connection.run("DELETE FROM event WHERE id = ?", .text(id))
    }

    /// Forgets events that were closed before the given moment, and the oldest of them beyond a number.
    ///
    /// - Throws: ``StoreError``.
    package func forgetEvents(closedBefore time: Timestamp, keeping count: Int) throws(StoreError) {
        try connection.run(
            "DELETE FROM event WHERE state = 'closed' AND closed_at < ?", .integer(time.milliseconds))
        try connection.run(
            """
            DELETE FROM event WHERE id IN
                (SELECT id FROM event WHERE state = 'closed' ORDER BY closed_at DESC, id DESC LIMIT -1 OFFSET ?)
            """, .integer(count))
    }

    /// How many events wait for their end, and since when the oldest does.
    ///
    /// - Throws: ``StoreError``.
    package func openEventSummary() throws(StoreError) -> (count: Int, oldest: Timestamp?) {
        try connection.rows("SELECT count(*), min(received_at) FROM event WHERE state = 'open'") { row in
            (count: row.integer(0), oldest: row.optionalInteger(1).map(Timestamp.init(milliseconds:)))
        }.first ?? (0, nil)
    }
}

// MARK: For whoever looks at the store

extension Store {
    /// Events in the given states, newest first, without their frames.
    ///
    /// - Parameters:
    ///   - states: Only those that have come so far.
    ///   - key: Only those about this resource; `nil` for all.
    ///   - limit: At most so many.
    /// - Throws: ``StoreError``.
    package func events(
        in states: Set<EventRow.State>, about key: ResourceKey? = nil, limit: Int
    ) throws(StoreError) -> [EventRow] {
        try connection.rows(
            """
            SELECT \(EventRow.brief) FROM event WHERE state IN (\(Self.list(states))) AND (?1 IS NULL OR key = ?1)
            ORDER BY received_at DESC, id LIMIT ?2
            """, SQLValue(key?.description), .integer(limit), read: EventRow.init)
    }

    /// How many events there are in the given states.
    ///
    /// - Throws: ``StoreError``.
    package func eventCount(in states: Set<EventRow.State>, about key: ResourceKey? = nil) throws(StoreError) -> Int {
        try connection.rows(
            "SELECT count(*) FROM event WHERE state IN (\(Self.list(states))) AND (?1 IS NULL OR key = ?1)",
            SQLValue(key?.description)
        ) { $0.integer(0) }.first ?? 0
    }

    /// How many events have asked for one and the same wish.
    ///
    /// - Throws: ``StoreError``.
    package func eventCount(about key: ResourceKey, generation: Int) throws(StoreError) -> Int {
        try connection.rows(
            "SELECT count(*) FROM event WHERE key = ? AND generation = ?", .text(key.description), .integer(generation)
        ) { $0.integer(0) }.first ?? 0
    }

    private static func list(_ states: Set<EventRow.State>) -> String {
        states.map { "'\($0.rawValue)'" }.sorted().joined(separator: ", ")
    }

    /// The events whose ids begin like this, newest first, without their frames. Whose id is just this comes first.
    ///
    /// - Throws: ``StoreError``.
    package func events(beginningWith id: String, limit: Int) throws(StoreError) -> [EventRow] {
        try connection.rows(
            """
            SELECT \(EventRow.brief) FROM event WHERE substr(id, 1, length(?1)) = ?1
            ORDER BY id <> ?1, received_at DESC, id LIMIT ?2
            """, .text(id), .integer(limit), read: EventRow.init)
    }

    /// The event that has waited for its end the longest, without its frame.
    ///
    /// - Throws: ``StoreError``.
    package func oldestOpenEvent() throws(StoreError) -> EventRow? {
        try connection.rows(
            "SELECT \(EventRow.brief) FROM event WHERE state = 'open' ORDER BY received_at, id LIMIT 1",
            read: EventRow.init
        ).first
    }
}
