package import LosslessJSON
internal import Model

/// Takes the secrets out of what the server and the engine have said, before it leaves the host.
///
/// What is secret is told by names, as nobody marks it: whatever has a name like password, token or key, and all values
/// of the environment and of options of drivers, which hold passwords often enough. Rather too much is taken out.
package enum Redaction {
    /// Stands where a secret was.
    package static let mark = "[redacted]"

    /// The same value without secrets.
    package static func redacted(_ json: JSON) -> JSON {
        switch json {
        case .null, .bool, .number: json
        case .string(let text): .string(redacted(text))
        case .array(let elements): .array(redacted(elements))
        case .object(let object): .object(JSONObject(object.map { .init(key: $0.key, value: value(of: $0)) }))
        }
    }

    /// The same text without secrets: one that is JSON as JSON, one of words word by word. Done twice it is the same.
    package static func redacted(_ text: String) -> String {
        var text = text
        // What was taken out may show something that could not be seen before.
        for _ in 0..<4 {
            let before = text
            text = redactedOnce(text)
            if text == before { break }
        }
        return text
    }

    private static func redactedOnce(_ text: String) -> String {
        guard text.utf8.contains(where: isTelling) else { return text }
        if text.contains("PRIVATE KEY") { return mark }
        if let first = text.utf8.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
            let json = try? JSON(parsing: text)
        {
            return redacted(json).encodedText
        }
        return SecretWords.removed(from: withoutUsers(text))
    }

    /// The words of a command line without secrets: one may be the word after its name.
    static func redacted(_ words: [String]) -> [String] {
        redacted(words.map(JSON.string)).map { $0.text ?? mark }
    }

    /// What has a name, without secrets.
    static func redacted(_ text: String, named name: String) -> String {
        isSecret(name) && !text.isEmpty ? mark : redacted(text)
    }

    /// A stored text that should be JSON; null for one that is none, as nobody can tell what is in it.
    static func redactedRecord(_ text: String) -> JSON {
        (try? JSON(parsing: text)).map { redacted($0) } ?? .null
    }

    /// Only texts with one of these in them can hold a secret beside something else.
    private static func isTelling(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-") || byte <= 0x20
            || byte == 0x7F
    }

    // MARK: Names

    /// What has a name like this is secret, and all below it.
    static func isSecret(_ name: some StringProtocol) -> Bool {
        let letters = plain(name)
        return telling.contains { letters.contains($0) } || endings.contains { letters.hasSuffix($0) }
    }

    /// What has a name like this may be two words: a scheme, and the secret.
    static func isHeader(_ name: some StringProtocol) -> Bool {
        let letters = plain(name)
        return letters.hasSuffix("authorization") || letters.hasSuffix("auth")
    }

    private static let telling = [
        "password", "passwd", "passphrase", "secret", "token", "credential", "authorization", "authconfig", "cookie",
        "apikey", "accesskey", "privatekey", "userdata", "logconfig",
    ]
    private static let endings = ["key", "auth", "pass", "pwd", "pw"]

    /// The values of what has a name like this are secret; what they are called is not.
    private static func hidesValues(_ name: String) -> Bool { maps.contains(plain(name)) }

    private static let maps: Set = [
        "env", "environment", "environmentvars", "driveropts", "driveropt", "driveroptions", "options", "opts",
        "storageopt", "storageopts", "storageoptions", "buildargs", "metadata", "registryconfig",
    ]

    private static func plain(_ name: some StringProtocol) -> String {
        String(name.lowercased().filter { $0.isLetter || $0.isNumber })
    }

    // MARK: Values

    private static func value(of member: JSONObject.Member) -> JSON {
        if isSecret(member.key) { return hidden(member.value) }
        return hidesValues(member.key) ? withoutValues(member.value) : redacted(member.value)
    }

    /// Nothing and truth values tell nothing.
    private static func hidden(_ json: JSON) -> JSON {
        switch json {
        case .null, .bool: json
        case .string(""), .array([]): json
        case .object(let object) where object.isEmpty: json
        case .number, .string, .array, .object: .string(mark)
        }
    }

    /// The names of a map, or of a list of assignments.
    private static func withoutValues(_ json: JSON) -> JSON {
        switch json {
        case .object(let object):
            .object(JSONObject(object.map { .init(key: $0.key, value: hidden($0.value)) }))
        case .array(let elements):
            .array(
                elements.map { element in
                    guard case .string(let text) = element, let end = text.firstIndex(of: "=") else {
                        return hidden(element)
                    }
                    return .string("\(text[..<end])=\(mark)")
                })
        case .null, .bool, .number, .string: hidden(json)
        }
    }

    /// In a command line the value may be the word after its name.
    private static func redacted(_ elements: [JSON]) -> [JSON] {
        var isNextSecret = false
        return elements.map { element in
            defer {
                isNextSecret = false
                if case .string(let text) = element, text.hasPrefix("-"), !text.contains("="), isSecret(text) {
                    isNextSecret = true
                }
            }
            return isNextSecret ? hidden(element) : redacted(element)
        }
    }

    // MARK: Texts

    /// Without the users, and the passwords, in URLs.
    private static func withoutUsers(_ text: String) -> String {
        guard text.contains("://"), text.contains("@") else { return text }
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "://") {
            result += rest[..<start.upperBound]
            rest = rest[start.upperBound...]
            let authority = rest.prefix { !$0.isWhitespace && !"/\"'?#".contains($0) }
            if let at = authority.lastIndex(of: "@") {
                result += "\(mark)@"
                rest = rest[rest.index(after: at)...]
            }
        }
        return result + rest
    }
}
