import Foundation
import Testing

/// The register of the defects that the agents before this one had (PROTOCOL 12). Each of them that could come back has
/// a test that would fail with it, and that test says so in its name: `(defect 31)`, or `(defects 41, 42)`.
@Suite("The defects of the old agents")
struct DefectTests {
    /// All of PROTOCOL 12.1 to 12.4, of both dialects.
    private static let register: Set<String> = Set(
        Array(1...103).map(String.init)
            + ["87a", "87b", "87c", "87d", "87e"])

    /// Those of the service that shows logs and opens shells (PROTOCOL 12.5). Some of them concern parts that are there
    /// already, and may be named; they are not asked for before the service itself is there.
    private static let ofHostAPI: Set<String> = Set((Array(104...134) + Array(136...138)).map(String.init))

    /// Those that cannot come back by the way that this program is made, and why.
    private static let impossible: [String: String] = [
        "10":
            "Nothing has to be notified of the end: all parts are services of one group, and the process ends with it.",
        "11": "The configuration is a value that is read once, and the compiler refuses data races.",
        "48": "The wire defines the address of an instance as the IPv4 address of its eth0 (PROTOCOL 9).",
    ]

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    @Test("each have a test that would fail with them, or a reason why there can be none")
    func complete() throws {
        var tests: [String: [String]] = [:]
        for url in try Self.testFiles() {
            for name in SwiftText(try String(contentsOf: url, encoding: .utf8)).testNames {
                for number in Self.numbers(in: name) { tests[number, default: []].append(name) }
            }
        }
        let named = Set(tests.keys)
        let missing = Self.register.subtracting(named).subtracting(Self.impossible.keys)
        #expect(Self.ordered(missing) == [], "no test names these")
        let unknown = named.subtracting(Self.register).subtracting(Self.ofHostAPI)
        #expect(Self.ordered(unknown) == [], "\(unknown.compactMap { tests[$0] })")
        #expect(Self.ordered(named.intersection(Self.impossible.keys)) == [], "said to be impossible, and tested")
    }

    @Test("that cannot come back are in the register, each with a sentence")
    func reasons() {
        #expect(Self.ordered(Set(Self.impossible.keys).subtracting(Self.register)) == [])
        for (number, reason) in Self.impossible {
            #expect(reason.hasSuffix(".") && reason.count > 20, "\(number)")
        }
        // Counted by hand in the tables: 16, 13, 64 and 15.
        #expect(Self.register.count == 108)
    }

    @Test(
        "are read from the end of a name or its middle, one or several",
        arguments: [
            ("x (defect 31)", ["31"]), ("x (defects 41, 42)", ["41", "42"]), ("x (defect 87a) and y", ["87a"]),
            ("x (defects 1, 2) (defect 3)", ["1", "2", "3"]), ("x defect 31", []), ("x (defect)", []),
            ("x (defect  7)", ["7"]), ("x (defects 1-3)", ["1-3"]), ("x (Defect 5)", []),
            ("x (defects 4 and 5)", ["4 and 5"]),
        ])
    func numbers(name: String, expected: [String]) { #expect(Self.numbers(in: name) == expected) }

    /// What stands where numbers should is returned as it is, so that it is found to be unknown.
    private static func numbers(in name: String) -> [String] {
        name.matches(of: /\(defects?\s+([^)]*)\)/).flatMap { match in
            match.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    private static func ordered(_ numbers: some Collection<String>) -> [String] {
        numbers.sorted { $0.localizedStandardCompare($1) == .orderedAscending }
    }

    private static func testFiles() throws -> [URL] {
        let walk = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        let files = walk.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        try #require(files.count > 50)
        return files
    }
}

@Suite("A Swift file")
struct SwiftTextTests {
    @Test("is searched for the names of tests, and nothing else counts as one")
    func testNames() {
        let text = #####"""
            // @Test("a comment")
            /* @Test("another /* nested */ one") */
            let text = "@Test(\"a text\")"
            let raw = #"@Test("a raw text")"#
            let long = """
                @Test("a long text")
                """
            let mixed = "\(name("@Test(\"inside\")")) @Test("
            @Suite("a suite") struct S {
                @Test("one") func one() {}
                @Test(
                    "two \"quoted\"",
                    arguments: ["three", "four"])
                func two() {}
                @Test func plain() {}
                @Test(arguments: ["five"]) func `raw (six)`(_ x: Int) {}
                @Test func `raw seven`() {}
                @Test @MainActor public func `raw eight`() {}
                @Test(#"nine "n" \n"#) func nine() {}
                @Test
                (
                    "ten"
                ) func ten() {}
                let `eleven` = 1
                @Testable("twelve") func twelve() {}
                let pattern = /"/
                @Test("after a stray quotation mark") func last() {}
            }
            """#####
        #expect(
            SwiftText(text).testNames == [
                "one", "two \"quoted\"", "raw (six)", "raw seven", "raw eight", #"nine "n" \n"#, "ten",
                "after a stray quotation mark",
            ])
    }
}
