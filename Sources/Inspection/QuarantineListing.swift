package import LosslessJSON
package import Model
package import Store

/// What could not be read. What it was is not shown: it may hold secrets.
package struct QuarantineListing: Listing {
    /// Newest first.
    package let rows: [QuarantineEntry]
    /// How many there are, shown or not.
    package let total: Int
    /// At most so many were asked for.
    package let limit: Int

    /// Reads it.
    ///
    /// - Parameters:
    ///   - limit: At most so many.
    ///   - store: Where it is read.
    /// - Throws: ``StoreError``.
    package init(limit: Int, of store: Store) throws(StoreError) {
        self.limit = limit
        rows = try store.quarantineEntries(limit: limit)
        total = try store.quarantineSummary().count
    }

    package var noun: String { "quarantine" }
    package var title: String { "Quarantine" }
    package var nothing: String { "Nothing is in quarantine." }

    package static func json(_ row: QuarantineEntry) -> JSON { row.json }

    package func table(now: Timestamp) -> Table {
        var table = Table(
            columns: [
                Table.Column(title: "ID"), Table.Column(title: "TIME", rank: 0), Table.Column(title: "AGO", rank: 2),
                Table.Column(title: "NAME", minimum: 8, rank: 3), Table.Column(title: "BYTES", rank: 1, isNumber: true),
                Table.Column(title: "ERROR", minimum: 16),
            ], wrapsLast: true)
        for entry in rows {
            table.rows.append([
                Table.Cell(entry.id), Table.Cell(entry.row.at.iso8601, .faint),
                Table.Cell(Span(since: entry.row.at, to: now).short), Table.Cell(entry.row.name),
                Table.Cell(String(entry.row.raw.utf8.count)), Table.Cell(Redaction.redacted(entry.row.error), .bad),
            ])
        }
        return table
    }
}

extension QuarantineEntry {
    /// By what people name it: `frame:12`.
    var id: String { "\(row.source):\(number)" }

    /// The id of the event that was in it, as far as that can be told.
    var eventID: String? {
        if row.source == "event" { return row.name }
        guard let frame = try? JSON.stored(row.raw) else { return nil }
        return frame["id"].nonEmptyText
    }

    var json: JSON {
        [
            "id": .string(id), "source": .string(row.source), "name": JSON(nonEmpty: row.name),
            "error": .string(Redaction.redacted(row.error)), "at": JSON(row.at),
            "bytes": .integer(row.raw.utf8.count), "event": JSON(eventID),
        ]
    }
}
