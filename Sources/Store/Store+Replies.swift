package import Model

/// One row of table `reply`, without its body, and how far its delivery has come.
package struct ReplyRow: Sendable, Hashable {
    package var eventID: String
    package var isFailure: Bool
    package var attempts: Int
    package var nextAttemptAt: Timestamp?
    package var lastError: String
    package var createdAt: Timestamp
    package var deliveredAt: Timestamp?

    fileprivate static let all = """
        SELECT event_id, is_failure, delivery_attempts, next_delivery_at, delivery_error, created_at, delivered_at
        FROM reply JOIN event ON event.id = event_id
        """

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
            INSERT INTO reply (event_id, body, is_failure, created_at) VALUES (?, ?, ?, ?)
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
        try connection.rows("\(ReplyRow.all) WHERE event_id = ?", .text(eventID), read: ReplyRow.init).first
    }

    /// All answers that the server has not taken yet, oldest first.
    ///
    /// - Throws: ``StoreError``.
    package func undeliveredReplies() throws(StoreError) -> [ReplyRow] {
        try connection.rows(
            "\(ReplyRow.all) WHERE state = 'answered' ORDER BY created_at, event_id", read: ReplyRow.init)
    }

    /// Notes a try that did not succeed.
    ///
    /// - Throws: ``StoreError``.
    package func replyFailed(
        to eventID: String, attempts: Int, next: Timestamp?, error: String
    ) throws(StoreError) {
        try connection.run(
            "UPDATE event SET delivery_attempts = ?2, next_delivery_at = ?3, delivery_error = ?4 WHERE id = ?1",
            .text(eventID), .integer(attempts), SQLValue(next?.milliseconds), .text(error))
    }

    /// Notes that the server has the answer: nothing is left to do about the event.
    ///
    /// - Throws: ``StoreError``.
    package func replyDelivered(to eventID: String, at time: Timestamp) throws(StoreError) {
        try connection.run(
            """
            UPDATE event SET state = 'closed', closed_at = ?2, delivered_at = ?2, next_delivery_at = NULL,
                delivery_error = '' WHERE id = ?1
            """,
            .text(eventID), .integer(time.milliseconds))
    }
}
