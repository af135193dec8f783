import Foundation
import Model
import Store
import Testing

@testable import Inspection

@Suite("Reading the state directory")
struct StoreTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func refusal() -> String {
        do throws(InspectionError) {
            _ = try directory.location.read { store throws(StoreError) in try Snapshot(of: store) }
            return "none"
        } catch {
            return error.description
        }
    }

    private func snapshot() throws -> Snapshot {
        try directory.location.read { store throws(StoreError) in try Snapshot(of: store) }
    }

    @Test("The option counts before the environment, and both before the default")
    func location() {
        let environment = ["CATTLE_STATE_DIR": "/b/"]
        #expect(StateLocation(option: "/a", environment: environment).databasePath == "/a/agent.db")
        #expect(StateLocation(option: nil, environment: environment).databasePath == "/b/agent.db")
        #expect(StateLocation(option: "", environment: [:]).databasePath == "/var/lib/rancher/state/agent.db")
        #expect(
            StateLocation(option: nil, environment: ["CATTLE_STATE_DIR": ""]).path == StateLocation.defaultPath)
    }

    @Test("Beside a writer the last commit is seen, and the writer is not disturbed")
    func besideAWriter() throws {
        let store = try directory.openStore()
        try Fixture.fill(store)
        #expect(try snapshot().resources.count == 4)
        try store.transaction {
            try store.put(Fixture.row(ResourceKey(.volume, "new"), name: "new", desired: "active", phase: "active"))
            // The writer is in the middle of it: what is not committed is not there.
            #expect(try snapshot().resources.count == 4)
        }
        #expect(try snapshot().resources.count == 5)
    }

    @Test("A reader that is looking does not hold up the writer, and sees one moment")
    func oneMoment() throws {
        let writer = try directory.openStore()
        try Fixture.fill(writer)
        try directory.location.read { store throws(StoreError) in
            #expect(try store.allResources().count == 4)
            try writer.deleteResource(Fixture.data.description)
            #expect(try store.allResources().count == 4)
        }
        #expect(try snapshot().resources.count == 3)
    }

    @Test("Without a writer the state is read as well")
    func withoutAWriter() throws {
        do { try Fixture.fill(try directory.openStore()) }
        #expect(directory.files == ["agent.db"])
        let before = try Data(contentsOf: URL(fileURLWithPath: directory.location.databasePath))
        #expect(try snapshot().resources.count == 4)
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.location.databasePath)) == before)
    }

    @Test("Reading leaves no files behind")
    func leavesNothing() throws {
        do { try Fixture.fill(try directory.openStore()) }
        _ = try snapshot()
        #expect(directory.files == ["agent.db"])
    }

    @Test("No database: the sentence says where it was looked for, and nothing is created")
    func missing() {
        #expect(
            refusal() == "No state at \(directory.path)/agent.db. Is the agent installed here? Use --state-dir or "
                + "CATTLE_STATE_DIR to say where its state directory is.")
        #expect(directory.files.isEmpty)
    }

    @Test("A file that is no database")
    func noDatabase() throws {
        let text = String(repeating: "this is no database\n", count: 100)
        try text.write(toFile: directory.location.databasePath, atomically: false, encoding: .utf8)
        #expect(refusal().hasPrefix("\(directory.path)/agent.db is no database, or it is damaged ("))
    }

    @Test("A directory in the place of the file")
    func noFile() throws {
        try FileManager.default.createDirectory(
            atPath: directory.location.databasePath, withIntermediateDirectories: false)
        #expect(refusal() == "\(directory.path)/agent.db is no file.")
    }

    @Test("An empty file")
    func empty() throws {
        try Data().write(to: URL(fileURLWithPath: directory.location.databasePath))
        #expect(refusal() == "\(directory.path)/agent.db is empty: no agent has set it up yet.")
    }

    @Test("A store of a newer agent")
    func newer() throws {
        do { try directory.openStore().connection.execute("PRAGMA user_version = 99") }
        #expect(
            refusal() == "\(directory.path)/agent.db has schema version 99 and this program knows "
                + "\(Migrator.currentVersion): use the `state` command of the agent that wrote it.")
    }

    @Test("A database of somebody else")
    func foreign() throws {
        do {
            let connection = try Connection(path: directory.location.databasePath, mode: .readWrite)
            try connection.execute("CREATE TABLE t (a); PRAGMA user_version = 1")
        }
        #expect(refusal().hasPrefix("\(directory.path)/agent.db is a database, but not one of this agent ("))
    }

    @Test("A store that is cut off")
    func damaged() throws {
        do { try Fixture.fill(try directory.openStore()) }
        let url = URL(fileURLWithPath: directory.location.databasePath)
        try Data(contentsOf: url).prefix(6000).write(to: url)
        #expect(refusal().hasPrefix("\(directory.path)/agent.db is no database, or it is damaged ("))
    }

    @Test("Every error of the store has its sentence")
    func sentences() {
        func sentence(_ kind: StoreError.Kind) -> String {
            InspectionError.of(StoreError(kind, "/x: why"), path: "/x").description
        }
        #expect(sentence(.notPermitted).hasPrefix("/x may not be read by this user."))
        #expect(sentence(.busy) == "/x is locked by another process. Try again in a moment.")
        #expect(sentence(.full) == "/x cannot be read: why.")
        #expect(sentence(.other(code: 21)) == "/x cannot be shown: why.")
    }
}
