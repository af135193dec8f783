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

    /// Text that is JSON, with everything that a terminal would obey written by its number, as in `\u009b`: control
    /// characters that JSON allows, and those that change the direction of what follows.
    package var jsonWithoutControls: String {
        // Nearly every text can be taken as it is.
        guard utf8.contains(where: { $0 == 0x7F || $0 == 0xC2 || $0 == 0xD8 || $0 == 0xE2 }) else { return self }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069:
                let digits = String(scalar.value, radix: 16)
                text.append(
                    contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
            default: text.append(scalar)
            }
        }
        return String(text)
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
        guard let first = unicodeScalars.first?.value, first >= 0x1100 else {
            return unicodeScalars.contains(Self.asPicture) ? 2 : 1
        }
        return Self.wide.contains { $0.contains(first) } || unicodeScalars.contains(Self.asPicture) ? 2 : 1
    }

    /// Makes a picture of the sign before it.
    private static let asPicture: Unicode.Scalar = "\u{FE0F}"

    /// What is wide, or full, in the Unicode table East Asian Width.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x231A...0x231B, 0x2329...0x232A, 0x23E9...0x23EC, 0x23F0...0x23F0, 0x23F3...0x23F3,
        0x25FD...0x25FE, 0x2614...0x2615, 0x2648...0x2653, 0x267F...0x267F, 0x2693...0x2693, 0x26A1...0x26A1,
        0x26AA...0x26AB, 0x26BD...0x26BE, 0x26C4...0x26C5, 0x26CE...0x26CE, 0x26D4...0x26D4, 0x26EA...0x26EA,
        0x26F2...0x26F3, 0x26F5...0x26F5, 0x26FA...0x26FA, 0x26FD...0x26FD, 0x2705...0x2705, 0x270A...0x270B,
        0x2728...0x2728, 0x274C...0x274C, 0x274E...0x274E, 0x2753...0x2755, 0x2757...0x2757, 0x2795...0x2797,
        0x27B0...0x27B0, 0x27BF...0x27BF, 0x2B1B...0x2B1C, 0x2B50...0x2B50, 0x2B55...0x2B55, 0x2E80...0xA4CF,
        0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60,
        0xFFE0...0xFFE6, 0x16FE0...0x18D08, 0x1AFF0...0x1B2FB, 0x1F004...0x1F004, 0x1F0CF...0x1F0CF,
        0x1F18E...0x1F18E, 0x1F191...0x1F19A, 0x1F1E6...0x1F265, 0x1F300...0x1F64F, 0x1F680...0x1F6FF,
        0x1F7E0...0x1F7EB, 0x1F7F0...0x1F7F0, 0x1F900...0x1F9FF, 0x1FA70...0x1FAFF, 0x20000...0x3FFFD,
    ]
}
