import URLCoding

/// An `http`, `https`, `ws` or `wss` URL, taken apart (PROTOCOL 1.3, 2.1, 3.1). User part and fragment are left out.
package struct APIURL: Sendable, Hashable, CustomStringConvertible {
    /// `http`, `https`, `ws` or `wss`.
    package var scheme: String
    /// A name or an address; that of IPv6 without its brackets.
    package var host: String
    /// `nil` for the scheme's own.
    package var port: Int?
    /// Empty, or with a leading slash; percent-encoded as it was written.
    package var path: String
    /// Without the question mark; empty if there is none.
    package var query: String

    /// Takes the parts as they are.
    package init(scheme: String, host: String, port: Int? = nil, path: String = "", query: String = "") {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
        self.query = query
    }

    /// Reads a URL.
    ///
    /// - Throws: ``RancherError`` of the code `badURL`.
    package init(_ text: String) throws(RancherError) {
        func bad(_ reason: String) -> RancherError {
            RancherError(.badURL, "\(Self.redacted(text)) is no URL of a server: \(reason)")
        }
        let trimmed = text.trimmingBlanks
        guard let separator = trimmed.firstRange(of: "://") else { throw bad("it has no scheme like http://") }
        scheme = trimmed[..<separator.lowerBound].lowercased()
        guard ["http", "https", "ws", "wss"].contains(scheme) else { throw bad("the scheme is not http or https") }
        var rest = trimmed[separator.upperBound...]
        if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
        query = ""
        if let mark = rest.firstIndex(of: "?") {
            query = String(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        path = String(rest[slash...])
        var authority = rest[..<slash]
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        let portText: Substring
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw bad("the bracket of the address is not closed") }
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            portText = authority[authority.index(after: end)...]
            guard portText.isEmpty || portText.first == ":" else { throw bad("a port expected after the address") }
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            host = String(authority[..<colon])
            portText = authority[colon...]
        }
        guard !host.isEmpty else { throw bad("it has no host") }
        let isClean = [host, path, query].allSatisfy { $0.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } }
        guard isClean else { throw bad("it has a blank or a control character in it") }
        if portText.count > 1 {
            guard let number = Int(portText.dropFirst()), (1...65535).contains(number) else {
                throw bad("the port is no number from 1 to 65535")
            }
            port = number
        }
    }

    /// The URL as text.
    package var description: String {
        "\(scheme)://\(authority)\(path)\(query.isEmpty ? "" : "?\(query)")"
    }

    /// Host and port as they stand in a `Host` header.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port.map { "\(name):\($0)" } ?? name
    }

    /// Whether it takes TLS.
    package var isEncrypted: Bool { scheme == "https" || scheme == "wss" }

    /// The port to connect to.
    package var effectivePort: Int { port ?? (isEncrypted ? 443 : 80) }

    /// The same place for a websocket.
    package var webSocket: APIURL {
        var url = self
        url.scheme = isEncrypted ? "wss" : "ws"
        return url
    }

    /// The path with segments added, never with a double slash between; the query is dropped.
    package func appending(_ path: String) -> APIURL {
        var url = self
        while url.path.hasSuffix("/") { url.path.removeLast() }
        url.path += "/" + path.drop { $0 == "/" }
        url.query = ""
        return url
    }

    /// With parameters added to the query; keys and values are percent-encoded here.
    package func adding(query parameters: [(key: String, value: String)]) -> APIURL {
        var url = self
        for (key, value) in parameters {
            if !url.query.isEmpty { url.query += "&" }
            url.query += "\(PercentCoding.encoded(key))=\(PercentCoding.encoded(value))"
        }
        return url
    }

    /// A `CATTLE_URL` that points at the schemas means the place above them (PROTOCOL 1.3).
    package var droppingSchemas: APIURL {
        guard path.hasSuffix("/schemas") else { return self }
        var url = self
        url.path.removeLast("schemas".count)
        return url
    }

    /// The text without what stands before an `@`, which may be a password, and without the path, which may be as good
    /// as one.
    private static func redacted(_ text: String) -> String {
        let at = text.lastIndex(of: "@")
        let host = at ?? text.firstRange(of: "://")?.upperBound ?? text.startIndex
        let end = text[host...].firstIndex { "/?#".contains($0) } ?? text.endIndex
        return "'\(at == nil ? "" : "…")\(text[(at ?? text.startIndex)..<end])\(end == text.endIndex ? "" : "/…")'"
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    package var trimmingBlanks: String {
        let start = drop { $0.isWhitespace }
        guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...end])
    }
}
