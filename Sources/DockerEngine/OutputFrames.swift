/// The outputs of a container without a terminal as the engine sends them: in frames, each with a head of eight bytes
/// that ends with its length.
enum OutputFrames {
    /// The text of all frames in order, whichever output they are of; `nil` if the last one is cut off.
    static func text(of bytes: [UInt8]) -> String? {
        var text: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 8 else { return nil }
            let length = rest.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(8)
            guard rest.count >= length else { return nil }
            text += rest.prefix(length)
            rest = rest.dropFirst(length)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
