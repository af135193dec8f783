/// How a report is laid out.
package struct ReportStyle: Sendable, Hashable {
    /// Columns of the terminal; `nil` writes everything in full, for a file or another program.
    package var width: Int?
    /// Phases, errors and headings are coloured.
    package var isColoured: Bool

    /// A style; a terminal narrower than 20 columns is taken for one of 20.
    package init(width: Int? = nil, isColoured: Bool = false) {
        self.width = width.map { max($0, 20) }
        self.isColoured = isColoured
    }

    package func painted(_ text: String, _ tint: Tint) -> String {
        guard isColoured, !text.isEmpty, let code = tint.code else { return text }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}

extension ReportStyle {
    /// A label and what is said there.
    typealias Fact = (label: String, value: String, tint: Tint)

    /// The text in lines that fit.
    func paragraph(_ text: String, _ tint: Tint = .plain) -> String {
        lines(text, width, tint).joined(separator: "\n")
    }

    /// The same, set in by two columns.
    func indented(_ text: String, by margin: Int = 2, _ tint: Tint = .plain) -> [String] {
        lines(text, width.map { $0 - margin }, tint).map { String(repeating: " ", count: margin) + $0 }
    }

    /// Labels in one column, values in another, continued below themselves. Without room beside the labels each value
    /// stands below its own.
    func list(_ facts: [Fact], indent: Int = 0) -> [String] {
        let labelWidth = facts.reduce(0) { max($0, $1.label.columns + 1) } + 2
        let room = width.map { $0 - indent - labelWidth } ?? .max
        return facts.flatMap { fact -> [String] in
            let label = "\(fact.label):"
            guard room >= Self.leastRoom else {
                return indented(label, by: indent) + indented(fact.value, by: indent + 2, fact.tint)
            }
            return lines(fact.value, width == nil ? nil : room, fact.tint).enumerated().map { index, line in
                String(repeating: " ", count: indent) + (index == 0 ? label : "").padded(to: labelWidth) + line
            }
        }
    }

    /// In fewer columns a sentence cannot be read.
    private static let leastRoom = 16

    private func lines(_ text: String, _ limit: Int?, _ tint: Tint) -> [String] {
        let text = text.onOneLine
        return (limit.map { text.wrapped(to: $0) } ?? [text]).map { painted($0, tint) }
    }
}

/// What a colour is to say.
package enum Tint: Hashable {
    case plain
    case heading
    case faint
    case good
    case busy
    case bad

    fileprivate var code: String? {
        switch self {
        case .plain: nil
        case .heading: "1"
        case .faint: "2"
        case .good: "32"
        case .busy: "33"
        case .bad: "31"
        }
    }

    /// The tint of a phase, whichever kind of resource is in it.
    static func phase(_ phase: String, isSettled: Bool) -> Tint {
        switch phase {
        case "failed": .bad
        case "running", "active", "present": isSettled ? .good : .busy
        case "stopped", "removed": isSettled ? .faint : .busy
        default: .busy
        }
    }
}
