internal import Model
package import Store

/// What became of the search for one resource.
package enum Finding: Sendable, Hashable {
    case found(Dossier)
    /// More than one: it takes more letters to tell them apart.
    case several([ResourceRow])
    case nothing
}

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

    /// Looks for a resource and reads all about it.
    ///
    /// - Parameter eventLimit: So many of its last events.
    /// - Throws: ``StoreError``.
    package static func run(
        _ text: String, in store: Store, eventLimit: Int = Dossier.eventLimit
    ) throws(StoreError) -> Finding {
        let all = try store.allResources()
        let hits = find(text, in: all)
        guard let row = hits.first else { return .nothing }
        guard hits.count == 1 else { return .several(hits) }
        return .found(try Dossier(of: row, among: all, in: store, eventLimit: eventLimit))
    }
}

extension ResourceRow {
    /// All that it may be called.
    var handles: [String] {
        [key.description, key.id, rancherID, name, externalID].filter { !$0.isEmpty }
    }
}
