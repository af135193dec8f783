/// Why a text is no JSON, and where.
package struct JSONError: Error, Hashable, CustomStringConvertible {
    package let message: String
    /// The byte at which reading stopped, counted from 0.
    package let offset: Int

    package var description: String { "\(message) at byte \(offset)" }
}

extension JSON {
    /// The nesting beyond which a text is refused: no message of this wire comes near it, and the parser recurses.
    package static let maximumDepth = 256

    /// Reads one value that fills the whole text but for white space.
    ///
    /// - Throws: ``JSONError``.
    package init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }

    /// Reads one value that fills all the bytes but for white space. Broken UTF-8 is repaired, not refused.
    ///
    /// - Throws: ``JSONError``.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        var parser = JSONParser(bytes: bytes)
        parser.skipWhitespace()
        self = try parser.value(depth: 0)
        parser.skipWhitespace()
        if parser.position < bytes.count { throw parser.error("unexpected text after the value") }
    }

    /// Reads the first value and ignores whatever follows it.
    ///
    /// - Throws: ``JSONError``.
    package init(parsingPrefixOf bytes: [UInt8]) throws(JSONError) {
        var parser = JSONParser(bytes: bytes)
        parser.skipWhitespace()
        self = try parser.value(depth: 0)
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    func error(_ message: String) -> JSONError { JSONError(message: message, offset: position) }

    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    mutating func value(depth: Int) throws(JSONError) -> JSON {
        guard depth <= JSON.maximumDepth else { throw error("nested too deeply") }
        guard let current else { throw error("unexpected end") }
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error("unexpected character")
        }
    }

    mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let length = word.utf8CodeUnitCount
        guard position + length <= bytes.count else { throw error("unexpected end") }
        for index in 0..<length where bytes[position + index] != word.utf8Start[index] {
            throw error("unexpected character")
        }
        position += length
        return value
    }

    mutating func digits() throws(JSONError) {
        let start = position
        while let current, current >= UInt8(ascii: "0"), current <= UInt8(ascii: "9") { position += 1 }
        if position == start { throw error("digit expected") }
    }

    mutating func number() throws(JSONError) -> JSON {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if current == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    mutating func array(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var elements: [JSON] = []
        skipWhitespace()
        if current == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            skipWhitespace()
            elements.append(try value(depth: depth + 1))
            skipWhitespace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return .array(elements)
            default: throw error("',' or ']' expected")
            }
        }
    }

    mutating func object(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var object = JSONObject()
        skipWhitespace()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(object)
        }
        while true {
            skipWhitespace()
            guard current == UInt8(ascii: "\"") else { throw error("member name expected") }
            let key = try string()
            skipWhitespace()
            guard current == UInt8(ascii: ":") else { throw error("':' expected") }
            position += 1
            skipWhitespace()
            object.append(key, try value(depth: depth + 1))
            skipWhitespace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return .object(object)
            default: throw error("',' or '}' expected")
            }
        }
    }

    mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        // The common case: no escape, so the bytes are the text.
        while let current, current != UInt8(ascii: "\""), current != UInt8(ascii: "\\") {
            guard current >= 0x20 else { throw error("control character in a string") }
            position += 1
        }
        guard let end = current else { throw error("unexpected end") }
        if end == UInt8(ascii: "\"") {
            defer { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }
        var text = Array(bytes[start..<position])
        while let current {
            switch current {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case 0..<0x20: throw error("control character in a string")
            default:
                text.append(current)
                position += 1
            }
        }
        throw error("unexpected end")
    }

    mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let current else { throw error("unexpected end") }
        position += 1
        switch current {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(current)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: Array(String(try unicodeEscape()).utf8))
        default: throw error("unknown escape")
        }
    }

    /// A lone half of a surrogate pair reads as the replacement character: it costs itself only.
    mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        let first = try hexadecimal()
        guard (0xD800...0xDBFF).contains(first) else { return Unicode.Scalar(first) ?? replacement }
        guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { return replacement }
        let rewind = position
        position += 2
        let second = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(second) else {
            position = rewind
            return replacement
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
    }

    mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let current, let digit = Character(Unicode.Scalar(current)).hexDigitValue else {
                throw error("four hexadecimal digits expected")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
