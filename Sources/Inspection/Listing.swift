package import LosslessJSON
package import Model

/// One table of the store, for people and for programs.
package protocol Listing: Sendable, Hashable {
    /// For programs.
    var json: JSON { get }
    /// For people.
    func text(now: Timestamp, style: ReportStyle) -> String
}

extension Listing {
    /// A heading, the table, and how much of all it is.
    ///
    /// - Parameters:
    ///   - title: What the rows are.
    ///   - table: The rows that are shown, perhaps not all there are.
    ///   - total: How many there are in all.
    ///   - nothing: The sentence that stands for an empty table.
    ///   - style: The width to fit, and whether there are colours.
    func page(_ title: String, _ table: Table, of total: Int, nothing: String, _ style: ReportStyle) -> String {
        guard !table.rows.isEmpty else { return style.paragraph(nothing) }
        var lines = [style.painted(title, .heading)] + table.lines(style)
        if total > table.rows.count {
            lines += ["", style.paragraph("\(table.rows.count) of \(total); --limit shows more.")]
        }
        return lines.joined(separator: "\n")
    }
}

extension ReportStyle {
    /// The text in lines that fit.
    func paragraph(_ text: String, _ tint: Tint = .plain) -> String {
        (width.map { text.onOneLine.wrapped(to: $0) } ?? [text.onOneLine]).map { painted($0, tint) }
            .joined(separator: "\n")
    }
}
