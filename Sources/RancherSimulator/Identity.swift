import FoundationEssentials

/// Names, keys and times that the simulated server makes up.
enum Identity {
    /// The user name under which a registration token is presented (PROTOCOL.md 2.4.1).
    static let registrationUser = "registrationToken"

    /// A token with the characters that break careless parsers.
    static let defaultToken = "8A2F0C5D93B14E67A0C1:1506297600000:c2ltdWxhdG9yLXRva2Vu="

    /// A 2048-bit RSA key in the form of `api.crt`. Nobody has kept the private half.
    static let apiCertificate = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0te6SJ3MIIZzvMMqT/03
        ZerEs6y9QhorW6QKGOuXMReA22e2ahjMXQtAMzFC0UhxHVhsf/ZDONzgKCae+47h
        ldwlt6QpJMVvz2MXiOdOAQtaDVqlcYMU3tArgnbpuA7/GnFt6haA9h09KMzVF+lS
        9HlwLHEGCuaCt7O46DCPhuoSP/yZ3oFzzSKFUZ2j4IWw72YSIIUbIjZmnctkUTbZ
        YRRhAeoamH/IDI3QpysxuWkF+UBM0ZlxghCnqr00IVBFMmqYItqJbyonLzgnwTYo
        GUXGhfdCFDSAksbvzl8S+wHwr7hzH5PJ+e+w4L+Wa/l1pe0OmTfnEYRVY0+4fvnI
        fQIDAQAB
        -----END PUBLIC KEY-----

        """

    static func uuid() -> String { UUID().uuidString.lowercased() }

    static func replyAddress() -> String { "reply.\(UInt64.random(in: 1_000_000_000...UInt64(Int64.max)))" }

    static func nowMilliseconds() -> Int { Int(Date().timeIntervalSince1970 * 1000) }

    /// Keys follow from the registration key, so that a simulator that is started again still knows its agents.
    static func accessKey(registrationKey: String) -> String { "A" + digest("access:" + registrationKey) }

    static func secretKey(accessKey: String) -> String { digest("secret:" + accessKey) + digest("more:" + accessKey) }

    static func agentNumber(accessKey: String) -> Int { Int(fnv1a("agent:" + accessKey) % 9000) + 1000 }

    /// The number behind a made-up id, such as the raw ids of Rancher 1.6: the same for the same id.
    static func number(of id: String) -> Int { Int(fnv1a("number:" + id) % 900_000) + 1000 }

    /// The user and the password of an `Authorization: Basic` header.
    static func basicCredentials(_ header: String?) -> (user: String, password: String)? {
        guard let header, header.lowercased().hasPrefix("basic "),
            let data = Data(base64Encoded: String(header.dropFirst(6)))
        else { return nil }
        let parts = String(decoding: data, as: UTF8.self)
            .split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        return (String(parts[0]), String(parts[1]))
    }

    /// Written out apart from the agent's: what both get wrong alike no test would show.
    static func percentDecoded(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), String(decoding: rest.prefix(2), as: UTF8.self).allSatisfy(\.isHexDigit),
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digest(_ text: String) -> String {
        let digits = String(fnv1a(text), radix: 16, uppercase: true)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func fnv1a(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
