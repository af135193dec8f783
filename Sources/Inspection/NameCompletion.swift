internal import Model
package import Store

/// What a shell offers for the beginning of a name.
package enum NameCompletion {
    /// More than anybody reads through.
    private static let limit = 200

    /// All that begins like this, and that stands for a resource; none of it needs quoting in a shell.
    ///
    /// - Parameters:
    ///   - text: What has been typed.
    ///   - events: Also the ids of events.
    ///   - store: Where the names are.
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
        let safe = Set(names).filter { !$0.isEmpty && $0.utf8.allSatisfy(isPlain) }
        return Array(safe.sorted().prefix(limit))
    }

    /// No shell makes anything of it.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "._:/@+-".utf8.contains(byte)
        }
    }
}
