import Foundation
import Testing

/// What is shipped. `make test` builds it and says where it is in RANCHER_AGENT_RELEASE.
@Suite("The release binary")
struct ReleaseBinaryTests {
    private static func binary() throws -> String {
        try #require(
            ProcessInfo.processInfo.environment["RANCHER_AGENT_RELEASE"],
            "RANCHER_AGENT_RELEASE is not set: run make test, or make build and set it to the binary")
    }

    private static func output(of command: String, _ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [command] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(command) failed")
        return String(decoding: data, as: UTF8.self)
    }

    @Test("needs the C library and SQLite and neither Foundation, nor ICU, nor a Swift runtime")
    func needs() throws {
        let dynamic = try Self.output(of: "readelf", "-d", try Self.binary())
        let needed = dynamic.split(separator: "\n").filter { $0.contains("(NEEDED)") }.map(String.init)
        try #require(!needed.isEmpty)
        for library in ["Foundation", "icu", "swift"] {
            #expect(needed.filter { $0.localizedCaseInsensitiveContains(library) } == [])
        }
        #expect(needed.contains { $0.contains("libsqlite3") })
    }

    @Test("carries no ICU inside either")
    func carriesNoICU() throws {
        let symbols = try Self.output(of: "nm", "--defined-only", try Self.binary())
        #expect(!symbols.contains("uloc_getDefault"))
        #expect(!symbols.contains("_foundation_unicode"))
    }

    @Test("is at most 40 MB stripped")
    func size() throws {
        let stripped = FileManager.default.temporaryDirectory.appending(path: "stripped-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: stripped) }
        _ = try Self.output(of: "strip", "-o", stripped.path, try Self.binary())
        let size = try #require(try stripped.resourceValues(forKeys: [.fileSizeKey]).fileSize)
        print("stripped release binary: \(size) bytes")
        #expect(size <= 40_000_000)
    }
}
