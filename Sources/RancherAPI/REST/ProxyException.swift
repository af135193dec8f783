#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One part of `no_proxy`: a name with all below it, an address, a network such as `10.0.0.0/8`, each perhaps with a
/// port, or `*` for everything.
package struct ProxyException: Sendable, Hashable, CustomStringConvertible {
    private enum Kind: Sendable, Hashable {
        case everything
        /// Without a leading dot. With one, the name itself is not meant, only those below it.
        case name(String, includesItself: Bool)
        case network(IPAddress, prefixLength: Int)
    }

    /// As it was written.
    package let description: String
    private let kind: Kind
    private let port: Int?

    /// Reads one part. There is none that cannot be read: what is no address is a name.
    package init(_ text: String) {
        description = text
        if text == "*" {
            (kind, port) = (.everything, nil)
            return
        }
        if let network = Self.network(text) {
            (kind, port) = (network, nil)
            return
        }
        let (host, port) = Self.split(text)
        self.port = port
        if let address = IPAddress(host) {
            kind = .network(address, prefixLength: address.bytes.count * 8)
            return
        }
        var name = host.lowercased()[...]
        if name.hasPrefix("*.") { name = name.dropFirst() }
        let includesItself = !name.hasPrefix(".")
        kind = .name(String(includesItself ? name : name.dropFirst()), includesItself: includesItself)
    }

    /// Whether a call to this host, by the name or address in its URL, is meant.
    package func matches(host: String, port: Int) -> Bool {
        if let wanted = self.port, wanted != port { return false }
        switch kind {
        case .everything: return true
        case .name(let name, let includesItself):
            var host = host.lowercased()[...]
            if host.hasSuffix(".") { host.removeLast() }
            guard !name.isEmpty else { return false }
            return includesItself && host == name || host.hasSuffix(".\(name)")
        case .network(let network, let prefixLength):
            guard let address = IPAddress(host) else { return false }
            return address.isIn(network, prefixLength: prefixLength)
        }
    }

    private static func network(_ text: String) -> Kind? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])), let length = Int(parts[1]),
            (0...address.bytes.count * 8).contains(length)
        else { return nil }
        return .network(address, prefixLength: length)
    }

    /// An address of IPv6 has its port behind brackets.
    private static func split(_ text: String) -> (host: String, port: Int?) {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let tail = text[text.index(after: end)...]
            return (String(text.dropFirst()[..<end]), tail.hasPrefix(":") ? Int(tail.dropFirst()) : nil)
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let port = Int(parts[1]) else { return (text, nil) }
        return (String(parts[0]), port)
    }
}

/// An address as its bytes, of which IPv4 has four and IPv6 sixteen.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// In the order of the network.
    package let bytes: [UInt8]

    static let loopback6 = [UInt8](repeating: 0, count: 15) + [1]

    /// `nil` if there are neither four bytes nor sixteen.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = Array(bytes)
    }

    /// `nil` if the text is no address.
    package init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.bytes = Array(bytes[..<4])
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.bytes = bytes
        } else {
            return nil
        }
    }

    /// As it is usually written: an address of IPv6 with its longest run of zeros left out.
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func isIn(_ network: IPAddress, prefixLength: Int) -> Bool {
        guard bytes.count == network.bytes.count else { return false }
        for (index, (own, other)) in zip(bytes, network.bytes).enumerated() {
            let bits = min(8, max(0, prefixLength - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - bits))
            guard own & mask == other & mask else { return false }
        }
        return true
    }
}
