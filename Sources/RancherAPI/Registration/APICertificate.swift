import NIOHTTP1
import SwiftASN1

/// The server's public key, with which it signs what the front end may ask of this host (PROTOCOL 1.5, 1.6).
package struct APICertificate: Sendable {
    /// `CATTLE_URL` as configured.
    package var url: APIURL
    /// Where the key is kept.
    package var path: String
    /// For the call.
    package var deadline = Duration.seconds(30)

    /// Fetches nothing yet.
    package init(url: APIURL, path: String) {
        self.url = url
        self.path = path
    }

    /// Fetches the key once and puts it in place. One try: the caller comes again.
    ///
    /// - Throws: ``RancherError`` if there is no usable key, with the old file left as it is; `CancellationError`.
    package func fetch(httpClient: ServerHTTP) async throws {
        let place = url.droppingSchemas.appending("scripts/api.crt")
        let http = HTTPCaller(http: httpClient, deadline: deadline)
        let answer = try await http.call(.GET, place, limit: 64 << 10, closesConnection: true)
        guard answer.status == .ok else { throw answer.refusal(from: place) }
        let block = try Self.firstPublicKey(in: String(decoding: answer.body, as: UTF8.self))
        try PrivateFile.replace(path, with: Array(block.utf8), mode: 0o644)
    }

    /// The first PEM block, if it is the public key of RSA that it should be. Whatever follows it is of no interest:
    /// the server sends the text twice.
    ///
    /// - Throws: ``RancherError`` of the code `badAnswer`.
    package static func firstPublicKey(in text: String) throws(RancherError) -> String {
        let (begin, end) = ("-----BEGIN ", "-----END PUBLIC KEY-----")
        guard let start = text.firstRange(of: begin)?.lowerBound else {
            throw RancherError(.badAnswer, "the server's public key is no PEM text")
        }
        guard text[start...].hasPrefix("-----BEGIN PUBLIC KEY-----") else {
            throw RancherError(.badAnswer, "the first PEM block of the server's public key is of another kind")
        }
        guard let stop = text[start...].firstRange(of: end)?.upperBound else {
            throw RancherError(.badAnswer, "the server's public key is cut off")
        }
        let block = text[start..<stop].split(whereSeparator: \.isNewline).joined(separator: "\n") + "\n"
        do {
            try RSAPublicKey.check(subjectPublicKeyInfo: try PEMDocument(pemString: block).derBytes)
        } catch {
            throw RancherError(.badAnswer, "the server's public key cannot be read: \(error)")
        }
        return block
    }
}

/// A public key of RSA in its two wrappings (RFC 8017, appendix A), read only to see that it is one.
private enum RSAPublicKey {
    static func check(subjectPublicKeyInfo bytes: [UInt8]) throws {
        let key = try DER.sequence(try DER.parse(bytes), identifier: .sequence) { info in
            guard let first = info.next() else { throw RancherError(.badAnswer, "it is empty") }
            try DER.sequence(first, identifier: .sequence) { algorithm in
                guard try ASN1ObjectIdentifier(derEncoded: &algorithm) == rsaEncryption else {
                    throw RancherError(.badAnswer, "it is not one of RSA")
                }
                // The parameters say nothing.
                while algorithm.next() != nil {}
            }
            return try ASN1BitString(derEncoded: &info)
        }
        try DER.sequence(try DER.parse(key.bytes), identifier: .sequence) { numbers in
            let modulus = try ArraySlice<UInt8>(derEncoded: &numbers)
            let exponent = try ArraySlice<UInt8>(derEncoded: &numbers)
            guard modulus.count >= 128, !exponent.isEmpty else {
                throw RancherError(.badAnswer, "it has less than 1024 bits")
            }
        }
    }

    private static let rsaEncryption: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 1]
}
