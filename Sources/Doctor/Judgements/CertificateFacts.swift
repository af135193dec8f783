package import Model
package import RancherAPI

/// What a certificate says of itself.
package struct CertificateFacts: Sendable, Hashable {
    /// Whose it is, as `CN=server, O=Example`.
    package var subject: String
    /// Who has signed it.
    package var issuer: String
    package var notBefore: Timestamp
    package var notAfter: Timestamp
    /// The names that it is for.
    package var names: [String]
    /// The addresses that it is for.
    package var addresses: [IPAddress] = []
    /// The last common name of its subject, where that counts as a name: where there are no alternative names at all.
    package var commonName: String?
    /// Whether it names itself as who has signed it.
    package var isSelfSigned: Bool

    /// For people.
    var allNames: [String] { names + addresses.map { "\($0)" } + (commonName.map { [$0] } ?? []) }

    /// Whether it is for this host, by the name or address in a URL: in the way in which the library decides that.
    func isFor(_ host: String) -> Bool {
        if let address = IPAddress(host) { return addresses.contains(address) }
        return (names + (commonName.map { [$0] } ?? [])).contains { Self.isMeant(host, by: $0) }
    }

    /// A star stands for one part of a name or for a piece of it, and only for the first part (RFC 6125, 6.4.3).
    private static func isMeant(_ host: String, by pattern: String) -> Bool {
        let (host, pattern) = (host.lowercased().droppingDot, pattern.lowercased().droppingDot)
        guard pattern.utf8.allSatisfy(isOfNames) else { return false }
        guard let star = pattern.firstIndex(of: "*") else { return pattern == host }
        let (hostLabel, hostRest) = host.splitAtDot
        let (label, rest) = pattern.splitAtDot
        let tail = pattern[pattern.index(after: star)...]
        guard label.endIndex > star, !tail.contains("*"), !label.hasPrefix("xn--"), !hostLabel.hasPrefix("xn--") else {
            return false
        }
        return hostRest == rest && hostLabel.count >= label.count && hostLabel.hasPrefix(label[..<star])
            && hostLabel.hasSuffix(tail.prefix(label.count - label[...star].count))
    }

    /// Letters, digits, `-`, `.` and the star; a name with anything else in it, as `_`, counts for nothing.
    private static func isOfNames(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "*"):
            true
        default: false
        }
    }
}

extension String {
    /// Without the dot at the end that says that the name is whole.
    fileprivate var droppingDot: Substring { hasSuffix(".") ? dropLast() : self[...] }
}

extension Substring {
    fileprivate var splitAtDot: (label: Substring, rest: Substring) {
        let dot = firstIndex(of: ".") ?? endIndex
        return (self[..<dot], self[dot...])
    }
}
