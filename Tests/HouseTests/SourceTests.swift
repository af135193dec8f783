import Foundation
import Testing

/// The rules of the house that the compiler does not check.
@Suite("The sources")
struct SourceTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private struct File {
        let name: String
        let lines: [Substring]
    }

    private static func files(in folder: String) throws -> [File] {
        let base = root.appending(path: folder)
        let walk = try #require(FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil))
        return try walk.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }.map { url in
            let text = try String(contentsOf: url, encoding: .utf8)
            return File(
                name: String(url.path.dropFirst(root.path.count + 1)),
                lines: text.split(separator: "\n", omittingEmptySubsequences: false))
        }
    }

    private static func places(in folder: String = "Sources", matching pattern: Regex<Substring>) throws -> [String] {
        try files(in: folder).flatMap { file in
            file.lines.enumerated().filter { $0.element.firstMatch(of: pattern) != nil }.map {
                "\(file.name):\($0.offset + 1)"
            }
        }
    }

    @Test("import FoundationEssentials and never Foundation, which brings 30 MB of ICU")
    func noFoundation() throws {
        #expect(try Self.places(matching: /^\s*(?:[a-z]+ )?import Foundation\s*$/) == [])
    }

    @Test("hold no trap that a remote input could spring, no unchecked promise and nothing left to do")
    func noShortcuts() throws {
        let code = /try!|@unchecked Sendable|nonisolated\(unsafe\)|fatalError\(|\bas!|TODO|FIXME|XXX/
        #expect(try Self.places(matching: code) == [])
    }

    @Test("start no task outside the tree of services")
    func noUnstructuredTasks() throws {
        #expect(try Self.places(matching: /\bTask(?:\.detached)?\s*(?:\([^)]*\)\s*)?\{/) == [])
    }

    @Test("fit on a few screens each")
    func shortFiles() throws {
        let long = try Self.files(in: "Sources").filter { $0.lines.count > 500 }
        #expect(long.map(\.name) == [])
    }

    @Test("that the simulation is built of alone need nothing that is left out of its package")
    func simulationPackage() throws {
        let script = try String(contentsOf: Self.root.appending(path: ".ci/simulation-package"), encoding: .utf8)
        let rooms = try #require(script.firstMatch(of: /for room in ([^;]+); do/)).output.1.split(separator: " ")
        let declared = script.matches(of: /(?:name|systemLibrary\(name): "(\w+)"/).map { String($0.output.1) }
        let files = try rooms.map { "Sources/\($0)" }.flatMap { try Self.files(in: $0) }
        let events = try Self.files(in: "Sources/RancherAPI").filter {
            $0.name.contains("/Events/") || $0.name.hasSuffix("/APIURL.swift")
                || $0.name.hasSuffix("/RancherError.swift")
        }
        let system: Set = ["FoundationEssentials", "Foundation", "Glibc", "Synchronization"]
        let imported = Set(
            (files + events).flatMap(\.lines).compactMap { line in
                line.firstMatch(of: /^(?:@testable )?(?:[a-z]+ )?import (\w+)/).map { String($0.output.1) }
            })
        #expect(imported.count > 5)
        #expect(imported.subtracting(system).subtracting(declared).sorted() == [])
    }

    @Test("know no clock, no randomness and no concurrency where decisions are made")
    func pureRooms() throws {
        for room in ["Sources/Lifecycle", "Sources/Reconciler", "Sources/Model"] {
            #expect(
                try Self.places(in: room, matching: /\basync\b|\bawait\b|ContinuousClock|Date\(\)|\.random\(\)/) == [])
        }
    }

    @Test("of the tests disable none and skip none")
    func noSkippedTests() throws {
        let skip = /\.disabled\(|\.enabled\(if|XCTSkip/
        #expect(try Self.places(in: "Tests", matching: skip).filter { !$0.hasPrefix("Tests/HouseTests") } == [])
    }
}
