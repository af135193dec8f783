package import LosslessJSON
package import Model
package import Store

/// The answers, delivered or on their way.
package struct ReplyListing: Listing {
    /// Newest first, without their messages.
    package let rows: [ReplyEntry]
    /// How many there are, shown or not.
    package let total: Int
    /// At most so many were asked for.
    package let limit: Int

    /// Reads it.
    ///
    /// - Parameters:
    ///   - undelivered: Only those that are still on their way.
    ///   - failures: Only those that say that something could not be done.
    ///   - limit: At most so many.
    ///   - store: Where it is read.
    /// - Throws: ``StoreError``.
    package init(
        undelivered: Bool = false, failures: Bool = false, limit: Int, of store: Store
    ) throws(StoreError) {
        self.limit = limit
        rows = try store.replies(undelivered: undelivered, failures: failures, limit: limit)
        total = try store.replyCount(undelivered: undelivered, failures: failures)
    }

    package var noun: String { "replies" }
    package var title: String { "Answers" }
    package var nothing: String { "No such answers." }

    package static func json(_ row: ReplyEntry) -> JSON { row.json }

    package func table(now: Timestamp) -> Table {
        var table = Table(columns: [
            Table.Column(title: "DECIDED", rank: 1), Table.Column(title: "AGO", rank: 4),
            Table.Column(title: "ANSWERS"), Table.Column(title: "EVENT", minimum: 8, rank: 3),
            Table.Column(title: "ANSWER"), Table.Column(title: "DELIVERY"),
            Table.Column(title: "TRIES", rank: 0, isNumber: true), Table.Column(title: "NEXT TRY", rank: 2),
            Table.Column(title: "LAST ERROR", minimum: 12, rank: 5),
        ])
        for row in rows {
            let reply = row.reply
            table.rows.append([
                Table.Cell(reply.createdAt.iso8601, .faint), Table.Cell(Span(since: reply.createdAt, to: now).short),
                Table.Cell(row.eventName), Table.Cell(reply.eventID),
                Table.Cell(reply.isFailure ? "failure" : "success", reply.isFailure ? .bad : .plain),
                Table.Cell(row.delivery, row.isClosed ? .faint : .busy),
                Table.Cell(reply.attempts == 0 ? "" : String(reply.attempts)),
                Table.Cell(row.isClosed ? "" : reply.nextAttemptAt.map { $0.nextTry(now) } ?? ""),
                Table.Cell(Redaction.redacted(reply.lastError)),
            ])
        }
        return table
    }
}

extension ReplyRow {
    /// Since when it is on its way, as far as that is written down: one that was delivered, and is asked for again, at
    /// the earliest since then.
    var waitingSince: Timestamp { max(createdAt, deliveredAt ?? createdAt) }
}

extension ReplyEntry {
    /// How far it has come, in a word.
    var delivery: String {
        // One that is sent again was delivered before.
        guard isClosed else { return "pending" }
        return reply.deliveredAt == nil ? "refused" : "delivered"
    }

    /// All but the message, which holds secrets.
    var json: JSON {
        [
            "event": .string(reply.eventID),
            "name": .string(eventName),
            "key": JSON(key),
            "isFailure": .bool(reply.isFailure),
            "delivery": .string(delivery),
            "attempts": .integer(reply.attempts),
            "nextAttemptAt": JSON(reply.nextAttemptAt),
            "lastError": JSON(nonEmpty: Redaction.redacted(reply.lastError)),
            "createdAt": JSON(reply.createdAt),
            "deliveredAt": JSON(reply.deliveredAt),
        ]
    }
}

extension Timestamp {
    /// In a table: when something is tried again.
    func nextTry(_ now: Timestamp) -> String { self <= now ? "now" : "in \(Span(until: self, from: now).short)" }
}
