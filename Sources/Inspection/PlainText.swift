extension String {
    /// The text on one line and without anything that a terminal would obey. Names and messages come from other hosts.
    package var onOneLine: String {
        var line = ""
        var isSpacePending = false
        for scalar in unicodeScalars {
            if scalar.properties.isWhitespace || scalar.isUnprintable {
                isSpacePending = true
                continue
            }
            if isSpacePending, !line.isEmpty { line.append(" ") }
            isSpacePending = false
            line.unicodeScalars.append(scalar)
        }
        return line
    }

    /// How many columns of a terminal the text takes.
    var columns: Int { reduce(0) { $0 + $1.columns } }

    /// The text, or as much of it as fits with an ellipsis.
    func cut(to limit: Int) -> String {
        guard columns > limit else { return self }
        var kept = ""
        var left = limit - 1
        for character in self {
            left -= character.columns
            if left < 0 { break }
            kept.append(character)
        }
        return limit > 0 ? kept + "…" : ""
    }

    /// The text with spaces behind it, or in front of it, up to a width.
    package func padded(to width: Int, right: Bool = false) -> String {
        let gap = String(repeating: " ", count: max(0, width - columns))
        return right ? gap + self : self + gap
    }

    /// The text in lines of at most the given width, broken between words where that is possible.
    package func wrapped(to limit: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in split(separator: " ") {
            if !line.isEmpty, line.columns + 1 + String(word).columns <= limit {
                line += " " + word
                continue
            }
            if !line.isEmpty { lines.append(line) }
            line = ""
            for character in word {
                if line.columns + character.columns > limit, !line.isEmpty {
                    lines.append(line)
                    line = ""
                }
                line.append(character)
            }
        }
        return lines + (line.isEmpty && !lines.isEmpty ? [] : [line])
    }
}

extension Unicode.Scalar {
    /// Control characters, and those that change the direction of what follows.
    fileprivate var isUnprintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}

extension Character {
    /// East Asian letters and pictures take two columns.
    fileprivate var columns: Int {
        switch unicodeScalars.first?.value ?? 0 {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            2
        default: 1
        }
    }
}
