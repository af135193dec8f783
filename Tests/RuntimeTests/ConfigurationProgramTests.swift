import Foundation
import Model
import Runtime
import Testing

@Suite("The program for the configuration", .timeLimit(.minutes(1)))
struct ConfigurationProgramTests {
    private struct Place {
        let directory: String
        var path: String { directory + "/config.sh" }

        init(_ script: String, mode: Int = 0o755) throws {
            directory = NSTemporaryDirectory() + "config-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try script.write(toFile: directory + "/config.sh", atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: directory + "/config.sh")
        }

        func program(within deadline: Duration = .seconds(30)) -> ConfigurationProgram {
            ConfigurationProgram(path: path, directory: directory, deadline: deadline) {
                ["PATH": "/usr/bin:/bin", "CATTLE_HOME": "here"]
            }
        }
    }

    @Test("is called with the items, in its directory and with the environment that it is given")
    func called() async throws {
        let place = try Place("#!/bin/sh\necho \"$# $1 $2\"; pwd >&2; env | grep -c . ; echo $CATTLE_HOME; cat\n")
        let end = await place.program().run(["a b", "c"])
        guard case .configurationUpdated(let exitCode, let output) = end else { throw Unexpected(end) }
        #expect(exitCode == 0)
        let lines = output.split(separator: "\n").map(String.init)
        #expect(lines.first == "2 a b c")
        #expect(lines[1].hasSuffix(String(place.directory.split(separator: "/").last ?? "?")))
        // Its own three, and those that a shell sets.
        #expect(["2", "3", "4", "5"].contains(lines[2]))
        #expect(lines.last == "here")
    }

    @Test("tells how it has ended", arguments: [("exit 3", 3), ("kill -9 $$", 137)])
    func exitCode(_ script: String, _ expected: Int) async throws {
        let place = try Place("#!/bin/sh\necho why\n\(script)\n")
        #expect(await place.program().run([]) == .configurationUpdated(exitCode: expected, output: "why\n"))
    }

    @Test("that cannot be run is reported, and nothing is retried", arguments: [0o644, nil])
    func missing(_ mode: Int?) async throws {
        let place = try Place("#!/bin/sh\n", mode: mode ?? 0o755)
        if mode == nil { try FileManager.default.removeItem(atPath: place.path) }
        let end = await place.program().run(["a"])
        guard case .configurationUpdated(let exitCode, let output) = end else { throw Unexpected(end) }
        #expect(exitCode == -1)
        #expect(output.hasPrefix("\(place.path) cannot be run: "))
    }

    @Test("that takes too long is ended with all that it has started (defect 85)")
    func deadline() async throws {
        let place = try Place(
            "#!/bin/sh\ntrap '' TERM\necho begun\nsleep 600 & echo $! > \(UUID().uuidString)\nwait\nsleep 600\n")
        let start = ContinuousClock.now
        let end = await place.program(within: .milliseconds(300)).run([])
        #expect(.now - start < .seconds(20))
        guard case .configurationUpdated(let exitCode, let output) = end else { throw Unexpected(end) }
        #expect(exitCode == -1)
        #expect(output.hasPrefix("begun\n"))
        #expect(output.contains("longer than 0.3 seconds"))
        let names = try FileManager.default.contentsOfDirectory(atPath: place.directory).filter { $0 != "config.sh" }
        let text = try String(contentsOfFile: place.directory + "/" + names[0], encoding: .utf8)
        let child = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        try await eventually { kill(child, 0) != 0 }
    }

    @Test("is ended when nobody wants to know any more")
    func cancelled() async throws {
        let place = try Place("#!/bin/sh\nexec sleep 600\n")
        let start = ContinuousClock.now
        let end = await withTaskGroup(of: OperationOutcome.self) { group in
            group.addTask { await place.program().run([]) }
            group.cancelAll()
            return await group.next()
        }
        #expect(.now - start < .seconds(20))
        guard case .unknown = end else { throw Unexpected(end) }
    }

    @Test("that leaves something running is over when it is over itself")
    func daemon() async throws {
        let place = try Place("#!/bin/sh\nsleep 30 &\necho done $!\n")
        let end = await place.program().run([])
        guard case .configurationUpdated(0, let output) = end else { throw Unexpected(end) }
        #expect(output.hasPrefix("done "))
        if let child = pid_t(output.dropFirst(5).filter(\.isNumber)) { kill(child, SIGKILL) }
    }

    @Test("may write as much as it likes; the end of it is kept")
    func output() async throws {
        let place = try Place("#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x\necho end\n")
        let end = await place.program().run([])
        guard case .configurationUpdated(0, let output) = end else { throw Unexpected(end) }
        #expect(output.hasSuffix("end\n"))
        #expect(output.utf8.count < 200_000)
    }

    private struct Unexpected: Error {
        let outcome: OperationOutcome?

        init(_ outcome: OperationOutcome?) { self.outcome = outcome }
    }

    private func eventually(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(10)) }
    }
}
