internal import Model
internal import NIOSSL
internal import RancherAPI
internal import SwiftASN1

extension CertificateFacts {
    /// Reads a certificate; what cannot be read of it is left empty.
    init(_ certificate: NIOSSLCertificate) {
        let names = (try? certificate.toDERBytes()).flatMap { try? Self.names(in: $0) }
        let alternatives = Array(certificate._subjectAlternativeNames())
        self.init(
            subject: names.map { Self.text($0.subject) } ?? "unreadable",
            issuer: names.map { Self.text($0.issuer) } ?? "unreadable",
            notBefore: Timestamp(milliseconds: Int(certificate.notValidBefore) * 1000),
            notAfter: Timestamp(milliseconds: Int(certificate.notValidAfter) * 1000),
            names: alternatives.filter { $0.nameType == .dnsName }.map { String(decoding: $0.contents, as: UTF8.self) },
            addresses: alternatives.filter { $0.nameType == .ipAddress }.compactMap { IPAddress(bytes: $0.contents) },
            commonName: alternatives.isEmpty
                ? names.flatMap { Self.parts($0.subject).last { $0.label == "CN" }?.text } : nil,
            isSelfSigned: names.map { $0.subject.encodedBytes == $0.issuer.encodedBytes } ?? false)
    }

    /// Issuer and subject in the order of RFC 5280, 4.1: version, serial number, algorithm, issuer, validity, subject.
    private static func names(in bytes: [UInt8]) throws -> (issuer: ASN1Node, subject: ASN1Node) {
        struct Missing: Error {}
        guard let body = children(try DER.parse(bytes)).first else { throw Missing() }
        var parts = children(body)[...]
        if parts.first?.identifier.tagClass == .contextSpecific { parts = parts.dropFirst() }
        guard parts.count >= 5 else { throw Missing() }
        let start = parts.startIndex
        return (parts[start + 2], parts[start + 4])
    }

    private static func children(_ node: ASN1Node) -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { return [] }
        return Array(nodes)
    }

    private static let labels: [ASN1ObjectIdentifier: String] = [
        [2, 5, 4, 3]: "CN", [2, 5, 4, 10]: "O", [2, 5, 4, 11]: "OU", [2, 5, 4, 6]: "C",
    ]

    /// The usual parts of a name.
    private static func parts(_ name: ASN1Node) -> [(label: String, text: String)] {
        var parts: [(label: String, text: String)] = []
        for attribute in children(name).flatMap(children) {
            let members = children(attribute)
            guard members.count == 2, let type = try? ASN1ObjectIdentifier(derEncoded: members[0]),
                let label = labels[type], case .primitive(let bytes) = members[1].content
            else { continue }
            parts.append((label, String(decoding: bytes, as: UTF8.self)))
        }
        return parts
    }

    /// As `CN=server, O=Example`.
    private static func text(_ name: ASN1Node) -> String {
        let parts = parts(name)
        return parts.isEmpty ? "without a name" : parts.map { "\($0.label)=\($0.text)" }.joined(separator: ", ")
    }
}
