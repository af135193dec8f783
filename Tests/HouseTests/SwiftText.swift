/// The text of a Swift file, taken apart as far as is needed to find the names of its tests: comments and texts are told
/// from code.
struct SwiftText {
    private enum Token: Equatable {
        case word(String)
        /// The content of a text literal, escapes of quotation marks undone and interpolations left out.
        case text(String)
        /// A name between backticks.
        case quotedName(String)
        case sign(Character)
    }

    private let tokens: [Token]

    init(_ source: String) {
        var reader = Reader(rest: Array(source)[...])
        tokens = reader.tokens(untilClosed: false)
    }

    /// The display names of the tests: what `@Test("…")` says, or else the function's name between backticks.
    var testNames: [String] {
        tokens.indices.compactMap { index in
            guard tokens[index] == .sign("@"), at(index + 1) == .word("Test") else { return nil }
            if at(index + 2) == .sign("("), case .text(let name) = at(index + 3) { return name }
            guard let function = tokens[index...].firstIndex(of: .word("func")),
                case .quotedName(let name) = at(function + 1)
            else { return nil }
            return name
        }
    }

    private func at(_ index: Int) -> Token? { tokens.indices.contains(index) ? tokens[index] : nil }

    private struct Reader {
        var rest: ArraySlice<Character>

        /// - Parameter untilClosed: Only to the bracket that closes an interpolation.
        mutating func tokens(untilClosed: Bool) -> [Token] {
            var tokens: [Token] = []
            var depth = 0
            while let character = rest.first {
                if untilClosed, character == ")", depth == 0 {
                    rest.removeFirst()
                    return tokens
                }
                if take("//") {
                    rest = rest.drop { !$0.isNewline }
                } else if take("/*") {
                    skipComment()
                } else if character == "`" {
                    rest.removeFirst()
                    tokens.append(.quotedName(String(rest.prefix { $0 != "`" && !$0.isNewline })))
                    rest = rest.drop { $0 != "`" && !$0.isNewline }.dropFirst()
                } else if let text = text() {
                    tokens.append(.text(text))
                } else if Self.isPartOfWord(character) {
                    tokens.append(.word(String(rest.prefix(while: Self.isPartOfWord))))
                    rest = rest.drop(while: Self.isPartOfWord)
                } else {
                    if character == "(" { depth += 1 }
                    if character == ")" { depth -= 1 }
                    if !character.isWhitespace { tokens.append(.sign(character)) }
                    rest.removeFirst()
                }
            }
            return tokens
        }

        private static func isPartOfWord(_ character: Character) -> Bool {
            character.isLetter || character.isNumber || character == "_"
        }

        private mutating func take(_ text: String) -> Bool {
            guard rest.starts(with: text) else { return false }
            rest.removeFirst(text.count)
            return true
        }

        /// Comments may stand within comments.
        private mutating func skipComment() {
            var depth = 1
            while depth > 0, !rest.isEmpty {
                if take("/*") { depth += 1 } else if take("*/") { depth -= 1 } else { rest.removeFirst() }
            }
        }

        /// A text literal, if one begins here. One that is not closed ends with its line, as there is none in a file that
        /// compiles: what looks like it is part of something else.
        private mutating func text() -> String? {
            let fence = String(rest.prefix { $0 == "#" })
            guard rest.dropFirst(fence.count).first == "\"" else { return nil }
            rest.removeFirst(fence.count)
            let isLong = rest.starts(with: "\"\"\"")
            let mark = isLong ? "\"\"\"" : "\""
            rest.removeFirst(mark.count)
            var text = ""
            while let character = rest.first {
                if take(mark + fence) { break }
                if !isLong, character.isNewline { break }
                if take("\\" + fence + "(") {
                    _ = tokens(untilClosed: true)
                } else if take("\\" + fence) {
                    if let escaped = rest.popFirst() { text.append(escaped) }
                } else {
                    text.append(character)
                    rest.removeFirst()
                }
            }
            return text
        }
    }
}
