package import HTTPTransport

/// Where the Docker Engine listens, and how to prove who we are.
package struct EngineEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// Who proves to whom who he is.
    package enum TLS: Sendable, Hashable {
        /// Plain HTTP.
        case none
        /// The server is verified with the system's authorities; no client certificate.
        case systemAuthorities
        /// `ca.pem`, `cert.pem` and `key.pem` of a directory. With `verifiesServer` false any server is believed.
        case certificates(directory: String, verifiesServer: Bool)
    }

    /// What to connect to.
    package let address: HTTPAddress
    /// How the connection is secured; never for a unix socket.
    package let tls: TLS
    /// The address as the operator wrote it.
    package let description: String

    /// The socket of an engine that was installed the usual way.
    package static let defaultHost = "unix:///var/run/docker.sock"

    /// Reads the variables of the Docker command.
    ///
    /// - Parameters:
    ///   - dockerHost: `DOCKER_HOST`: `unix:///path`, `tcp://host:port`, `http://…` or `https://…`; absent or empty
    ///     means ``defaultHost``.
    ///   - certificatePath: `DOCKER_CERT_PATH`, a directory; absent or empty means none.
    ///   - verifyTLS: `DOCKER_TLS_VERIFY`; absent or empty means that the server's certificate is not verified.
    /// - Throws: ``EngineError`` of kind `configuration`.
    package init(
        dockerHost: String? = nil, certificatePath: String? = nil, verifyTLS: String? = nil
    ) throws(EngineError) {
        let text = dockerHost.flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultHost
        description = text
        let certificates: TLS? = certificatePath.flatMap {
            $0.isEmpty ? nil : .certificates(directory: $0, verifiesServer: !(verifyTLS ?? "").isEmpty)
        }
        guard let (scheme, rest) = Self.split(text, at: "://") else {
            throw Self.unusable(text, "unix://, tcp://, http:// or https:// expected")
        }
        switch scheme {
        case "unix":
            guard rest.hasPrefix("/"), rest != "/" else { throw Self.unusable(text, "an absolute path expected") }
            guard !rest.utf8.contains(0) else { throw Self.unusable(text, "a zero byte in the path") }
            // The kernel's limit for the address of a unix socket, less its terminating zero.
            guard rest.utf8.count <= 107 else { throw Self.unusable(text, "the path exceeds 107 bytes") }
            address = .unixSocket(path: String(rest))
            tls = .none
        case "tcp":
            address = try Self.address(rest, defaultPort: certificates == nil ? 2375 : 2376, in: text)
            tls = certificates ?? .none
        case "http":
            address = try Self.address(rest, defaultPort: 2375, in: text)
            tls = .none
        case "https":
            address = try Self.address(rest, defaultPort: 2376, in: text)
            tls = certificates ?? .systemAuthorities
        default: throw Self.unusable(text, "'\(scheme)://' is not supported; unix://, tcp://, http:// or https:// is")
        }
    }

    /// The header `Host`: HTTP/1.1 demands one, also of a unix socket, which has no name.
    var host: String {
        switch address {
        case .unixSocket: "docker"
        case .tcp(let host, let port): (host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host) + ":\(port)"
        }
    }

    private static func unusable(_ text: String, _ reason: String) -> EngineError {
        EngineError(.configuration, "unable to parse docker host '\(text)': \(reason)")
    }

    private static func split(_ text: String, at separator: String) -> (Substring, Substring)? {
        let wanted = Array(separator.utf8)
        let bytes = text.utf8
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index...].starts(with: wanted) {
                return (text[..<index], text[bytes.index(index, offsetBy: wanted.count)...])
            }
            index = bytes.index(after: index)
        }
        return nil
    }

    private static func address(
        _ rest: Substring, defaultPort: Int, in text: String
    ) throws(EngineError) -> HTTPAddress {
        let authority = rest.hasSuffix("/") ? rest.dropLast() : rest
        let host: Substring
        let port: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { throw unusable(text, "']' expected") }
            host = authority[authority.index(after: authority.startIndex)..<close]
            let tail = authority[authority.index(after: close)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw unusable(text, "':' expected after ']'") }
            port = tail.isEmpty ? nil : tail.dropFirst()
            guard !host.isEmpty,
                host.utf8.allSatisfy({ isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
            else { throw unusable(text, "an IPv6 address expected between '[' and ']'") }
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { throw unusable(text, "an IPv6 address must stand between '[' and ']'") }
            host = parts[0]
            port = parts.count == 2 ? parts[1] : nil
            guard !host.isEmpty else { throw unusable(text, "a host name expected") }
            guard host.utf8.allSatisfy({ isHostCharacter($0) }) else {
                throw unusable(text, "only a host name or address and a port are supported")
            }
        }
        guard let port else { return .tcp(host: String(host), port: defaultPort) }
        guard let number = Int(port), (1...65535).contains(number), port.utf8.allSatisfy(isDigit) else {
            throw unusable(text, "a port between 1 and 65535 expected")
        }
        return .tcp(host: String(host), port: number)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }
}
