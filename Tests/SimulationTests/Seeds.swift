import Foundation

/// Which seeds are played.
enum Seeds {
    /// As many are played with every run of the tests.
    static let usual: UInt64 = 2000

    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    private static func setting(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// `SEED=7`: this one alone.
    static var one: UInt64? { get throws { try setting("SEED").map(number) } }

    /// `SEEDS=500`: that many from 0; `SEEDS=1000-1999`, `SEEDS=7,42`: those. `nil` if it is not set.
    static var asked: [UInt64]? { get throws { try setting("SEEDS").map(read) } }

    /// `UNTIL_FIRST=1`: the first broken law is the end.
    static var untilFirst: Bool { setting("UNTIL_FIRST") != nil }

    static func read(_ text: String) throws -> [UInt64] {
        if let count = UInt64(text) { return Array(0..<count) }
        return try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { part in
            let ends = try part.split(separator: "-", omittingEmptySubsequences: false).map { try number(String($0)) }
            guard let first = ends.first, let last = ends.last, ends.count <= 2, first <= last else {
                throw Unreadable(description: "SEEDS: \"\(part)\" is neither a seed nor a range such as 1000-1999")
            }
            return Array(first...last)
        }
    }

    private static func number(_ text: String) throws -> UInt64 {
        guard let seed = UInt64(text.trimmingCharacters(in: .whitespaces)) else {
            throw Unreadable(description: "\"\(text)\" is no seed")
        }
        return seed
    }

    /// The seeds that once found something: `fixtures/seeds.txt`, one a line, with what it found behind `#`.
    static var standing: [UInt64] {
        get throws {
            let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appending(path: "fixtures/seeds.txt")
            return try parse(String(contentsOf: url, encoding: .utf8), name: "fixtures/seeds.txt")
        }
    }

    static func parse(_ text: String, name: String) throws -> [UInt64] {
        var seeds: [UInt64] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let parts = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let written = parts.first.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
            if written.isEmpty { continue }
            guard let seed = UInt64(written) else {
                throw Unreadable(description: "\(name), line \(index + 1): \"\(written)\" is no seed")
            }
            guard parts.count == 2, !parts[1].trimmingCharacters(in: .whitespaces).isEmpty else {
                throw Unreadable(description: "\(name), line \(index + 1): what seed \(seed) has found is missing")
            }
            seeds.append(seed)
        }
        return seeds
    }
}
