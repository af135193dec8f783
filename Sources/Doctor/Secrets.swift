internal import Agent
internal import RancherAPI
internal import URLCoding

/// What must not be shown, wherever it may have got into a text: an answer may well quote what was asked.
struct Secrets: Sendable {
    /// The longest first, for a shorter one may be a part of it.
    private var words: [String] = []

    /// A shorter word is a part of others.
    private static let minimumLength = 8
    /// With so much of it a word begins that was cut off.
    private static let headLength = 12

    init(of configuration: AgentConfiguration) {
        add(APIKey(accessKey: configuration.accessKey, secretKey: configuration.secretKey))
        for url in [configuration.url, configuration.registrationURL ?? ""] {
            if let token = Self.token(in: url) { add(token) }
        }
        // What is given as the URL of a registration may have another form.
        if let url = configuration.registrationURL.flatMap({ try? APIURL($0) }),
            let token = url.path.split(separator: "/").last
        {
            add(String(token))
        }
        for proxy in [configuration.proxies.plain, configuration.proxies.encrypted] {
            if let authorization = proxy?.authorization { add(String(authorization.dropFirst("Basic ".count))) }
        }
    }

    /// What stands behind `/scripts/`, also in what is no URL for other reasons.
    static func token(in url: String) -> String? {
        guard let scripts = url.firstRange(of: "/scripts/") else { return nil }
        let token = url[scripts.upperBound...].prefix { $0 != "?" && $0 != "#" && $0 != "/" && !$0.isWhitespace }
        return token.isEmpty ? nil : String(token)
    }

    mutating func add(_ key: APIKey) {
        guard !key.secretKey.isEmpty else { return }
        add(key.secretKey)
        add(String(key.authorization.dropFirst("Basic ".count)))
    }

    mutating func add(_ word: String) {
        for form in [word, PercentCoding.encoded(word)] where form.count >= Self.minimumLength {
            if !words.contains(form) { words.append(form) }
        }
        words.sort { $0.count > $1.count }
    }

    func removed(from finding: Diagnosis) -> Diagnosis {
        Diagnosis(verdict: finding.verdict, text: removed(from: finding.text), advice: removed(from: finding.advice))
    }

    private func removed(from text: String) -> String { words.reduce(text) { Self.removed($1, from: $0) } }

    /// Every place where the word stands, or its beginning, for long texts are cut off.
    private static func removed(_ word: String, from text: String) -> String {
        let head = word.prefix(headLength)
        var (result, rest) = ("", text[...])
        while let found = rest.firstRange(of: head) {
            result += rest[..<found.lowerBound] + "…"
            rest = rest[found.upperBound...]
            for character in word.dropFirst(head.count) {
                guard rest.first == character else { break }
                rest.removeFirst()
            }
        }
        return result + rest
    }
}
