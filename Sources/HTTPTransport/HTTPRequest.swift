package import NIOCore
package import NIOHTTP1

/// Where a server listens.
package enum HTTPAddress: Sendable, Hashable {
    /// A unix socket by its absolute path.
    case unixSocket(path: String)
    /// A host name or IP address (IPv6 without brackets) and its port.
    case tcp(host: String, port: Int)
}

/// A whole request.
package struct HTTPRequest: Sendable {
    package let head: HTTPRequestHead
    package let body: ByteBuffer?
    /// Whether it changes nothing at the server, so that it may be sent again if nobody answered.
    package let isRepeatable: Bool

    /// - Parameters:
    ///   - headers: All of them but those that say how long the body is.
    package init(method: HTTPMethod, uri: String, headers: HTTPHeaders, body: ByteBuffer? = nil) {
        var headers = headers
        if let body {
            headers.add(name: "Content-Length", value: String(body.readableBytes))
        } else if method == .POST || method == .PUT {
            headers.add(name: "Content-Length", value: "0")
        }
        head = HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers)
        self.body = body
        isRepeatable = method == .GET || method == .HEAD
    }
}
