import Foundation
import Testing

/// The guides in `rancher-agent.docc` and the README against what they speak of.
@Suite("The guides")
struct GuideTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let names = ["Architecture", "Developing", "Measurements", "Operating"]

    private static func guide(_ name: String) throws -> String {
        try text("Sources/rancher-agent/rancher-agent.docc/\(name).md")
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    private static func files(in folder: String) throws -> [URL] {
        let walk = try #require(
            FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil))
        return walk.compactMap { $0 as? URL }
    }

    /// All string literals of the program run into each other: a message may be put together over several lines.
    private static func messages() throws -> String {
        try files(in: "Sources").filter { $0.pathExtension == "swift" }
            .map { try String(contentsOf: $0, encoding: .utf8) }
            .joined(separator: "\n").replacing(/"\s*\+\s*"/, with: "")
    }

    @Test("quote messages that the program has")
    func messages() throws {
        let messages = try Self.messages()
        let section = try #require(try Self.guide("Operating").components(separatedBy: "## What went wrong").last)
        let said = section.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| Said |") }
            .map { $0.split(separator: "|")[0].trimmingCharacters(in: .whitespaces) }
        #expect(said.count > 20)
        for text in said {
            for part in text.components(separatedBy: "…").map({ $0.trimmingCharacters(in: .whitespaces) })
            where !part.isEmpty {
                #expect(messages.contains(part), "nothing says \"\(part)\"")
            }
        }
    }

    @Test("name metrics that there are")
    func metrics() throws {
        let messages = try Self.messages()
        let named = try Self.guide("Operating").matches(of: /`rancher_agent_([a-z_]+)`/).map { String($0.1) }
        #expect(!named.isEmpty)
        for name in named {
            #expect(messages.contains("rancher_agent_\(name)\"") || messages.contains("\"\(name)\""), "no \(name)")
        }
    }

    @Test("name files that there are", arguments: names)
    func paths(name: String) throws {
        let found = Set(try ["Sources", "Tests", "migrations"].flatMap { try Self.files(in: $0) }.map(\.path))
        for match in try Self.guide(name).matches(of: /`((?:[A-Za-z0-9-]+\/)*[A-Za-z0-9+-]+\.(?:swift|docc|md))`/) {
            let path = String(match.1)
            #expect(
                found.contains { $0.hasSuffix("/" + path) }
                    || FileManager.default.fileExists(atPath: Self.root.appending(path: path).path),
                "there is no \(path)")
        }
    }

    @Test("name targets of make that there are", arguments: names + ["README"])
    func targets(name: String) throws {
        let makefile = try Self.text("Makefile")
        let guide = name == "README" ? try Self.text("README.md") : try Self.guide(name)
        for match in guide.matches(of: /`make ([a-z-]+)/) {
            #expect(makefile.contains("\n\(match.1):"), "there is no make \(match.1)")
        }
    }
}
