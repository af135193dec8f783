package import Model

/// One row of table `quarantine`, for whoever looks at it.
package struct QuarantineEntry: Sendable, Hashable {
    /// Counts what was ever put away; by this it can be named.
    package var number: Int
    package var row: QuarantineRow
}

extension QuarantineEntry {
    static let all = "SELECT sequence, source, name, raw, error, at FROM quarantine"

    init(_ row: borrowing Row) {
        self.init(
            number: row.integer(0),
            row: QuarantineRow(
                source: row.text(1), name: row.text(2), raw: row.text(3), error: row.text(4),
                at: Timestamp(milliseconds: row.integer(5))))
    }
}

extension Store {
    /// What was put away, newest first.
    ///
    /// - Throws: ``StoreError``.
    package func quarantineEntries(limit: Int) throws(StoreError) -> [QuarantineEntry] {
        try connection.rows("\(QuarantineEntry.all) ORDER BY sequence DESC LIMIT ?", .integer(limit)) {
            QuarantineEntry($0)
        }
    }

    /// How much is put away, and since when the newest of it is.
    ///
    /// - Throws: ``StoreError``.
    package func quarantineSummary() throws(StoreError) -> (count: Int, newest: Timestamp?) {
        try connection.rows("SELECT count(*), max(at) FROM quarantine") { row in
            (count: row.integer(0), newest: row.optionalInteger(1).map(Timestamp.init(milliseconds:)))
        }.first ?? (0, nil)
    }
}
