package import Model
package import Store

/// What `state why` finds under a name.
package enum WhyQuery: Sendable, Hashable {
    case found(Explanation)
    /// More than one resource, or more than one event.
    case several([String])
    case nothing

    /// How many that a name may mean are listed.
    private static let limit = 20

    /// Looks for a resource by whatever it may be called, then for an event by its id, then for what is in quarantine
    /// by its number, its name, or the id of the event in it. A name in full counts before the beginning of one.
    ///
    /// - Throws: ``StoreError``.
    package static func run(_ text: String, now: Timestamp, in store: Store) throws(StoreError) -> WhyQuery {
        guard !text.isEmpty else { return .nothing }
        let all = try store.allResources()
        let quarantine = try store.quarantineEntries(limit: Self.quarantineLimit)
        let events = try store.events(beginningWith: text, limit: limit + 1)
        let exact = events.first.flatMap { $0.header.id == text ? $0 : nil }
        let rows = exact == nil ? ResourceQuery.find(text, in: all) : []
        if rows.count > 1 { return .several(rows.prefix(limit).map { "\($0.key)  \($0.name)" }) }
        if let row = rows.first {
            let dossier = try Dossier(of: row, among: all, in: store)
            return .found(try Explanation(of: dossier, among: all, quarantine, now: now, in: store))
        }
        let spoilt = quarantine.filter { $0.id == text || $0.row.name == text || $0.eventID == text }
        if exact == nil, let entry = spoilt.first { return .found(Explanation(of: entry, now: now)) }
        if let event = exact ?? (events.count == 1 ? events.first : nil) {
            return .found(try Explanation(of: event, quarantine, now: now, in: store))
        }
        if events.count > 1 { return .several(events.prefix(limit).map { "event \($0.header.id)  \($0.header.name)" }) }
        let begun = quarantine.filter { entry in
            [entry.row.name, entry.eventID ?? ""].contains { !$0.isEmpty && $0.hasPrefix(text) }
        }
        guard let entry = begun.first else { return .nothing }
        if begun.count > 1 { return .several(begun.prefix(limit).map { "\($0.id)  \($0.row.name)" }) }
        return .found(Explanation(of: entry, now: now))
    }

    /// The agent keeps no more.
    private static let quarantineLimit = 200
}
