/// Aligned columns that fit a terminal.
package struct Table {
    struct Column: Hashable {
        let title: String
        /// The column may be cut down to this; `nil` if it is shown in full or not at all.
        var minimum: Int?
        /// Which columns are given up first when there is no room: low ranks; `nil` never.
        var rank: Int?
        var isNumber = false
    }

    struct Cell: Hashable {
        let text: String
        let tint: Tint

        /// An empty text is shown as a dash.
        init(_ text: String, _ tint: Tint = .plain) {
            let line = text.onOneLine
            self.text = line.isEmpty ? "-" : line
            self.tint = line.isEmpty ? .faint : tint
        }

        fileprivate var isEmpty: Bool { text == "-" }
    }

    let columns: [Column]
    var rows: [[Cell]] = []
    /// The last column is continued on further lines instead of being cut.
    var wrapsLast = false

    private static let gap = 2

    /// The header and the rows, none longer than the style allows.
    func lines(_ style: ReportStyle) -> [String] {
        let (shown, widths) = fitted(to: style.width)
        let header = columns.map { Cell($0.title, .heading) }
        return ([header] + rows).flatMap { lines(of: $0, shown, widths, style) }
    }

    private func lines(of row: [Cell], _ shown: [Int], _ widths: [Int], _ style: ReportStyle) -> [String] {
        var fields: [String] = []
        var further: ArraySlice<String> = []
        for (position, index) in shown.enumerated() {
            let isLast = position == shown.count - 1
            var text = row[index].text
            if isLast, wrapsLast {
                let parts = text.wrapped(to: max(widths[position], 1))
                text = parts[0]
                further = parts.dropFirst()
            }
            text = text.cut(to: widths[position])
            let padding = widths[position] - text.columns
            let spaces = String(repeating: " ", count: max(0, padding))
            let painted = style.painted(text, row[index].tint)
            fields.append(columns[index].isNumber ? spaces + painted : isLast ? painted : painted + spaces)
        }
        let gap = String(repeating: " ", count: Self.gap)
        let indent = String(repeating: " ", count: widths.dropLast().reduce(0) { $0 + $1 + Self.gap })
        let tint = shown.last.map { row[$0].tint } ?? .plain
        return [fields.joined(separator: gap)] + further.map { indent + style.painted($0, tint) }
    }

    /// Which columns are shown, and how wide.
    private func fitted(to limit: Int?) -> (shown: [Int], widths: [Int]) {
        let natural = columns.indices.map { index in
            rows.reduce(columns[index].title.columns) { max($0, $1[index].text.columns) }
        }
        var shown = Array(columns.indices)
        guard let limit else { return (shown, natural) }
        while true {
            var widths = shown.map { natural[$0] }
            var excess = widths.reduce(-Self.gap) { $0 + $1 + Self.gap } - limit
            // The last column gives way first, then the others from the left.
            for position in [shown.count - 1] + shown.indices.dropLast() where excess > 0 {
                guard let minimum = columns[shown[position]].minimum else { continue }
                let given = min(excess, max(0, widths[position] - minimum))
                widths[position] -= given
                excess -= given
            }
            if excess <= 0 { return (shown, widths) }
            guard let victim = victim(among: shown) else { return (shown, squeezed(widths, by: excess)) }
            shown.removeAll { $0 == victim }
        }
    }

    /// The column that is missed least: one without any content, else the one of the lowest rank.
    private func victim(among shown: [Int]) -> Int? {
        let candidates = shown.filter { columns[$0].rank != nil }.sorted {
            (columns[$0].rank ?? 0, $0) < (columns[$1].rank ?? 0, $1)
        }
        return candidates.first { index in rows.allSatisfy { $0[index].isEmpty } } ?? candidates.first
    }

    private func squeezed(_ widths: [Int], by excess: Int) -> [Int] {
        var widths = widths
        for _ in 0..<excess {
            guard let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > 1 else { break }
            widths[widest] -= 1
        }
        return widths
    }
}
