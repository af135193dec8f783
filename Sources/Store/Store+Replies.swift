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

// MARK: For whoever looks at the store

/// An answer together with what it answers.
package struct ReplyEntry: Sendable, Hashable {
    /// How far it has come.
    package var reply: ReplyRow
    /// The name of the event.
    package var eventName: String
    /// The text form of the resource's key; `nil` for mere questions.
    package var key: String?
    /// Nothing is left to do about it: the server has it, or will never take it.
    package var isClosed: Bool
    /// The message; empty where it was not read.
    package var body: String

    static func all(body: String) -> String {
        """
        SELECT event_id, is_failure, delivery_attempts, next_delivery_at, delivery_error, created_at, delivered_at,
            name, key, state = 'closed', \(body)
        FROM reply JOIN event ON event.id = event_id
        """
    }

    init?(_ row: borrowing Row) {
        guard let reply = ReplyRow(row) else { return nil }
        self.reply = reply
        eventName = row.text(7)
        key = row.optionalText(8)
        isClosed = row.integer(9) != 0
        body = row.text(10)
    }
}

extension Store {
    /// Answers, newest first, without their messages.
    ///
    /// - Parameters:
    ///   - undelivered: Only those that are still on their way.
    ///   - failures: Only those that say that something could not be done.
    ///   - limit: At most so many.
    /// - Throws: ``StoreError``.
    package func replies(
        undelivered: Bool, failures: Bool, limit: Int
    ) throws(StoreError) -> [ReplyEntry] {
        try connection.rows(
            """
            \(ReplyEntry.all(body: "''")) WHERE (?1 = 0 OR state = 'answered') AND (?2 = 0 OR is_failure <> 0)
            ORDER BY created_at DESC, event_id LIMIT ?3
            """, .integer(undelivered ? 1 : 0), .integer(failures ? 1 : 0), .integer(limit), read: ReplyEntry.init)
    }

    /// How many answers of that kind there are.
    ///
    /// - Throws: ``StoreError``.
    package func replyCount(undelivered: Bool, failures: Bool) throws(StoreError) -> Int {
        try connection.rows(
            """
            SELECT count(*) FROM reply JOIN event ON event.id = event_id
            WHERE (?1 = 0 OR state = 'answered') AND (?2 = 0 OR is_failure <> 0)
            """, .integer(undelivered ? 1 : 0), .integer(failures ? 1 : 0)
        ) { $0.integer(0) }.first ?? 0
    }

    /// How many answers to events about a resource there are.
    ///
    /// - Throws: ``StoreError``.
    package func replyCount(about key: ResourceKey) throws(StoreError) -> Int {
        try connection.rows(
            "SELECT count(*) FROM reply JOIN event ON event.id = event_id WHERE key = ?", .text(key.description)
        ) { $0.integer(0) }.first ?? 0
    }
}
