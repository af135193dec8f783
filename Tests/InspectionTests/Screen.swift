/// What a person would see on a terminal that was sent some bytes. It knows what the agent makes use of, and tells of
/// anything else.
struct Screen {
    private(set) var rows: [[Character]]
    private(set) var isAlternate = false
    private(set) var isCursorVisible = true
    /// Something was written beyond the last column or the last line.
    private(set) var hasOverflowed = false
    private(set) var unknown: [String] = []
    /// How often it was painted from the upper left corner.
    private(set) var paints = 0
    private var row = 0
    private var column = 0
    private let width: Int
    private var pending: [Unicode.Scalar] = []

    init(rows: Int, columns: Int) {
        width = columns
        self.rows = Array(repeating: Array(repeating: " ", count: columns), count: rows)
    }

    var text: String { rows.map { String($0).trimmedRight }.joined(separator: "\n") }

    mutating func take(_ text: String) {
        pending += text.unicodeScalars
        while let count = step(), count > 0 { pending.removeFirst(count) }
    }

    /// - Returns: How many scalars were used up; `nil` if more have to come first.
    private mutating func step() -> Int? {
        guard let first = pending.first else { return nil }
        switch first {
        case "\r": column = 0
        case "\n":
            if row == rows.count - 1 { hasOverflowed = true } else { row += 1 }
        case "\u{1B}": return sequence()
        default:
            if column >= width { hasOverflowed = true } else { rows[row][column] = Character(first) }
            column += 1
        }
        return 1
    }

    private mutating func sequence() -> Int? {
        guard pending.count > 1 else { return nil }
        guard pending[1] == "[" else {
            unknown.append("ESC \(pending[1])")
            return 2
        }
        guard let end = pending.dropFirst(2).firstIndex(where: { ("@"..."~").contains($0) }) else { return nil }
        let parameters = pending[2..<end].map(String.init).joined()
        switch (pending[end], parameters) {
        case ("H", ""):
            (row, column) = (0, 0)
            paints += 1
        case ("K", ""): for index in min(column, width)..<width { rows[row][index] = " " }
        case ("J", "2"): rows = rows.map { $0.map { _ in " " } }
        case ("h", "?1049"): isAlternate = true
        case ("l", "?1049"): isAlternate = false
        case ("h", "?25"): isCursorVisible = true
        case ("l", "?25"): isCursorVisible = false
        case ("m", _): break
        case (let letter, _): unknown.append("CSI \(parameters)\(letter)")
        }
        return end + 1
    }
}

extension String {
    fileprivate var trimmedRight: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
