/// What a record is about.
package enum ResourceKind: String, Sendable, Hashable, CaseIterable {
    case instance
    case volume
    case image
}

/// The identity of one instance, volume or image on this host.
///
/// Its text form, `instance:<uuid>`, `volume:<name>` or `image:<reference>`, is the key of its row in the store.
package struct ResourceKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let kind: ResourceKind
    package let id: String

    package init(_ kind: ResourceKind, _ id: String) {
        self.kind = kind
        self.id = id
    }

    /// Reads the text form; `nil` if it is none.
    package init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), let kind = ResourceKind(rawValue: String(text[..<colon])) else {
            return nil
        }
        self.init(kind, String(text[text.index(after: colon)...]))
    }

    package var description: String { "\(kind.rawValue):\(id)" }

    package static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}
