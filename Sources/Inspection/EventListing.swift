package import LosslessJSON
package import Model
package import Store

/// The events that the server has sent.
package struct EventListing: Listing {
    /// Newest first, without their frames.
    package let rows: [EventRow]
    /// How many there are, shown or not.
    package let total: Int
    /// At most so many were asked for.
    package let limit: Int

    /// Reads it.
    ///
    /// - Parameters:
    ///   - states: Only those that have come so far.
    ///   - key: Only those about this resource; `nil` for all.
    ///   - limit: At most so many.
    ///   - store: Where it is read.
    /// - Throws: ``StoreError``.
    package init(
        in states: Set<EventRow.State> = Set(EventRow.State.allCases), about key: ResourceKey? = nil, limit: Int,
        of store: Store
    ) throws(StoreError) {
        self.limit = limit
        rows = try store.events(in: states, about: key, limit: limit)
        total = try store.eventCount(in: states, about: key)
    }

    package var noun: String { "events" }
    package var title: String { "Events" }
    package var nothing: String { "No such events." }

    package static func json(_ row: EventRow) -> JSON { row.json }

    package func table(now: Timestamp) -> Table {
        var table = Table(columns: [
            Table.Column(title: "RECEIVED", rank: 1), Table.Column(title: "AGO", rank: 4),
            Table.Column(title: "EVENT"), Table.Column(title: "ID", minimum: 8, rank: 3),
            Table.Column(title: "STATE"), Table.Column(title: "CLOSED", rank: 0),
            Table.Column(title: "ABOUT", minimum: 12, rank: 2),
        ])
        for row in rows {
            table.rows.append([
                Table.Cell(row.receivedAt.iso8601, .faint), Table.Cell(Span(since: row.receivedAt, to: now).short),
                Table.Cell(row.header.name), Table.Cell(row.header.id),
                Table.Cell(row.state.rawValue, row.state.tint),
                Table.Cell(row.closedAt.map { "\(Span(since: $0, to: now).short) ago" } ?? ""),
                Table.Cell(row.key ?? ""),
            ])
        }
        return table
    }
}

extension EventRow.State {
    var tint: Tint {
        switch self {
        case .open, .answered: .busy
        case .closed: .faint
        }
    }
}

extension EventRow {
    /// All but the frame, which holds secrets.
    var json: JSON {
        [
            "id": .string(header.id),
            "name": .string(header.name),
            "state": .string(state.rawValue),
            "key": JSON(key),
            "generation": .integer(generation),
            "resourceType": JSON(header.resourceType),
            "resourceId": JSON(header.resourceID),
            "wantsAnswer": .bool(header.replyTo != nil),
            "receivedAt": JSON(receivedAt),
            "closedAt": JSON(closedAt),
        ]
    }
}
