import LosslessJSON

/// A request as the engine reads it.
struct PaperRequest {
    let method: String
    /// The path's parts without the version, unescaped.
    let path: [String]
    let query: [String: String]
    let body: JSON

    init(method: String, uri: String, body: JSON) {
        self.method = method
        self.body = body
        let halves = uri.split(separator: "?", maxSplits: 1)
        var path = halves.first.map { $0.split(separator: "/").map(Self.unescaped) } ?? []
        if path.first?.hasPrefix("v1.") == true { path.removeFirst() }
        self.path = path
        var query: [String: String] = [:]
        for pair in halves.count > 1 ? halves[1].split(separator: "&") : [] {
            let sides = pair.split(separator: "=", maxSplits: 1).map(Self.unescaped)
            if let name = sides.first { query[name] = sides.count > 1 ? sides[1] : "" }
        }
        self.query = query
    }

    /// The name or id of what it is about: all between the kind of thing and the verb.
    var subject: String {
        guard path.count > 1 else { return "" }
        let hasVerb = path.count > 2
        return path[1..<(hasVerb ? path.count - 1 : path.count)].joined(separator: "/")
    }

    /// Method and path, with `*` in the place of the subject.
    var shape: String {
        switch path.count {
        case 0: "\(method) /"
        case 1: "\(method) /\(path[0])"
        case 2 where path[1] == "json" || path[1] == "create": "\(method) /\(path[0])/\(path[1])"
        case 2: "\(method) /\(path[0])/*"
        default: "\(method) /\(path[0])/*/\(path[path.count - 1])"
        }
    }

    private static func unescaped(_ text: Substring) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let first = rest.popFirst() {
            if first == UInt8(ascii: "%"), let byte = UInt8(String(rest.prefix(2)) ?? "", radix: 16) {
                bytes.append(byte)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(first)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
