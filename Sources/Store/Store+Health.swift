package import Model

/// Figures for whoever asks whether all is well.
package struct StoreHealth: Sendable, Hashable {
    /// What SQLite's check of the file says; `nil` if that is nothing.
    package var damage: String?
    package var resources = 0
    package var openEvents = 0
    /// Since when the oldest of them waits.
    package var oldestOpenEvent: Timestamp?
    package var undeliveredAnswers = 0
    package var quarantined = 0
    /// When the last event came of those that are remembered.
    package var lastEvent: Timestamp?
}

extension Store {
    /// Reads the whole file.
    ///
    /// - Throws: ``StoreError``.
    package func health() throws(StoreError) -> StoreHealth {
        func count(_ sql: String) throws(StoreError) -> Int {
            try connection.rows(sql) { $0.integer(0) }.first ?? 0
        }
        var health = StoreHealth()
        let findings = try connection.rows("PRAGMA quick_check(1)") { $0.text(0) }
        if findings != ["ok"] { health.damage = findings.first ?? "the check said nothing" }
        health.resources = try count("SELECT count(*) FROM resource")
        let open = try openEventSummary()
        (health.openEvents, health.oldestOpenEvent) = (open.count, open.count == 0 ? nil : open.oldest)
        health.undeliveredAnswers = try count("SELECT count(*) FROM event WHERE state = 'answered'")
        health.quarantined = try count("SELECT count(*) FROM quarantine")
        health.lastEvent =
            try connection.rows("SELECT max(received_at) FROM event") { row in
                row.optionalInteger(0).map(Timestamp.init(milliseconds:))
            }.first ?? nil
        return health
    }
}
