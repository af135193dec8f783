/// The key that identifies this host for ever (PROTOCOL 1.5, 2.4.2): the same key always yields the same agent.
package enum RegistrationToken {
    /// Inside the state directory.
    package static let fileName = ".registration_token"

    /// Reads the token, or makes one if there is none yet: 64 random bytes as hexadecimal digits.
    ///
    /// White space around it is dropped, for a script may have written it. An empty file, the trace of a crash, counts
    /// as none. The file is made as a whole and is readable by its owner only.
    ///
    /// - Throws: ``RancherError`` of the code `local`.
    package static func load(directory: String) throws(RancherError) -> String {
        if let token = try stored(directory: directory) { return token }
        var random = SystemRandomNumberGenerator()
        let token = (0..<64).map { _ in hexadecimal(UInt8.random(in: 0...255, using: &random)) }.joined()
        try PrivateFile.replace(path(in: directory), with: Array(token.utf8), mode: 0o600)
        return token
    }

    /// Reads the token and makes none; `nil` if there is none yet.
    ///
    /// - Throws: ``RancherError`` of the code `local`.
    package static func stored(directory: String) throws(RancherError) -> String? {
        guard let bytes = try PrivateFile.contents(of: path(in: directory), limit: 4096) else { return nil }
        let token = String(decoding: bytes, as: UTF8.self).trimmingBlanks
        return token.isEmpty ? nil : token
    }

    private static func path(in directory: String) -> String {
        directory.hasSuffix("/") ? directory + fileName : "\(directory)/\(fileName)"
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.count < 2 ? "0\(digits)" : digits
    }
}
