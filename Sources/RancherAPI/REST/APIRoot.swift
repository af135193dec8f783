package import Model

/// A place where the REST interface of a server may be, and the dialect of a server that has it there.
package struct APIRoot: Sendable, Hashable {
    package let url: APIURL
    package let dialect: Dialect

    /// The places under a configured URL, in the order in which they are tried (PROTOCOL 2.1). A server has the newest
    /// version that it knows in its own place, and nothing in that of a newer one; which of them a URL happens to name
    /// says little, for both servers hand out URLs of older versions.
    package static func candidates(for url: APIURL) -> [APIRoot] {
        let first = String(url.path.dropFirst().prefix { $0 != "/" })
        let older = ["v1", "v2-beta", "v2"]
        guard url.path.isEmpty || url.path == "/" || older.contains(first) else {
            return [APIRoot(url: url, dialect: .a)]
        }
        func with(_ version: String) -> APIURL {
            var other = url
            other.path = "/\(version)" + url.path.dropFirst(1 + first.count)
            return other
        }
        return [
            APIRoot(url: with("v3"), dialect: .a),
            // The first version of the interface is rewritten to the second, which is what 1.6 speaks.
            APIRoot(url: with(first == "v2" ? "v2" : "v2-beta"), dialect: .b),
        ]
    }

    /// The dialect of a server that says that its schemas are at the given place; `nil` if that says nothing.
    package static func dialect(ofSchemasAt url: APIURL) -> Dialect? {
        for segment in url.path.split(separator: "/").reversed() {
            switch segment {
            case "v3": return .a
            case "v1", "v2", "v2-beta": return .b
            default: continue
            }
        }
        return nil
    }
}
