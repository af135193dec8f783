import Foundation
import Model
import SimulatedEngine
import Store
import Testing

@testable import Migrations

/// The store as a file: old ones, new ones, broken ones, and others who look at it.
struct FileTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/agent.db" }

    init() throws { directory = try TemporaryDirectory() }

    // MARK: Schema

    @Test("An empty file, and none, become a store of the newest schema", arguments: [true, false])
    func empty(_ exists: Bool) throws {
        if exists { #expect(FileManager.default.createFile(atPath: path, contents: nil)) }
        let store = try Store.open(path: path)
        #expect(try Migrator.version(of: store.connection) == Migrator.currentVersion)
        #expect(try store.allResources().isEmpty)
    }

    @Test("The migrations are numbered from 1 without a gap")
    func numbers() { #expect(Migration.all.map(\.version) == Array(1...Migration.all.count)) }

    @Test("A store of any older schema is brought to the newest with all that is in it", arguments: Migration.all)
    func older(_ migration: Migration) throws {
        do {
            let connection = try Connection(path: path, mode: .readWrite)
            try Migrator.migrate(connection, with: [Migration.all[0]])
            // In the form of version 1, which every later one has to bring along.
            try connection.execute(
                """
                INSERT INTO event VALUES ('e1', 'n', 'r', 'instance', '1i1', 'instance:u-1', 1, 'f', 'answered', 1, NULL);
                INSERT INTO reply VALUES ('e1', 'body', 0, 2, 99, 'err', 1, NULL);
                INSERT INTO resource VALUES ('instance:u-1', 'instance', 'web', '1i1', 'c1', 'running', 'running', 3, 3,
                    0, NULL, '', '', '{}', 1, 2);
                INSERT INTO transition VALUES (1, 'instance:u-1', 3, 'a', 'b', 'c', 4);
                INSERT INTO quarantine VALUES (1, 'frame', '', '{', 'bad', 5);
                """)
            try Migrator.migrate(connection, with: Migration.all.filter { $0.version <= migration.version })
            #expect(try Migrator.version(of: connection) == migration.version)
        }
        // Who only looks sees it in today's form, and leaves the file as it is.
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(try Store.openForReading(path: path).resource(ResourceKey(.instance, "u-1"))?.name == "web")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        let store = try Store.open(path: path)
        #expect(try Migrator.version(of: store.connection) == Migrator.currentVersion)
        #expect(try store.events(about: ResourceKey(.instance, "u-1"), limit: 9).map(\.frame) == ["f"])
        #expect(try store.replyBody(to: "e1") == "body")
        #expect(try store.eventState("e1") == .answered)
        let reply = try #require(try store.reply(to: "e1"))
        #expect(reply.attempts == 2 && reply.nextAttemptAt == Timestamp(milliseconds: 99) && reply.lastError == "err")
        #expect(reply.createdAt == Timestamp(milliseconds: 1) && reply.deliveredAt == nil && !reply.isFailure)
        #expect(try store.resource(ResourceKey(.instance, "u-1"))?.generation == 3)
        #expect(try store.history(of: ResourceKey(.instance, "u-1")).count == 1)
        #expect(try store.quarantined().count == 1)
    }

    private func next(_ sql: String) -> Migration {
        let version = Migrator.currentVersion + 1
        return Migration(version: version, name: "next", sql: sql)
    }

    @Test("The next migration is applied to a store with data, once")
    func next() throws {
        let all = Migration.all + [next("ALTER TABLE resource ADD COLUMN extra TEXT NOT NULL DEFAULT 'x'")]
        let store = try Store.open(path: path)
        try store.put(resource())
        try Migrator.migrate(store.connection, with: all)
        try Migrator.migrate(store.connection, with: all)
        #expect(try store.connection.rows("SELECT extra FROM resource") { $0.text(0) } == ["x"])
        #expect(try Migrator.version(of: store.connection) == Migrator.currentVersion + 1)
    }

    @Test("A migration that fails leaves the older schema, whole")
    func failedMigration() throws {
        let store = try Store.open(path: path)
        let broken = next("CREATE TABLE half (x INTEGER); INSERT INTO nowhere VALUES (1);")
        #expect(throws: StoreError.self) { try Migrator.migrate(store.connection, with: Migration.all + [broken]) }
        #expect(try Migrator.version(of: store.connection) == Migrator.currentVersion)
        #expect(try store.connection.rows("SELECT name FROM sqlite_schema WHERE name = 'half'") { $0.text(0) }.isEmpty)
        try store.put(resource())
    }

    @Test("A store made by a newer agent is refused with its version, and left as it is")
    func newer() throws {
        do {
            let connection = try Connection(path: path, mode: .readWrite)
            try connection.execute("CREATE TABLE future (x INTEGER); PRAGMA user_version = 999;")
        }
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let error = #expect(throws: StoreError.self) { _ = try Store.open(path: path) }
        #expect(error?.kind == .otherSchema(version: 999))
        #expect(error?.message.contains("999") == true && error?.message.contains("newer agent") == true)
        #expect(kind { _ = try Store.openForReading(path: path) } == .otherSchema(version: 999))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    // MARK: Broken files

    @Test("A file that is no database is unreadable", arguments: [17, 100_000])
    func garbage(_ count: Int) throws {
        let garbage = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
        try garbage.write(to: URL(fileURLWithPath: path))
        #expect(kind { _ = try Store.open(path: path) } == .unreadable)
        #expect(kind { _ = try Store.openForReading(path: path) } == .unreadable)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == garbage)
    }

    @Test("A store with damaged pages is unreadable")
    func damaged() throws {
        do {
            let store = try Store.open(path: path)
            try store.transaction {
                for number in 0..<500 { try store.insert(event("e\(number)")) }
            }
        }
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let size = try file.seekToEnd()
        for page in stride(from: UInt64(8192), to: size, by: 4096) {
            try file.seek(toOffset: page)
            try file.write(contentsOf: Data(repeating: 0xAA, count: 1024))
        }
        try file.close()
        #expect(kind { _ = try Store.open(path: path) } == .unreadable)
    }

    @Test("A file that is not there is missing for readers, and they do not make it")
    func missing() {
        #expect(kind { _ = try Store.openForReading(path: path) } == .missing)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("An empty file is shown to no reader")
    func emptyForReaders() throws {
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        #expect(kind { _ = try Store.openForReading(path: path) } == .otherSchema(version: 0))
    }

    // MARK: Others who look

    @Test("A reader beside the writer sees what was committed and nothing else, and neither waits")
    func readers() throws {
        let writer = try Store.open(path: path)
        try writer.insert(event("e1"))
        let reader = try Store.openForReading(path: path)
        #expect(try reader.openEvents().count == 1)
        try writer.transaction {
            try writer.insert(event("e2"))
            #expect(try reader.openEvents().count == 1)
        }
        #expect(try reader.openEvents().count == 2)
        // A reader in the middle of its reading keeps its picture, and the writer goes on.
        try reader.connection.execute("BEGIN")
        #expect(try reader.openEvents().count == 2)
        let started = ContinuousClock.now
        try writer.transaction { try writer.insert(event("e3")) }
        #expect(ContinuousClock.now - started < .seconds(2))
        #expect(try reader.openEvents().count == 2)
        try reader.connection.execute("COMMIT")
        #expect(try reader.openEvents().count == 3)
    }

    @Test("A reader cannot write")
    func readersDoNotWrite() throws {
        _ = try Store.open(path: path)
        let reader = try Store.openForReading(path: path)
        #expect(kind { try reader.insert(event("e1")) } == .notPermitted)
    }

    @Test("A second writer is told that the store is in use")
    func secondWriter() throws {
        let first = try Store.open(path: path)
        let second = try Store.open(path: path)
        try second.connection.execute("PRAGMA busy_timeout = 0")
        try first.transaction {
            try first.insert(event("e2"))
            #expect(kind { try second.transaction { try second.insert(event("e1")) } } == .busy)
        }
        try second.transaction { try second.insert(event("e1")) }
    }

    @Test("A store that nobody writes can be read where nothing can be written")
    func readOnlyFileSystem() throws {
        let disk = try SmallDisk(kibibytes: 4096)
        let path = disk.path + "/a?b#c%25.db"
        do {
            let store = try Store.open(path: path)
            try store.insert(event("e1"))
        }
        try disk.makeReadOnly()
        let reader = try Store.openForReading(path: path)
        #expect(try reader.openEvents().map(\.header.id) == ["e1"])
        #expect(kind { _ = try Store.open(path: path) } == .notPermitted)
    }

    @Test("An immutable opening reads any path and takes no lock", arguments: ["plain.db", "odd ?#%41 name.db"])
    func immutable(_ name: String) throws {
        let path = directory.path + "/" + name
        do { try Store.open(path: path).insert(event("e1")) }
        let writer = try Connection(path: path, mode: .readWrite)
        try writer.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;")
        let reader = try Connection(path: path, mode: .immutable)
        #expect(try reader.rows("SELECT id FROM event") { $0.text(0) } == ["e1"])
    }

    // MARK: Durability

    @Test("What was committed is in the files at once, before anything is closed or moved into the main file")
    func durable() throws {
        let store = try Store.open(path: path)
        try store.transaction { try store.insert(event("e1")) }
        let copy = directory.path + "/copy.db"
        // What a crash at this moment would leave.
        for ending in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: path + ending, toPath: copy + ending)
        }
        let recovered = try Store.open(path: copy)
        #expect(try recovered.openEvents().map(\.header.id) == ["e1"])
    }

    @Test("What was not committed is not in the files")
    func uncommitted() throws {
        let store = try Store.open(path: path)
        try store.insert(event("e1"))
        let copy = directory.path + "/copy.db"
        try store.transaction {
            for number in 0..<2000 { try store.insert(event("x\(number)")) }
            for ending in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + ending, toPath: copy + ending)
            }
        }
        #expect(try Store.open(path: copy).openEvents().map(\.header.id) == ["e1"])
    }

    @Test("A log that was cut off in the middle of a commit holds all commits before it")
    func tornLog() throws {
        let store = try Store.open(path: path)
        for number in 0..<5 { try store.transaction { try store.insert(event("e\(number)", receivedAt: number)) } }
        let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
        var counts: Set<Int> = []
        for cut in stride(from: 0, to: log.count, by: 1031) {
            let copy = directory.path + "/copy-\(cut).db"
            try FileManager.default.copyItem(atPath: path, toPath: copy)
            try log.prefix(cut).write(to: URL(fileURLWithPath: copy + "-wal"))
            guard let connection = try? Store.open(path: copy) else { Issue.record("cut at \(cut)"); continue }
            let ids = try connection.openEvents().map(\.header.id)
            #expect(ids == (0..<ids.count).map { "e\($0)" }, "cut at \(cut)")
            counts.insert(ids.count)
        }
        #expect(counts.count > 3)
    }

    @Test("Every commit is written through to the disk")
    func synchronous() throws {
        let store = try Store.open(path: path)
        #expect(try store.connection.rows("PRAGMA synchronous") { $0.integer(0) } == [2])
        #expect(try store.connection.rows("PRAGMA journal_mode") { $0.text(0) } == ["wal"])
        #expect(try store.connection.rows("PRAGMA foreign_keys") { $0.integer(0) } == [1])
    }

    @Test(
        "A full disk refuses the whole transaction, and space makes the store work again")
    func fullDisk() throws {
        let disk = try SmallDisk(kibibytes: 1024)
        let path = disk.path + "/agent.db"
        let store = try Store.open(path: path)
        try store.insert(event("e1"))
        try disk.fill()
        var row = event("e2")
        row.frame = String(repeating: "x", count: 200_000)
        let full = kind {
            try store.transaction {
                try store.insert(event("e3"))
                try store.insert(row)
            }
        }
        #expect(full == .full)
        #expect(try store.openEvents().map(\.header.id) == ["e1"])
        #expect(try Store.openForReading(path: path).openEvents().map(\.header.id) == ["e1"])
        disk.empty()
        try store.transaction { try store.insert(row) }
        #expect(try store.openEvents().count == 2)
        #expect(try store.connection.rows("PRAGMA quick_check") { $0.text(0) } == ["ok"])
    }

    @Test("A disk that fills while the log is moved into the main file loses nothing that was committed")
    func fullWhileMoving() throws {
        let disk = try SmallDisk(kibibytes: 4096)
        let path = disk.path + "/agent.db"
        let store = try Store.open(path: path)
        try store.connection.execute("PRAGMA wal_autocheckpoint = 100")
        var committed: [String] = []
        func insert(_ number: Int) throws {
            var row = event("e\(number)", receivedAt: number)
            row.frame = String(repeating: "x", count: 10_000)
            try store.transaction { try store.insert(row) }
            committed.append(row.header.id)
        }
        // The log has had its full length once: from now on it is written over, which takes no space.
        for number in 0..<60 { try insert(number) }
        try store.connection.execute("PRAGMA wal_checkpoint")
        let size = try size(of: path)
        try disk.fill()
        var refusal: StoreError.Kind?
        for number in 60..<1000 where refusal == nil { refusal = kind { try insert(number) } }
        #expect(refusal == .full)
        #expect(committed.count > 70, "the log had room")
        #expect(try self.size(of: path) < size + 10 * 10_000, "the main file could not grow with it")
        #expect(try store.openEvents().map(\.header.id) == committed)
        // What a kill at this moment would leave.
        let copy = directory.path + "/copy.db"
        for ending in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: path + ending, toPath: copy + ending)
        }
        #expect(try Store.open(path: copy).openEvents().map(\.header.id) == committed)
        disk.empty()
        for number in 1000..<1060 { try insert(number) }
        #expect(try store.openEvents().map(\.header.id) == committed)
        #expect(try store.connection.rows("PRAGMA integrity_check") { $0.text(0) } == ["ok"])
    }

    private func size(of path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }

    @Test("A store that has been opened again is another one, and the old file can be moved away before")
    func reopened() throws {
        let store = try Store.open(path: path)
        try store.insert(event("e1"))
        try store.reopen {
            for ending in ["", "-wal", "-shm"] { rename(path + ending, path + ".aside" + ending) }
            return try Store.open(path: path)
        }
        #expect(try store.openEvents().isEmpty)
        try store.insert(event("e2"))
        #expect(try Store.openForReading(path: path).openEvents().map(\.header.id) == ["e2"])
        #expect(try Store.open(path: path + ".aside").openEvents().map(\.header.id) == ["e1"])
    }

    @Test("A store cannot be made on a full disk, and says so")
    func fullFromTheStart() throws {
        let disk = try SmallDisk(kibibytes: 64)
        try disk.fill()
        #expect(kind { _ = try Store.open(path: disk.path + "/agent.db") } == .full)
    }
}
