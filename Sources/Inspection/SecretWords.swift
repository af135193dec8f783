/// Goes through a text word by word and leaves out what follows a name like password, as in `PASSWORD=x`,
/// `--password x`, `"password": "x"`, `Bearer x`. Everything else stays as it is, byte for byte.
struct SecretWords {
    private let bytes: [UInt8]
    private var place = 0
    private var kept: [UInt8] = []

    private static let mark = Array(Redaction.mark.utf8)
    /// Words after which a secret follows without any sign between.
    private static let schemes: Set = ["bearer", "basic"]

    private init(_ text: String) {
        bytes = Array(text.utf8)
        kept.reserveCapacity(bytes.count)
    }

    /// The text without them.
    static func removed(from text: String) -> String {
        var words = SecretWords(text)
        words.run()
        return String(decoding: words.kept, as: UTF8.self)
    }

    private mutating func run() {
        while place < bytes.count {
            let end = first(from: place, where: Self.isGap)
            guard end > place else {
                keep(to: place + 1)
                continue
            }
            let word = String(decoding: bytes[place..<end], as: UTF8.self)
            keep(to: end)
            follow(word)
        }
    }

    /// What follows a word: perhaps a sign, and then a secret.
    private mutating func follow(_ word: String) {
        let isScheme = Self.schemes.contains(word.lowercased())
        guard isScheme || Redaction.isSecret(word) else { return }
        if let sign = sign() {
            keep(to: sign)
            keep(to: first(from: place) { !Self.isBlank($0) })
            return hideValue(isHeader: Redaction.isHeader(word))
        }
        // In a command line, or in a list of its words, the value is the next word.
        var start = place
        if word.hasPrefix("-"), let quote = quote(at: start) { start = quote.end }
        let end = first(from: start) { !Self.isBlank($0) && !(word.hasPrefix("-") && $0 == UInt8(ascii: ",")) }
        guard end > start, isScheme || word.hasPrefix("-") else { return }
        keep(to: end)
        let next = bytes[place..<first(from: place, where: Self.isGap)]
        if next.first == UInt8(ascii: "-"), Redaction.isSecret(String(decoding: next, as: UTF8.self)) { return }
        hideValue(isHeader: false)
    }

    /// Where the value begins, if there is a `=` or a `:` before the next word: behind it.
    private func sign() -> Int? {
        let found = first(from: place) { !Self.isGap($0) || Self.isSign($0) }
        guard found < bytes.count, Self.isSign(bytes[found]) else { return nil }
        // As in `=>` and `:=`.
        return first(from: found) { !Self.isSign($0) && $0 != UInt8(ascii: ">") }
    }

    /// - Parameter isHeader: It may be two words, the first of which says what the second one is.
    private mutating func hideValue(isHeader: Bool) {
        if let opening = quote(at: place) {
            keep(to: opening.end)
            let end = closing(of: opening)
            if end > place { return hide(to: end) }
            // Empty: what comes behind it has nothing to do with it.
            return keep(to: quote(at: place)?.end ?? place)
        }
        let end = endOfWord(from: place)
        guard end > place else { return }
        let word = bytes[place..<end]
        if word.elementsEqual(Self.mark) { return keep(to: end) }
        let text = String(decoding: word, as: UTF8.self)
        // The name of something else, for which there is a line of its own.
        if text.hasSuffix(":"), end < bytes.count, Redaction.isSecret(text.dropLast()) { return }
        let next = first(from: end) { !Self.isBlank($0) }
        guard isHeader || Self.schemes.contains(text.lowercased()), next > end, next < bytes.count else {
            return hide(to: end)
        }
        hide(to: quote(at: next).map { closing(of: $0) } ?? max(end, endOfWord(from: next)))
    }

    // MARK: Bytes

    private func first(from start: Int, where isIt: (UInt8) -> Bool) -> Int {
        bytes[start...].firstIndex(where: isIt) ?? bytes.count
    }

    private mutating func keep(to end: Int) {
        kept += bytes[place..<end]
        place = end
    }

    private mutating func hide(to end: Int) {
        kept += Self.mark
        place = end
    }

    /// Any control character separates words.
    private static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7F }

    private static func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":") }

    private static func isQuote(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`")
    }

    private static let gaps = Set("\"'`,;&?:=(){}[]<>\\".utf8)

    private static func isGap(_ byte: UInt8) -> Bool { isBlank(byte) || gaps.contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
            true
        default: false
        }
    }

    // MARK: Values

    /// A quote, with the backslashes that stand before it where it is in quotes itself.
    private struct Quote {
        let byte: UInt8
        let backslashes: Int
        let end: Int
    }

    private func quote(at start: Int) -> Quote? {
        let end = first(from: start) { $0 != UInt8(ascii: "\\") }
        guard end < bytes.count, Self.isQuote(bytes[end]) else { return nil }
        return Quote(byte: bytes[end], backslashes: end - start, end: end + 1)
    }

    /// Where the text in quotes ends; with the whole text if nothing closes it.
    private func closing(of opening: Quote) -> Int {
        var index = opening.end
        while index < bytes.count {
            let end = first(from: index) { $0 != UInt8(ascii: "\\") }
            let before = end - index
            guard end < bytes.count else { break }
            // Of a quote that is a part of the text there are more.
            if bytes[end] == opening.byte, before % (2 * (opening.backslashes + 1)) == opening.backslashes {
                return end - opening.backslashes
            }
            index = end + 1
        }
        return bytes.count
    }

    /// Where a value without quotes ends. Rather too late: signs that may be a part of it are.
    private func endOfWord(from start: Int) -> Int {
        var index = start
        if start < bytes.count, !bytes[start...].starts(with: Self.mark) { index = endOfBrackets(from: start) }
        while index < bytes.count {
            let byte = bytes[index]
            if Self.isBlank(byte) { return index }
            if let quote = quote(at: index) {
                guard quote.end < bytes.count, Self.isLetter(bytes[quote.end]) else { return index }
                index = quote.end
                continue
            }
            let isSeparator = byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";")
            if isSeparator, index + 1 == bytes.count || Self.isBlank(bytes[index + 1]) || quote(at: index + 1) != nil {
                return index
            }
            if byte == UInt8(ascii: "&") {
                let end = first(from: index + 1, where: Self.isGap)
                if end > index + 1, end < bytes.count, bytes[end] == UInt8(ascii: "=") { return index }
            }
            index += 1
        }
        return index
    }

    /// Behind a list or a map; where it begins if there is none.
    private func endOfBrackets(from start: Int) -> Int {
        var depth = 0
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "("): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "\"") where depth > 0:
                index = closing(of: Quote(byte: bytes[index], backslashes: 0, end: index + 1))
            default: break
            }
            if depth <= 0 { return index == start ? start : min(index + 1, bytes.count) }
            index += 1
        }
        return bytes.count
    }
}
