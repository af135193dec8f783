internal import CNIOBoringSSL

/// A private key of RSA, made and read by the library that does the TLS of this program: it is linked already, and one
/// of its own would cost 10 MB.
struct RSAKey: Sendable, Hashable {
    /// The private key (PKCS#1, RFC 8017).
    let privateKey: [UInt8]
    /// Its public half (SubjectPublicKeyInfo, RFC 5280).
    let publicKey: [UInt8]

    /// Makes a new key, which takes a good part of a second.
    ///
    /// - Throws: ``HostInfoError``.
    init(bits: CInt) throws(HostInfoError) {
        let key = RSA_new()
        let exponent = BN_new()
        defer {
            RSA_free(key)
            BN_free(exponent)
        }
        guard BN_set_word(exponent, 65537) == 1,
            RSA_generate_key_ex(key, bits, exponent, nil) == 1
        else { throw HostInfoError("no RSA key can be made") }
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard RSA_private_key_to_bytes(&bytes, &count, key) == 1 else {
            throw HostInfoError("a new RSA key cannot be written")
        }
        privateKey = Self.taken(bytes, count)
        publicKey = try Self.publicKey(of: key)
    }

    /// Reads a private key.
    ///
    /// - Throws: ``HostInfoError``.
    init(privateKey: [UInt8]) throws(HostInfoError) {
        guard let key = RSA_private_key_from_bytes(privateKey, privateKey.count) else {
            ERR_clear_error()
            throw HostInfoError("it is no RSA private key")
        }
        defer { RSA_free(key) }
        self.privateKey = privateKey
        publicKey = try Self.publicKey(of: key)
    }

    private static func publicKey(of key: OpaquePointer?) throws(HostInfoError) -> [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = i2d_RSA_PUBKEY(key, &bytes)
        guard count > 0 else { throw HostInfoError("the public half of the RSA key cannot be written") }
        return taken(bytes, Int(count))
    }

    /// A copy of bytes that the library hands over.
    private static func taken(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int) -> [UInt8] {
        defer { OPENSSL_free(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }
}
