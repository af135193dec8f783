/// The name of an image as Docker reads it: with its default registry and, for official images, `library/`.
package struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    /// The registry, such as `docker.io` or `host:5000`.
    package let domain: String
    /// The repository within the registry, such as `library/nginx`.
    package let path: String
    /// Without its colon; `nil` if none is given.
    package let tag: String?
    /// With its algorithm, such as `sha256:…`.
    package let digest: String?

    /// The registry of a name that begins with none.
    package static let defaultDomain = "docker.io"

    /// The name without tag and digest as people write it: without the default registry and `library/`.
    package var familiarName: String {
        guard domain == Self.defaultDomain else { return "\(domain)/\(path)" }
        let library = "library/"
        return path.hasPrefix(library) && path.split(separator: "/").count == 2
            ? String(path.dropFirst(library.count)) : path
    }

    /// What to ask the registry for: the digest, else the tag, else `latest`.
    package var pullTag: String { digest ?? tag ?? "latest" }

    /// The familiar name with tag and digest as far as given.
    package var description: String {
        familiarName + (tag.map { ":" + $0 } ?? "") + (digest.map { "@" + $0 } ?? "")
    }

    /// - Throws: ``EngineError`` of kind `configuration`, with Docker's own words where it has some.
    package init(_ text: String) throws(EngineError) {
        func invalid(_ reason: String) -> EngineError {
            EngineError(.configuration, "invalid image reference '\(text)': \(reason)")
        }
        guard !text.isEmpty else { throw invalid("it is empty") }

        let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        if halves.count == 2 {
            guard Grammar.isDigest(halves[1]) else { throw invalid("invalid digest") }
            digest = String(halves[1])
        } else {
            digest = nil
        }

        var name = halves[0]
        // A colon before the last slash belongs to the port of the registry.
        let lastSlash = name.lastIndex(of: "/")
        if let colon = name.lastIndex(of: ":"), lastSlash.map({ colon > $0 }) ?? true {
            let tag = name[name.index(after: colon)...]
            guard Grammar.isTag(tag) else { throw invalid("invalid tag") }
            self.tag = String(tag)
            name = name[..<colon]
        } else {
            tag = nil
        }

        guard !(name.utf8.count == 64 && name.utf8.allSatisfy(Grammar.isLowerHexDigit)) else {
            throw invalid("64 hexadecimal digits are an image id, not a name")
        }
        let (domain, path) = Self.split(name)
        guard !path.utf8.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) else {
            throw invalid("repository name must be lowercase")
        }
        guard Grammar.isDomain(domain) else { throw invalid("invalid registry") }
        guard path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(Grammar.isPathComponent) else {
            throw invalid("invalid repository name")
        }
        guard path.utf8.count <= 255 else { throw invalid("repository name must not be more than 255 characters") }
        self.domain = String(domain)
        self.path = String(path)
    }

    private static func split(_ name: Substring) -> (domain: Substring, path: Substring) {
        var domain: Substring = Substring(defaultDomain)
        var path = name
        if let slash = name.firstIndex(of: "/") {
            let first = name[..<slash]
            // What cannot be a part of a repository name is a registry.
            if first == "localhost" || first.contains(where: { ".:".contains($0) }) || first != first.lowercased() {
                domain = first == "index.docker.io" ? domain : first
                path = name[name.index(after: slash)...]
            }
        }
        if domain == defaultDomain, !path.contains("/") { path = "library/" + path }
        return (domain, path)
    }
}

/// The grammar of Docker's references.
private enum Grammar {
    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
    static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
    static func isLowerHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    /// Letters, digits, `_`, `.` and `-`, at most 128 of them, the first neither `.` nor `-`.
    static func isTag(_ text: Substring) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= 128 else { return false }
        let isWord = { (byte: UInt8) in isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") }
        return isWord(first)
            && bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// An algorithm and hexadecimal digits: as many as the algorithm has, or at least 32 of an unknown one.
    static func isDigest(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = parts[0].utf8.first, isLetter(first) else { return false }
        let algorithm = parts[0].split(omittingEmptySubsequences: false) { "+.-_".contains($0) }
        guard algorithm.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { isLetter($0) || isDigit($0) } }),
            parts[1].utf8.allSatisfy(isLowerHexDigit)
        else { return false }
        let count = parts[1].utf8.count
        switch parts[0] {
        case "sha256": return count == 64
        case "sha384": return count == 96
        case "sha512": return count == 128
        default: return count >= 32
        }
    }

    /// A host name, an IPv4 address or an IPv6 address in brackets, and perhaps a port.
    static func isDomain(_ text: Substring) -> Bool {
        var host = text
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return false }
            host = text[text.index(after: text.startIndex)..<close]
            let tail = text[text.index(after: close)...]
            return !host.isEmpty
                && host.utf8.allSatisfy { isHexDigit($0) || $0 == UInt8(ascii: ":") }
                && (tail.isEmpty || tail.hasPrefix(":") && isPort(tail.dropFirst()))
        }
        if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            guard isPort(text[text.index(after: colon)...]) else { return false }
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }

    static func isPort(_ text: Substring) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isDigit) }

    /// Runs of lower-case letters and digits, separated by `.`, `_`, `__` or any number of `-`.
    static func isPathComponent(_ text: Substring) -> Bool {
        var separator: [UInt8] = []
        var isFirst = true
        for byte in text.utf8 {
            if isLower(byte) || isDigit(byte) {
                if !separator.isEmpty, isFirst || !isSeparator(separator) { return false }
                separator = []
                isFirst = false
            } else {
                separator.append(byte)
            }
        }
        return !isFirst && separator.isEmpty
    }

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        bytes == Array(".".utf8) || bytes == Array("_".utf8) || bytes == Array("__".utf8)
            || bytes.allSatisfy { $0 == UInt8(ascii: "-") }
    }
}
