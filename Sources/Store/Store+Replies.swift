package import Model

/// One row of table `reply`, without its body.
package struct ReplyRow: Sendable, Hashable {
    package var eventID: String
    package var isFailure: Bool
    package var attempts: Int
    package var nextAttemptAt: Timestamp?
    package var lastError: String
    package var createdAt: Timestamp
    package var deliveredAt: Timestamp?

    fileprivate static let columns =
        "event_id, is_failure, attempts, next_attempt_at, last_error, created_at, delivered_at"

    fileprivate init?(_ row: borrowing Row) {
        eventID = row.text(0)
        isFailure = row.integer(1) != 0
        attempts = row.integer(2)
        nextAttemptAt = row.optionalInteger(3).map(Timestamp.init(milliseconds:))
        lastError = row.text(4)
        createdAt = Timestamp(milliseconds: row.integer(5))
        deliveredAt = row.optionalInteger(6).map(Timestamp.init(milliseconds:))
    }
}

extension Store {
    /// Adds the one answer of an event.
    ///
    /// - Throws: ``StoreError``, also if the event has one already.
    package func insertReply(
        to eventID: String, body: String, isFailure: Bool, at time: Timestamp
    ) throws(StoreError) {
        try connection.run(
            """
            INSERT INTO reply (event_id, body, is_failure, attempts, last_error, created_at) VALUES (?, ?, ?, 0, '', ?)
            """, .text(eventID), .text(body), .integer(isFailure ? 1 : 0), .integer(time.milliseconds))
    }

    /// The message to send; `nil` if the event has no answer.
    ///
    /// - Throws: ``StoreError``.
    package func replyBody(to eventID: String) throws(StoreError) -> String? {
        try connection.rows("SELECT body FROM reply WHERE event_id = ?", .text(eventID)) { $0.text(0) }.first
    }

    /// The answer to one event.
    ///
    /// - Throws: ``StoreError``.
    package func reply(to eventID: String) throws(StoreError) -> ReplyRow? {
        try connection.rows(
            "SELECT \(ReplyRow.columns) FROM reply WHERE event_id = ?", .text(eventID), read: ReplyRow.init
        ).first
    }

    /// All answers that the server has not taken yet, oldest first.
    ///
    /// - Throws: ``StoreError``.
    package func undeliveredReplies() throws(StoreError) -> [ReplyRow] {
        try connection.rows(
            """
            SELECT \(ReplyRow.columns) FROM reply JOIN event ON event.id = reply.event_id
            WHERE event.state = 'answered' ORDER BY reply.created_at, event_id
            """, read: ReplyRow.init)
    }

    /// Notes a try that did not succeed.
    ///
    /// - Throws: ``StoreError``.
    package func replyFailed(
        to eventID: String, attempts: Int, next: Timestamp?, error: String
    ) throws(StoreError) {
        try connection.run(
            "UPDATE reply SET attempts = ?2, next_attempt_at = ?3, last_error = ?4 WHERE event_id = ?1",
            .text(eventID), .integer(attempts), SQLValue(next?.milliseconds), .text(error))
    }

    /// Notes that the server has the answer.
    ///
    /// - Throws: ``StoreError``.
    package func replyDelivered(to eventID: String, at time: Timestamp) throws(StoreError) {
        try connection.run(
            "UPDATE reply SET delivered_at = ?2, next_attempt_at = NULL, last_error = '' WHERE event_id = ?1",
            .text(eventID), .integer(time.milliseconds))
    }
}
