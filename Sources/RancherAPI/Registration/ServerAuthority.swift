import NIOHTTP1
import NIOSSL

/// The certificate that vouches for a server which the system does not trust, known by its fingerprint
/// (PROTOCOL 1.9.1).
package struct ServerAuthority: Sendable {
    /// Of the server; where the certificate is follows from it.
    package var server: APIURL
    /// SHA-1, as hexadecimal digits with or without colons.
    package var fingerprint: String
    /// The way to the server.
    package var proxies: ProxySettings

    /// Asks nobody yet.
    package init(server: APIURL, fingerprint: String, proxies: ProxySettings = .none) {
        self.server = server
        self.fingerprint = fingerprint
        self.proxies = proxies
    }

    /// Fetches the certificate, with whomever it is that answers: its fingerprint tells whether it is the right one.
    ///
    /// - Returns: The certificate as PEM text.
    /// - Throws: ``RancherError``, of the code `badAnswer` for another certificate; `CancellationError`.
    package func fetch() async throws -> String {
        let client = ServerHTTP.trustingAnybody(proxies: proxies)
        let result: Result<HTTPAnswer, any Error>
        var place = server
        place.path = "/v1/scripts/ca.crt"
        place.query = ""
        do {
            let http = HTTPCaller(http: client, deadline: .seconds(30))
            result = .success(try await http.call(.GET, place, limit: 256 << 10))
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        let answer = try result.get()
        guard answer.status == .ok else { throw answer.refusal(from: place) }
        let text = String(decoding: answer.body, as: UTF8.self)
        try Self.check(text, against: fingerprint)
        return text
    }

    /// Reads certificates.
    ///
    /// - Throws: ``RancherError`` of the code `local` if there is none in the text, or one that cannot be read.
    package static func checkReadable(_ text: String) throws(RancherError) {
        do {
            guard try !NIOSSLCertificate.fromPEMBytes(Array(text.utf8)).isEmpty else {
                throw RancherError(.local, "there is none in it")
            }
        } catch {
            throw RancherError(.local, "it cannot be read as certificates: \(error)")
        }
    }

    /// - Throws: ``RancherError`` of the code `badAnswer` if the text does not begin with a certificate of that
    ///   fingerprint, or has anything else in it: nobody has vouched for that.
    package static func check(_ text: String, against fingerprint: String) throws(RancherError) {
        let certificates: [NIOSSLCertificate]
        let found: String
        do {
            certificates = try NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
            guard let first = certificates.first else { throw RancherError(.badAnswer, "there is none") }
            found = self.fingerprint(of: try first.toDERBytes())
        } catch {
            throw RancherError(.badAnswer, "the server's ca.crt cannot be read: \(error)")
        }
        guard certificates.count == 1 else {
            throw RancherError(.badAnswer, "the server's ca.crt has \(certificates.count) certificates in it, not one")
        }
        guard found == normalized(fingerprint) else {
            throw RancherError(
                .badAnswer,
                "the server's certificate has the fingerprint \(found), and CA_FINGERPRINT is \(fingerprint): "
                    + "this is another server, or somebody is in between")
        }
    }

    /// Pairs of capital hexadecimal digits with colons between them.
    static func fingerprint(of bytes: [UInt8]) -> String {
        SHA1.digest(of: bytes).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.count < 2 ? "0\(digits)" : digits
        }.joined(separator: ":")
    }

    private static func normalized(_ fingerprint: String) -> String {
        let digits = fingerprint.uppercased().filter { $0 != ":" && !$0.isWhitespace }
        var pairs: [Substring] = []
        var rest = digits[...]
        while !rest.isEmpty {
            pairs.append(rest.prefix(2))
            rest = rest.dropFirst(2)
        }
        return pairs.joined(separator: ":")
    }
}
