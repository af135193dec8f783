package import LosslessJSON
package import Model
package import Store

/// Everything that is remembered of one resource, in the order in which it happened.
package struct Timeline: Sendable, Hashable {
    /// One thing that happened.
    package struct Entry: Sendable, Hashable {
        /// What kind of thing.
        package enum Kind: String, Sendable, Hashable {
            case event
            case change
            case answer
        }

        /// When.
        package var at: Timestamp
        /// What kind of thing.
        package var kind: Kind
        /// What happened, in words.
        package var what: String
        /// The wish that it belongs to.
        package var generation: Int
        /// Why, or which event.
        package var cause: String
        /// It tells of a failure.
        package var isFailure: Bool
    }

    /// Whose it is.
    package let row: ResourceRow
    /// Oldest first: the newest of them.
    package let entries: [Entry]
    /// How many there are, shown or not.
    package let total: Int

    /// Puts together what is known of a resource.
    ///
    /// - Parameters:
    ///   - dossier: The resource with its changes, its events and their answers.
    ///   - limit: Only so many of the newest.
    package init(of dossier: Dossier, limit: Int) {
        row = dossier.row
        var all = dossier.history.map { move in
            Entry(
                at: move.at, kind: .change, what: move.from.isEmpty ? move.to : "\(move.from) → \(move.to)",
                generation: move.generation, cause: Redaction.redacted(move.cause), isFailure: move.to == "failed")
        }
        for letter in dossier.events.reversed() {
            let header = letter.event.header
            all.append(
                Entry(
                    at: letter.event.receivedAt, kind: .event, what: header.name, generation: letter.event.generation,
                    cause: header.id, isFailure: false))
            guard let reply = letter.reply else { continue }
            all.append(
                Entry(
                    at: reply.createdAt, kind: .answer, what: letter.answer, generation: letter.event.generation,
                    cause: header.id, isFailure: reply.isFailure))
        }
        // Of one moment: first what was asked, then what came of it, then what was said about it.
        let order: [Entry.Kind: Int] = [.event: 0, .change: 1, .answer: 2]
        let sorted = all.enumerated().sorted { one, other in
            (one.element.at, order[one.element.kind] ?? 0, one.offset)
                < (other.element.at, order[other.element.kind] ?? 0, other.offset)
        }.map(\.element)
        total = dossier.history.count + dossier.eventCount + dossier.replyCount
        entries = Array(sorted.suffix(limit))
    }

    /// For programs.
    package var json: JSON {
        var object = JSONObject()
        object.append("key", .string(row.key.description))
        object.append("name", JSON(nonEmpty: row.name))
        object.append("total", .integer(total))
        object.append(
            "history",
            .array(
                entries.map { entry in
                    [
                        "at": JSON(entry.at), "kind": .string(entry.kind.rawValue), "what": .string(entry.what),
                        "generation": .integer(entry.generation), "cause": .string(entry.cause),
                        "isFailure": .bool(entry.isFailure),
                    ]
                }))
        return .object(object)
    }

    /// For people.
    package func text(now: Timestamp, style: ReportStyle = ReportStyle()) -> String {
        var table = Table(
            columns: [
                Table.Column(title: "TIME", rank: 1), Table.Column(title: "AGO", rank: 2),
                Table.Column(title: "KIND", rank: 3), Table.Column(title: "WHAT", minimum: 24),
                Table.Column(title: "GENERATION", rank: 0, isNumber: true), Table.Column(title: "CAUSE", minimum: 24),
            ], wrapsLast: true)
        for entry in entries {
            table.rows.append([
                Table.Cell(entry.at.iso8601, .faint), Table.Cell(Span(since: entry.at, to: now).short),
                Table.Cell(entry.kind.rawValue, entry.kind == .change ? .plain : .faint),
                Table.Cell(entry.what, entry.isFailure ? .bad : .plain), Table.Cell(String(entry.generation)),
                Table.Cell(entry.cause),
            ])
        }
        let title = "\(row.key)\(row.name.isEmpty || row.name == row.key.id ? "" : " (\(row.name))")"
        var lines = [style.paragraph(title, .heading)]
        lines += entries.isEmpty ? ["Nothing is remembered of it."] : table.lines(style)
        if total > entries.count {
            lines += ["", style.paragraph("The last \(entries.count) of \(total); --limit shows more.")]
        }
        return lines.joined(separator: "\n")
    }
}
