package import Model
internal import Store

extension Snapshot {
    /// The tables of `state`, for people.
    package func text(now: Timestamp, style: ReportStyle = ReportStyle()) -> String {
        var blocks = ResourceKind.allCases.compactMap { section($0, now, style) }
        if let summary = summary(now) { blocks.append([style.paragraph(summary)]) }
        guard !blocks.isEmpty else { return "Nothing is known yet." }
        if let heading = heading(now) { blocks.insert([style.paragraph(heading, .faint)], at: 0) }
        return blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private func section(_ kind: ResourceKind, _ now: Timestamp, _ style: ReportStyle) -> [String]? {
        let rows = resources.filter { $0.key.kind == kind }
        guard !rows.isEmpty else { return nil }
        return [style.painted(kind.title, .heading)] + ResourceRow.table(of: rows, now: now).lines(style)
    }

    /// From when all of it is: a daemon that does nothing any more is noticed here first.
    private func heading(_ now: Timestamp) -> String? {
        newestChangeAt.map { "Newest change: \(Span(since: $0, to: now).words) ago, at \($0.iso8601)" }
    }

    private func summary(_ now: Timestamp) -> String? {
        let isEmpty = resources.isEmpty && openEventCount == 0 && undelivered.isEmpty && quarantine.isEmpty
        guard !isEmpty else { return nil }
        var parts = ["Pending: \(pendingCount)"]
        var open = "open events: \(openEventCount)"
        if openEventCount > 0, let oldest = oldestOpenEventAt {
            open += " (oldest since \(Span(since: oldest, to: now).words))"
        }
        parts.append(open)
        var answers = "undelivered answers: \(undelivered.count)"
        if let oldest = undelivered.map(\.waitingSince).min() {
            answers += " (oldest since \(Span(since: oldest, to: now).words))"
        }
        parts.append(answers)
        if !quarantine.isEmpty { parts.append("quarantined: \(quarantine.count)") }
        return parts.joined(separator: ", ")
    }
}

extension ResourceRow {
    /// The rows of one kind, or of several, as a table.
    ///
    /// - Parameters:
    ///   - rows: What is shown.
    ///   - now: The moment from which times are told.
    ///   - showsChange: Also when each was last written.
    static func table(of rows: [ResourceRow], now: Timestamp, showsChange: Bool = false) -> Table {
        let showsIDs = rows.contains { !$0.shortID.isEmpty }
        let showsContainers = rows.contains { $0.key.kind == .instance }
        var columns: [Table.Column] = [Table.Column(title: "NAME", minimum: 12)]
        if showsIDs { columns.append(Table.Column(title: "ID", rank: 1)) }
        columns.append(Table.Column(title: "DESIRED", rank: 4))
        columns.append(Table.Column(title: "PHASE"))
        if showsContainers { columns.append(Table.Column(title: "CONTAINER", rank: 0)) }
        columns.append(Table.Column(title: "TRIES", rank: 2, isNumber: true))
        columns.append(Table.Column(title: "NEXT TRY", rank: 3))
        if showsChange {
            columns.append(Table.Column(title: "CHANGED", rank: 0))
            columns.append(Table.Column(title: "AGO", rank: 2))
        }
        columns.append(Table.Column(title: "LAST ERROR", minimum: 16))
        var table = Table(columns: columns)
        for row in rows {
            var cells: [Table.Cell] = [Table.Cell(row.name.isEmpty ? row.key.id : row.name)]
            if showsIDs { cells.append(Table.Cell(row.shortID)) }
            cells.append(Table.Cell(row.desired))
            cells.append(Table.Cell(row.phase, .phase(row.phase, isSettled: row.isSettled)))
            if showsContainers { cells.append(Table.Cell(String(row.externalID.prefix(12)))) }
            cells.append(Table.Cell(row.attempts == 0 ? "" : String(row.attempts)))
            cells.append(Table.Cell(row.nextTry(now)))
            if showsChange {
                cells.append(Table.Cell(row.updatedAt.iso8601, .faint))
                cells.append(Table.Cell(Span(since: row.updatedAt, to: now).short))
            }
            cells.append(Table.Cell(Redaction.redacted(row.lastError), row.phase == "failed" ? .bad : .plain))
            table.rows.append(cells)
        }
        return table
    }

    /// The id at the server, else the beginning of the uuid; empty where the name says it all.
    private var shortID: String {
        if !rancherID.isEmpty { return rancherID }
        return key.kind == .instance ? String(key.id.prefix(8)) : ""
    }

    private func nextTry(_ now: Timestamp) -> String {
        guard !isSettled, let nextAttemptAt else { return "" }
        return nextAttemptAt.nextTry(now)
    }
}
