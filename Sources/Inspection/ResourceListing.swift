internal import Lifecycle
package import LosslessJSON
package import Model
package import Store

/// The instances, the volumes or the images.
package struct ResourceListing: Listing {
    /// What they are.
    package let kind: ResourceKind
    /// By name.
    package let rows: [ResourceRow]
    /// How many there are, shown or not.
    package let total: Int
    /// At most so many were asked for.
    package let limit: Int

    /// Reads it.
    ///
    /// - Parameters:
    ///   - kind: What they are.
    ///   - pending: Only those on the way to what is wanted of them.
    ///   - phase: Only those in this phase; `nil` for all.
    ///   - limit: At most so many.
    ///   - store: Where it is read.
    /// - Throws: ``StoreError``.
    package init(
        of kind: ResourceKind, pending: Bool = false, phase: String? = nil, limit: Int, in store: Store
    ) throws(StoreError) {
        self.kind = kind
        self.limit = limit
        rows = try store.resources(of: kind, pending: pending, phase: phase, limit: limit)
        total = try store.resourceCount(of: kind, pending: pending, phase: phase)
    }

    package var noun: String { kind.plural }
    package var title: String { kind.title }
    package var nothing: String { "No such \(kind.plural)." }

    package static func json(_ row: ResourceRow) -> JSON { .object(row.jsonMembers) }

    package func table(now: Timestamp) -> Table { ResourceRow.table(of: rows, now: now, showsChange: true) }
}

extension ResourceKind {
    /// As a command and as a member in JSON.
    package var plural: String { rawValue + "s" }

    /// As a heading.
    var title: String { plural.prefix(1).uppercased() + plural.dropFirst() }

    /// Where one of this kind may be on the way to what is wanted of it.
    package var phases: [String] {
        switch self {
        case .instance: InstancePhase.allCases.map(\.rawValue)
        case .volume: VolumePhase.allCases.map(\.rawValue)
        case .image: ImagePhase.allCases.map(\.rawValue)
        }
    }
}
