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
        var values: [JSON] = []
        for byte in chunk {
            if pending.isEmpty, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { continue }
            pending.append(byte)
            guard pending.count <= limit else {
                throw JSONError(message: "a value of more than \(limit) bytes", offset: limit)
            }
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
            case UInt8(ascii: "\"") where depth > 0: inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth <= 0 {
                    let whole = pending
                    pending.removeAll(keepingCapacity: true)
                    depth = 0
                    values.append(try JSON(parsing: whole))
                }
            default:
                if depth == 0 { throw JSONError(message: "an object or array expected", offset: 0) }
            }
        }
        return values
    }
}
