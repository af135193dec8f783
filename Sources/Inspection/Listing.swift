package import LosslessJSON
package import Model

/// One table of the store, for people and for programs.
package protocol Listing: Sendable, Hashable {
    associatedtype Element
    /// What is shown.
    var rows: [Element] { get }
    /// How many there are, shown or not.
    var total: Int { get }
    /// At most so many were asked for.
    var limit: Int { get }
    /// What the rows are, as a member in JSON.
    var noun: String { get }
    /// The same as a heading.
    var title: String { get }
    /// The sentence that stands for an empty table.
    var nothing: String { get }
    /// A row for programs.
    static func json(_ row: Element) -> JSON
    /// The rows for people.
    func table(now: Timestamp) -> Table
}

extension Listing {
    /// For programs.
    package var json: JSON {
        .object(
            JSONObject([
                .init(key: noun, value: .array(rows.map(Self.json))), .init(key: "total", value: .integer(total)),
            ]))
    }

    /// For people: a heading, the table, and how much of all it is.
    package func text(now: Timestamp, style: ReportStyle = ReportStyle()) -> String {
        var lines = rows.isEmpty ? [style.paragraph(nothing)] : [style.painted(title, .heading)]
        if !rows.isEmpty { lines += table(now: now).lines(style) }
        if total > rows.count {
            // Where there was room for more, the others have been left out for what they are.
            let why = rows.count >= limit ? "--limit shows more" : "the others cannot be read by this program"
            lines += ["", style.paragraph("\(rows.count) of \(total); \(why).")]
        }
        return lines.joined(separator: "\n")
    }
}
