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

    /// Reads it.
    ///
    /// - Parameters:
    ///   - pending: Only those on the way to what is wanted of them.
    ///   - phase: Only those in this phase; `nil` for all.
    ///   - limit: At most so many.
    /// - Throws: ``StoreError``.
    package init(
        of kind: ResourceKind, pending: Bool = false, phase: String? = nil, limit: Int, in store: Store
    ) throws(StoreError) {
        self.kind = kind
        rows = try store.resources(of: kind, pending: pending, phase: phase, limit: limit)
        total = try store.resourceCount(of: kind, pending: pending, phase: phase)
    }

    package var json: JSON {
        .object(
            JSONObject([
                .init(key: kind.plural, value: .array(rows.map { .object($0.jsonMembers) })),
                .init(key: "total", value: .integer(total)),
            ]))
    }

    package func text(now: Timestamp, style: ReportStyle = ReportStyle()) -> String {
        page(
            kind.title, ResourceRow.table(of: rows, now: now, showsChange: true), of: total,
            nothing: "No such \(kind.plural).", style)
    }
}

extension ResourceKind {
    /// As a command and as a member in JSON.
    var plural: String { rawValue + "s" }

    /// As a heading.
    var title: String { plural.prefix(1).uppercased() + plural.dropFirst() }
}
