/// Cuts a stream of JSON values, as the Docker Engine sends it for pulls and events, into single values.
///
/// The values may follow each other with or without white space, and a chunk may end anywhere, within a character too.
package struct JSONSplitter: Sendable {
    /// The size in bytes beyond which a single value is refused.
    package let limit: Int
    private var pending: [UInt8] = []
    private var depth = 0
    private var inString = false
    private var escaped = false

    package init(limit: Int = 1 << 20) { self.limit = limit }

    /// True in the middle of a value: a stream that ends here was cut off.
    package var isInsideValue: Bool { !pending.isEmpty }

    /// Takes the next chunk and returns the values that it completes.
    ///
    /// - Throws: ``JSONError`` for a value that is no JSON or exceeds ``limit``; the stream cannot be read on then.
    package mutating func append(_ chunk: some Sequence<UInt8>) throws(JSONError) -> [JSON] {
        try append(Array(chunk))
    }

    /// The same, for what lies in one piece already.
    package mutating func append(_ chunk: [UInt8]) throws(JSONError) -> [JSON] {
        var values: [JSON] = []
        // Where the value at hand begins in this chunk.
        var start = 0
        for index in chunk.indices {
            let byte = chunk[index]
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == 0 { start = index }
                depth += 1
            case 0x20, 0x0A, 0x0D, 0x09: continue
            case _ where depth == 0: throw JSONError(message: "an object or array expected", offset: 0)
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 {
                    try keep(chunk[start...index])
                    values.append(try JSON(parsing: pending))
                    pending.removeAll(keepingCapacity: true)
                }
            default: continue
            }
        }
        if depth > 0 { try keep(chunk[start...]) }
        return values
    }

    private mutating func keep(_ part: ArraySlice<UInt8>) throws(JSONError) {
        guard pending.count + part.count <= limit else {
            throw JSONError(message: "a value of more than \(limit) bytes", offset: limit)
        }
        pending += part
    }
}
