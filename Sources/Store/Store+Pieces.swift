internal import Model

/// Where a row stands in the order of its table, whether its content can be read or not.
package struct RowCursor: Sendable, Hashable {
    /// Its key as it is stored, which may be no text; empty in tables whose rows are counted.
    package var key: [UInt8] = []
    /// Its number among those with the same key.
    package var number = 0

    /// Before all rows.
    package static let start = RowCursor()
}

/// A row of a table that is read piece by piece.
package struct StoredRow<Content> {
    /// Where it stands.
    package var cursor: RowCursor
    /// What it says; `nil` if this program cannot make sense of it.
    package var content: Content?
}

extension StoredRow: Sendable where Content: Sendable {}

// Each of these reads a part of a table: the rows behind a cursor, in the order of cursors. Between two of them nothing is
// held, so that whoever reads a whole table may take any time.
extension Store {
    /// Resources by their keys, with machines and specifications.
    ///
    /// - Throws: ``StoreError``.
    package func resources(after last: RowCursor, limit: Int) throws(StoreError) -> [StoredRow<ResourceRow>] {
        try connection.rows(
            "SELECT \(ResourceRow.all) FROM resource WHERE key > ? ORDER BY key LIMIT ?", .bytes(last.key),
            .integer(limit)
        ) { row in StoredRow(cursor: RowCursor(key: row.bytes(0)), content: ResourceRow(row)) }
    }

    /// Changes of phase by the keys of their resources and their numbers.
    ///
    /// - Throws: ``StoreError``.
    package func transitions(after last: RowCursor, limit: Int) throws(StoreError) -> [StoredRow<TransitionRow>] {
        try connection.rows(
            "\(TransitionRow.all) WHERE (key, number) > (?, ?) ORDER BY key, number LIMIT ?", .bytes(last.key),
            .integer(last.number), .integer(limit)
        ) { row in
            StoredRow(cursor: RowCursor(key: row.bytes(0), number: row.integer(6)), content: TransitionRow(row))
        }
    }

    /// Events by their ids, with their frames.
    ///
    /// - Throws: ``StoreError``.
    package func events(after last: RowCursor, limit: Int) throws(StoreError) -> [StoredRow<EventRow>] {
        try connection.rows(
            "SELECT \(EventRow.all) FROM event WHERE id > ? ORDER BY id LIMIT ?", .bytes(last.key), .integer(limit)
        ) { row in StoredRow(cursor: RowCursor(key: row.bytes(0)), content: EventRow(row)) }
    }

    /// Answers by the ids of their events, with their messages.
    ///
    /// - Throws: ``StoreError``.
    package func replies(after last: RowCursor, limit: Int) throws(StoreError) -> [StoredRow<ReplyEntry>] {
        try connection.rows(
            "\(ReplyEntry.all(body: "body")) WHERE event_id > ? ORDER BY event_id LIMIT ?", .bytes(last.key),
            .integer(limit)
        ) { row in StoredRow(cursor: RowCursor(key: row.bytes(0)), content: ReplyEntry(row)) }
    }

    /// What was put away, by its numbers.
    ///
    /// - Throws: ``StoreError``.
    package func quarantineEntries(after last: RowCursor, limit: Int) throws(StoreError) -> [StoredRow<QuarantineEntry>]
    {
        try connection.rows(
            "\(QuarantineEntry.all) WHERE sequence > ? ORDER BY sequence LIMIT ?", .integer(last.number),
            .integer(limit)
        ) { row in StoredRow(cursor: RowCursor(number: row.integer(0)), content: QuarantineEntry(row)) }
    }

    /// The rows that no piece and no list can show, as they are about nothing that this program knows.
    ///
    /// - Throws: ``StoreError``.
    package func unreadableRows() throws(StoreError) -> [(table: String, key: String)] {
        func keys(_ table: String, _ column: String) throws(StoreError) -> [(table: String, key: String)] {
            try connection.rows("SELECT \(column) FROM \(table) ORDER BY \(column)") { row in
                ResourceKey(row.text(0)) == nil ? (table: table, key: row.text(0)) : nil
            }
        }
        let events = try connection.rows("SELECT id, state FROM event ORDER BY id") { row in
            EventRow.State(rawValue: row.text(1)) == nil ? (table: "event", key: row.text(0)) : nil
        }
        return try keys("resource", "key") + keys("transition", "key") + events
    }
}
