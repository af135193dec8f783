package import Model

/// What a certificate says of itself.
package struct CertificateFacts: Sendable, Hashable {
    /// Whose it is, as `CN=server, O=Example`.
    package var subject: String
    /// Who has signed it.
    package var issuer: String
    package var notBefore: Timestamp
    package var notAfter: Timestamp
    /// The names and addresses that it is for.
    package var names: [String]
    /// Whether it names itself as who has signed it.
    package var isSelfSigned: Bool

    /// Whether it is for this host, by the name or address in a URL.
    func isFor(_ host: String) -> Bool {
        let host = host.lowercased()
        return names.contains { name in
            let name = name.lowercased()
            guard name.hasPrefix("*.") else { return name == host }
            // A star stands for one part of a name (RFC 6125, 6.4.3).
            guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return false }
            return host[dot...] == name.dropFirst()
        }
    }
}
