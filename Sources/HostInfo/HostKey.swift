internal import Glibc
package import LosslessJSON
internal import SwiftASN1

/// The key that identifies this host to the server (PROTOCOL 1.5, 10.4.6).
package struct HostKey: Sendable, Hashable {
    /// The public half as PEM text under the header `RSA PUBLIC KEY`, with what belongs under `PUBLIC KEY` in it: so it
    /// has always been sent.
    package let publicPEM: String

    /// Reads the key, or makes one of 2048 bits if there is no file. Takes a good part of a second then, and may block.
    ///
    /// - Throws: ``HostInfoError`` with the path in it. A file that cannot be read is left as it is.
    package init(path: String) throws(HostInfoError) {
        let directory = HostFile.directory(of: path)
        // Earlier agents made the directory so that only root could use it.
        try HostFile.makePrivateDirectory(directory)
        let key: RSAKey
        if let bytes = HostFile.bytes(path) {
            do {
                let document = try PEMDocument(pemString: String(decoding: bytes, as: UTF8.self))
                guard document.discriminator == Self.privateHeader else {
                    throw HostInfoError("it holds a \(document.discriminator) and no \(Self.privateHeader)")
                }
                key = try RSAKey(privateKey: document.derBytes)
            } catch {
                throw HostInfoError("the host key \(path) cannot be used: \(error)")
            }
        } else {
            guard access(path, F_OK) != 0 else { throw .failed("read", path) }
            key = try RSAKey(bits: 2048)
            let text = PEMDocument(type: Self.privateHeader, derBytes: key.privateKey).pemString + "\n"
            try HostFile.replace(path, with: Array(text.utf8), mode: 0o400)
        }
        publicPEM = PEMDocument(type: "RSA PUBLIC KEY", derBytes: key.publicKey).pemString + "\n"
    }

    package var json: JSON { ["data": .string(publicPEM)] }

    private static let privateHeader = "RSA PRIVATE KEY"
}
