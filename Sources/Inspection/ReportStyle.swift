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
