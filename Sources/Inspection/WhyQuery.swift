package import Model
package import Store

/// What `state why` finds under a name.
package enum WhyQuery: Sendable, Hashable {
    case found(Explanation)
    /// More than one resource, or more than one event: some of them, each in a line without anything that a terminal
    /// would obey.
    case several([String])
    case nothing

    /// Looks for a resource by whatever it may be called, then for an event by its id, then for what is in quarantine
    /// by its number, its name, or the id of the event in it. A name in full counts before the beginning of one.
    ///
    /// - Throws: ``StoreError``.
    package static func run(_ text: String, now: Timestamp, in store: Store) throws(StoreError) -> WhyQuery {
        guard !text.isEmpty else { return .nothing }
        let quarantine = try store.quarantineEntries(limit: Self.quarantineLimit)
        let events = try store.events(beginningWith: text, limit: ResourceQuery.listLimit + 1)
        let exact = events.first.flatMap { $0.header.id == text ? $0 : nil }
        if exact == nil {
            let match = try ResourceQuery.run(text, in: store) { row, all throws(StoreError) in
                guard let dossier = try Dossier(of: row.key, among: all, in: store) else { return Explanation?.none }
                return try Explanation(of: dossier, quarantine, now: now, in: store)
            }
            switch match {
            case .found(let explanation): return .found(explanation)
            case .several(let rows): return listed(rows.map { "\($0.key)  \($0.name)" })
            case .nothing: break
            }
        }
        let spoilt = quarantine.filter { $0.id == text || $0.row.name == text || $0.eventID == text }
        if exact == nil, let entry = spoilt.first { return .found(Explanation(of: entry, now: now)) }
        if let event = exact ?? (events.count == 1 ? events.first : nil) {
            return .found(try Explanation(of: event, quarantine, now: now, in: store))
        }
        if events.count > 1 { return listed(events.map { "event \($0.header.id)  \($0.header.name)" }) }
        let begun = quarantine.filter { entry in
            [entry.row.name, entry.eventID ?? ""].contains { !$0.isEmpty && $0.hasPrefix(text) }
        }
        guard let entry = begun.first else { return .nothing }
        if begun.count > 1 { return listed(begun.map { "\($0.id)  \($0.row.name)" }) }
        return .found(Explanation(of: entry, now: now))
    }

    private static func listed(_ lines: [String]) -> WhyQuery {
        let limit = ResourceQuery.listLimit
        return .several(lines.prefix(limit).map(\.onOneLine) + (lines.count > limit ? ["and more"] : []))
    }

    /// The agent keeps no more.
    package static let quarantineLimit = 200
}
