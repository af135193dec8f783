package import Model

/// One row of table `transition`.
package struct TransitionRow: Sendable, Hashable {
    package var key: ResourceKey
    package var generation: Int
    package var from: String
    package var to: String
    package var cause: String
    package var at: Timestamp

    package init(key: ResourceKey, generation: Int, from: String, to: String, cause: String, at: Timestamp) {
        self.key = key
        self.generation = generation
        self.from = from
        self.to = to
        self.cause = cause
        self.at = at
    }
}

/// One row of table `quarantine`.
package struct QuarantineRow: Sendable, Hashable {
    package var source: String
    package var name: String
    package var raw: String
    package var error: String
    package var at: Timestamp

    package init(source: String, name: String, raw: String, error: String, at: Timestamp) {
        self.source = source
        self.name = name
        self.raw = raw
        self.error = error
        self.at = at
    }
}

extension Store {
    /// Adds a change of phase.
    ///
    /// - Throws: ``StoreError``.
    package func insert(_ transition: TransitionRow) throws(StoreError) {
        try connection.run(
            """
            INSERT INTO transition (key, number, generation, from_phase, to_phase, cause, at) VALUES
                (?1, (SELECT coalesce(max(number), 0) + 1 FROM transition WHERE key = ?1), ?2, ?3, ?4, ?5, ?6)
            """,
            .text(transition.key.description), .integer(transition.generation), .text(transition.from),
            .text(transition.to), .text(transition.cause), .integer(transition.at.milliseconds))
    }

    /// Keeps only the newest changes of phase of a resource.
    ///
    /// - Throws: ``StoreError``.
    package func trimHistory(of key: ResourceKey, to count: Int) throws(StoreError) {
        try connection.run(
            """
            DELETE FROM transition WHERE key = ?1 AND number <=
                (SELECT number FROM transition WHERE key = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
            """, .text(key.description), .integer(count))
    }

    /// The changes of phase of a resource, oldest first.
    ///
    /// - Throws: ``StoreError``.
    package func history(of key: ResourceKey) throws(StoreError) -> [TransitionRow] {
        try connection.rows(
            """
            SELECT generation, from_phase, to_phase, cause, at FROM transition WHERE key = ? ORDER BY number
            """, .text(key.description)
        ) { row in
            TransitionRow(
                key: key, generation: row.integer(0), from: row.text(1), to: row.text(2), cause: row.text(3),
                at: Timestamp(milliseconds: row.integer(4)))
        }
    }

    /// Puts away what could not be read, and forgets the oldest beyond a number.
    ///
    /// - Throws: ``StoreError``.
    package func quarantine(_ row: QuarantineRow, keeping count: Int) throws(StoreError) {
        try connection.run(
            "INSERT INTO quarantine (source, name, raw, error, at) VALUES (?, ?, ?, ?, ?)",
            .text(row.source), .text(row.name), .text(row.raw), .text(row.error), .integer(row.at.milliseconds))
        try connection.run(
            """
            DELETE FROM quarantine WHERE sequence <=
                (SELECT sequence FROM quarantine ORDER BY sequence DESC LIMIT 1 OFFSET ?)
            """, .integer(count))
    }

    /// What was put away, newest first.
    ///
    /// - Throws: ``StoreError``.
    package func quarantined() throws(StoreError) -> [QuarantineRow] {
        try connection.rows("SELECT source, name, raw, error, at FROM quarantine ORDER BY sequence DESC") { row in
            QuarantineRow(
                source: row.text(0), name: row.text(1), raw: row.text(2), error: row.text(3),
                at: Timestamp(milliseconds: row.integer(4)))
        }
    }
}

// MARK: For whoever looks at the store

extension TransitionRow {
    static let all = "SELECT key, generation, from_phase, to_phase, cause, at, number FROM transition"

    init?(_ row: borrowing Row) {
        guard let key = ResourceKey(row.text(0)) else { return nil }
        self.init(
            key: key, generation: row.integer(1), from: row.text(2), to: row.text(3), cause: row.text(4),
            at: Timestamp(milliseconds: row.integer(5)))
    }
}

extension Store {
    /// The last changes of phase of all resources, newest first.
    ///
    /// - Throws: ``StoreError``.
    package func recentTransitions(limit: Int) throws(StoreError) -> [TransitionRow] {
        try connection.rows(
            "\(TransitionRow.all) ORDER BY at DESC, key, number DESC LIMIT ?", .integer(limit),
            read: TransitionRow.init)
    }
}
