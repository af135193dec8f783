/// What the registration script sets (PROTOCOL 2.4.1). Its text form hides the token.
package struct RegistrationScript: Sendable, Hashable, CustomStringConvertible {
    /// `CATTLE_REGISTRATION_ACCESS_KEY` and `CATTLE_REGISTRATION_SECRET_KEY`.
    package let key: APIKey
    /// `CATTLE_URL`; empty if it is not set.
    package let url: String
    /// `DETECTED_CATTLE_AGENT_IP`; empty if it is not set.
    package let detectedAgentIP: String

    /// Reads the script.
    ///
    /// - Throws: ``RancherError`` of the code `badAnswer` if the keys are not in it, as in an error page.
    package init(parsing script: String) throws(RancherError) {
        let variables = Self.variables(in: script)
        guard let accessKey = variables["CATTLE_REGISTRATION_ACCESS_KEY"], !accessKey.isEmpty,
            let secretKey = variables["CATTLE_REGISTRATION_SECRET_KEY"], !secretKey.isEmpty
        else {
            throw RancherError(.badAnswer, "the registration script does not set the registration's keys")
        }
        key = APIKey(accessKey: accessKey, secretKey: secretKey)
        url = variables["CATTLE_URL"] ?? ""
        detectedAgentIP = variables["DETECTED_CATTLE_AGENT_IP"] ?? ""
    }

    /// For the log.
    package var description: String { "registration at \(url) with the \(key)" }

    /// The variables that the lines of a shell script set, with or without `export`; other lines are passed over.
    /// Quotes and escapes are undone as a shell does it, substitutions are not made.
    static func variables(in script: String) -> [String: String] {
        var variables: [String: String] = [:]
        for line in script.split(whereSeparator: \.isNewline) {
            var words = line.trimmingBlanks[...]
            if words.hasPrefix("export"), words.dropFirst(6).first?.isWhitespace == true {
                words = words.dropFirst(6).drop { $0.isWhitespace }
            }
            guard let equals = words.firstIndex(of: "=") else { continue }
            let name = words[..<equals]
            guard isName(name) else { continue }
            variables[String(name)] = word(words[words.index(after: equals)...])
        }
        return variables
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, first < UInt8(ascii: "0") || first > UInt8(ascii: "9") else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    /// The first word of a shell text. A quote that is not closed ends with the text.
    private static func word(_ text: Substring) -> String {
        enum Quoting { case none, single, double }
        var quoting = Quoting.none
        var word = ""
        var rest = text
        while let character = rest.popFirst() {
            switch (quoting, character) {
            case (.none, "'"): quoting = .single
            case (.none, "\""): quoting = .double
            case (.single, "'"), (.double, "\""): quoting = .none
            case (.none, "\\"): if let next = rest.popFirst() { word.append(next) }
            case (.double, "\\"):
                guard let next = rest.first, "\"$`\\".contains(next) else {
                    word.append(character)
                    continue
                }
                word.append(next)
                rest.removeFirst()
            case (.none, let separator) where separator.isWhitespace || ";&|".contains(separator): return word
            case (.none, _), (.single, _), (.double, _): word.append(character)
            }
        }
        return word
    }
}
