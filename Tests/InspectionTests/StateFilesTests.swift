import Foundation
import LosslessJSON
import Migrations
import Model
import SimulatedEngine
import Store
import Testing

@testable import Inspection

/// Every command on a database in every condition.
@Suite("Every command about the state")
struct StateFilesTests {
    @Test("works beside a writer in the middle of a transaction, which goes on")
    func besideAWriter() throws {
        let directory = try TemporaryDirectory()
        let store = try directory.openStore()
        try Fixture.fill(store)
        try store.transaction {
            try store.put(Fixture.row(ResourceKey(.volume, "new"), name: "new", desired: "active", phase: "active"))
            try StateCommands.expectAll(in: directory.path)
        }
        withExtendedLifetime(directory) {}
    }

    @Test("works on what a daemon has left that has ended, and writes nothing")
    func atRest() throws {
        let directory = try TemporaryDirectory()
        do { try Fixture.fill(try directory.openStore()) }
        let before = try Data(contentsOf: URL(fileURLWithPath: directory.location.databasePath))
        try StateCommands.expectAll(in: directory.path)
        #expect(directory.files == ["agent.db"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.location.databasePath)) == before)
    }

    /// What a daemon leaves that was killed: the log holds nearly everything.
    private func leftBehind(in path: String, index: Bool) throws {
        let directory = try TemporaryDirectory()
        let store = try directory.openStore()
        try store.connection.execute("PRAGMA wal_autocheckpoint = 0")
        try Fixture.fill(store)
        for ending in ["", "-wal"] + (index ? ["-shm"] : []) {
            try FileManager.default.copyItem(
                atPath: directory.location.databasePath + ending, toPath: path + "/agent.db" + ending)
        }
        withExtendedLifetime(store) {}
    }

    @Test("works on what a killed daemon has left, and takes nothing away from it", arguments: [true, false])
    func killed(index: Bool) throws {
        let directory = try TemporaryDirectory()
        try leftBehind(in: directory.path, index: index)
        func contents() throws -> [String: Data] {
            var contents: [String: Data] = [:]
            for file in directory.files {
                contents[file] = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/" + file))
            }
            return contents
        }
        let before = try contents()
        #expect(before.keys.sorted() == (["agent.db", "agent.db-wal"] + (index ? ["agent.db-shm"] : [])).sorted())
        try StateCommands.expectAll(in: directory.path)
        #expect(try contents() == before)
    }

    @Test(
        "works in a directory whose name means something in a URI, beside a writer",
        arguments: ["a?b=c", "a#b", "a%20b"])
    func oddDirectory(name: String) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let store = try Store.open(path: path + "/agent.db")
        try Fixture.fill(store)
        let outcome = try runAgent(["state", "why", "web", "--state-dir", path])
        #expect(outcome.code == 0 && outcome.output.contains("nginx:latest"), "\(outcome)")
        withExtendedLifetime((directory, store)) {}
    }

    @Test("checks the file itself where it has an older schema")
    func olderFigures() throws {
        let directory = try TemporaryDirectory()
        let old = try #require(Migration.all.first)
        let free: Int
        do {
            let connection = try Connection(path: directory.location.databasePath, mode: .readWrite)
            try Migrator.migrate(connection, with: [old])
            try connection.execute(
                """
                INSERT INTO quarantine VALUES (1, 'frame', '', hex(zeroblob(100000)), '', 1);
                DELETE FROM quarantine;
                """)
            free = try #require(try connection.rows("PRAGMA freelist_count") { $0.integer(0) }.first) * 4096
        }
        #expect(free > 100_000)
        let check = try runAgent(["state", "check", "--json", "--state-dir", directory.path])
        #expect(try JSON(parsing: check.output)["freeBytes"].integer == free)
        withExtendedLifetime(directory) {}
    }

    @Test("works on a read-only file system, where a log counts as well", arguments: [true, false])
    func readOnly(index: Bool) throws {
        let disk = try SmallDisk(kibibytes: 16_384)
        try leftBehind(in: disk.path, index: index)
        try disk.makeReadOnly()
        try StateCommands.expectAll(in: disk.path)
    }

    @Test("works on a read-only file system without a log")
    func readOnlyAtRest() throws {
        let disk = try SmallDisk(kibibytes: 16_384)
        do { try Fixture.fill(try Store.open(path: disk.path + "/agent.db")) }
        try disk.makeReadOnly()
        try StateCommands.expectAll(in: disk.path)
    }

    @Test("works on any older schema, which stays as it is", arguments: Migration.all.dropLast())
    func older(migration: Migration) throws {
        let directory = try TemporaryDirectory()
        do {
            let connection = try Connection(path: directory.location.databasePath, mode: .readWrite)
            try Migrator.migrate(connection, with: Migration.all.filter { $0.version <= migration.version })
            try connection.execute(
                """
                INSERT INTO resource VALUES ('volume:old', 'volume', 'old', '', '', 'active', 'active', 1, 1, 0, NULL, '',
                    '', '{}', 1000, 2000)
                """)
        }
        let before = try Data(contentsOf: URL(fileURLWithPath: directory.location.databasePath))
        for command in StateCommands.readings {
            let outcome = try runAgent(
                ["state"] + command.map { $0 == "web" ? "old" : $0 } + ["--state-dir", directory.path])
            #expect(outcome.code == 0, "\(command): \(outcome)")
        }
        let check = try runAgent(["state", "check", "--state-dir", directory.path])
        #expect(
            check.output.contains(
                "version \(migration.version); this program would bring it to \(Migrator.currentVersion)"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.location.databasePath)) == before)
        #expect(directory.files == ["agent.db"])
    }

    @Test("says what is wrong with a file that is none of the agent's")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        let url = URL(fileURLWithPath: directory.location.databasePath)
        try StateCommands.expectRefusals(in: directory.path, "No state at \(directory.path)/agent.db.")
        try Data().write(to: url)
        try StateCommands.expectRefusals(in: directory.path, "is empty: no agent has set it up yet.")
        try Data(repeating: 0x61, count: 5000).write(to: url)
        try StateCommands.expectRefusals(in: directory.path, "is no database, or it is damaged")
    }

    @Test("says so where a file is cut off or spoilt in the middle")
    func spoilt() throws {
        let directory = try TemporaryDirectory()
        do { try Fixture.fill(try directory.openStore()) }
        let url = URL(fileURLWithPath: directory.location.databasePath)
        let bytes = try Data(contentsOf: url)
        let noise = Data((0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
        for spoilt in [bytes.prefix(6000), bytes.prefix(4096) + noise.dropFirst(4096), noise] {
            try spoilt.write(to: url)
            try StateCommands.expectRefusals(in: directory.path, "is no database, or it is damaged")
        }
    }
}
