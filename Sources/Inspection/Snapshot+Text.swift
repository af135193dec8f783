package import Model
internal import Store

extension Snapshot {
    /// The tables of `state`, for people.
    package func text(now: Timestamp, style: ReportStyle = ReportStyle()) -> String {
        var blocks = ResourceKind.allCases.compactMap { section($0, now, style) }
        if let summary = summary(now) { blocks.append([summary]) }
        guard !blocks.isEmpty else { return "Nothing is known yet." }
        return blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private func section(_ kind: ResourceKind, _ now: Timestamp, _ style: ReportStyle) -> [String]? {
        let rows = resources.filter { $0.key.kind == kind }
        guard !rows.isEmpty else { return nil }
        let title =
            switch kind {
            case .instance: "Instances"
            case .volume: "Volumes"
            case .image: "Images"
            }
        return [style.painted(title, .heading)] + ResourceRow.table(of: rows, now: now).lines(style)
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
        if let oldest = undelivered.map(\.createdAt).min() {
            answers += " (oldest since \(Span(since: oldest, to: now).words))"
        }
        parts.append(answers)
        if !quarantine.isEmpty { parts.append("quarantined: \(quarantine.count)") }
        return parts.joined(separator: ", ")
    }
}

extension ResourceRow {
    /// The rows of one kind, or of several, as a table.
    static func table(of rows: [ResourceRow], now: Timestamp) -> Table {
        let showsIDs = rows.contains { !$0.shortID.isEmpty }
        let showsContainers = rows.contains { $0.key.kind == .instance }
        var columns: [Table.Column] = [Table.Column(title: "NAME", minimum: 12)]
        if showsIDs { columns.append(Table.Column(title: "ID", rank: 1)) }
        columns.append(Table.Column(title: "DESIRED", rank: 4))
        columns.append(Table.Column(title: "PHASE"))
        if showsContainers { columns.append(Table.Column(title: "CONTAINER", rank: 0)) }
        columns.append(Table.Column(title: "TRIES", rank: 2, isNumber: true))
        columns.append(Table.Column(title: "NEXT TRY", rank: 3))
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
            cells.append(Table.Cell(row.lastError, row.phase == "failed" ? .bad : .plain))
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
        return nextAttemptAt <= now ? "now" : "in \(Span(until: nextAttemptAt, from: now).short)"
    }
}
