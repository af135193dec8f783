internal import Model
package import Store

/// What a shell offers for the beginning of a name.
package enum NameCompletion {
    /// More than anybody reads through.
    private static let limit = 200

    /// All that begins like this, and that stands for a resource; none of it needs quoting in a shell.
    ///
    /// - Parameter events: Also the ids of events.
    /// - Throws: ``StoreError``.
    package static func names(
        beginningWith text: String, events: Bool = false, in store: Store
    ) throws(StoreError) -> [String] {
        var names: [String] = []
        for kind in ResourceKind.allCases {
            for row in try store.resources(of: kind, pending: false, phase: nil, limit: 10_000) {
                // Before anything is typed only names are offered, not also all ids.
                let all = text.isEmpty ? [row.name.isEmpty ? row.key.id : row.name] : row.handles
                names += all.filter { $0.hasPrefix(text) }
            }
        }
        if events, !text.isEmpty {
            names += try store.events(beginningWith: text, limit: limit).map(\.header.id)
        }
        let safe = Set(names).filter { name in
            !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
                && !name.contains { "'\"`$\\;&|<>()*?!#~".contains($0) }
        }
        return Array(safe.sorted().prefix(limit))
    }
}
