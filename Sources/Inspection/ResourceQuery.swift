internal import Model
package import Store

/// What became of the search for one resource.
package enum ResourceMatch<Found> {
    /// What was read about it.
    case found(Found)
    /// More than one: it takes more letters to tell them apart.
    case several([ResourceRow])
    case nothing
}

extension ResourceMatch: Sendable where Found: Sendable {}

/// How people name a resource: by its full key, its uuid, its id at the server, its name, its container, or by the
/// beginning of any of these.
package enum ResourceQuery {
    /// The resources that the text may mean. Whoever is named in full is meant, however many others begin like that.
    package static func find(_ text: String, in rows: [ResourceRow]) -> [ResourceRow] {
        guard !text.isEmpty else { return [] }
        if let row = rows.first(where: { $0.key.description == text }) { return [row] }
        let exact = rows.filter { $0.handles.contains(text) }
        return exact.isEmpty ? rows.filter { row in row.handles.contains { $0.hasPrefix(text) } } : exact
    }

    /// Looks for a resource and reads something about it.
    ///
    /// - Parameters:
    ///   - text: What it is called.
    ///   - store: Where it is looked for.
    ///   - read: Takes it and all resources, without machines and specifications; `nil` if it is not there any more.
    /// - Throws: ``StoreError``.
    package static func run<Found>(
        _ text: String, in store: Store, read: (ResourceRow, [ResourceRow]) throws(StoreError) -> Found?
    ) throws(StoreError) -> ResourceMatch<Found> {
        let all = try store.briefResources()
        let hits = find(text, in: all)
        guard let row = hits.first else { return .nothing }
        guard hits.count == 1 else { return .several(hits) }
        return try read(row, all).map { .found($0) } ?? .nothing
    }

    /// Looks for a resource and reads all about it.
    ///
    /// - Parameters:
    ///   - text: What it is called.
    ///   - store: Where it is looked for.
    ///   - eventLimit: So many of its last events.
    /// - Throws: ``StoreError``.
    package static func run(
        _ text: String, in store: Store, eventLimit: Int = Dossier.eventLimit
    ) throws(StoreError) -> ResourceMatch<Dossier> {
        try run(text, in: store) { row, all throws(StoreError) in
            try Dossier(of: row.key, among: all, in: store, eventLimit: eventLimit)
        }
    }

    /// How many that a text may mean are listed.
    package static let listLimit = 20

    /// The list of what a text may mean, when that is several things.
    package static func list(_ rows: [ResourceRow], style: ReportStyle = ReportStyle()) -> String {
        var table = Table(columns: [
            Table.Column(title: "KEY"), Table.Column(title: "NAME", minimum: 8, rank: 1),
            Table.Column(title: "ID", rank: 2), Table.Column(title: "PHASE", rank: 3),
            Table.Column(title: "CONTAINER", rank: 0),
        ])
        for row in rows.prefix(listLimit) {
            table.rows.append([
                Table.Cell(row.key.description), Table.Cell(row.name), Table.Cell(row.rancherID),
                Table.Cell(row.phase, .phase(row.phase, isSettled: row.isSettled)),
                Table.Cell(String(row.externalID.prefix(12))),
            ])
        }
        let more = rows.count > listLimit ? ["and \(rows.count - listLimit) more"] : []
        return (table.lines(style) + more).joined(separator: "\n")
    }
}

extension ResourceRow {
    /// All that it may be called.
    var handles: [String] {
        [key.description, key.id, rancherID, name, externalID].filter { !$0.isEmpty }
    }
}
