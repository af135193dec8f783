internal import Glibc

/// The agent's memory: one SQLite file, written by one connection, readable by others at any time.
///
/// Each table has its file, `Store+<Table>.swift`, with the statements that touch it and no others.
package final class Store {
    package private(set) var connection: Connection

    /// The schema version of the file as it was found. Of one that is only looked at it may be an older one.
    package let foundVersion: Int

    /// The file as it is, where ``connection`` is a copy of it in today's form.
    private let source: Connection?

    private init(
        _ connection: Connection, of source: Connection? = nil, foundVersion: Int = Migrator.currentVersion
    ) {
        self.connection = connection
        self.source = source
        self.foundVersion = foundVersion
    }

    /// The file itself, in whatever form it was found.
    var original: Connection { source ?? connection }

    /// The name of the file within the state directory.
    package static let fileName = "agent.db"

    /// Opens the store for writing, creating or migrating it as needed.
    ///
    /// - Throws: ``StoreError``.
    package static func open(path: String) throws -> Store {
        let connection = try Connection(path: path, mode: .readWrite)
        // Before anything is written: what a newer agent has made stays as it is.
        try Migrator.checkVersion(of: connection)
        // Readers never block the writer, and a commit that returned is on the disk.
        try connection.execute("PRAGMA journal_mode = WAL")
        try connection.execute("PRAGMA synchronous = FULL")
        try connection.execute("PRAGMA foreign_keys = ON")
        // After a reader has held up the log, it shrinks again.
        try connection.execute("PRAGMA journal_size_limit = 16777216")
        let findings = try connection.rows("PRAGMA quick_check(1)") { $0.text(0) }
        guard findings == ["ok"] else {
            throw StoreError(.unreadable, "\(path): \(findings.first ?? "the integrity check said nothing")")
        }
        try Migrator.migrate(connection)
        return Store(connection)
    }

    /// Closes the file, and goes on with the store that the body opens. If it opens none, this one is of no use until
    /// the next try.
    ///
    /// - Throws: what the body throws, or ``StoreError``.
    package func reopen(_ open: () throws -> Store) throws {
        // Closing the old connection after the new one is open would take the new one's log away.
        connection = try Connection(path: ":memory:", mode: .readWrite)
        connection = try open().connection
    }

    /// A store that lives as long as the value, for tests and simulations.
    ///
    /// - Throws: ``StoreError``.
    package static func inMemory() throws -> Store { try open(path: ":memory:") }

    /// Opens the store to look at it, beside a running daemon or without one.
    ///
    /// - Throws: ``StoreError``; of kind `otherSchema` if it is empty or newer than this program.
    package static func openForReading(path: String) throws -> Store {
        func open(_ mode: Connection.Mode) throws -> (Connection, Int) {
            let connection = try Connection(path: path, mode: mode)
            return (connection, try Migrator.version(of: connection))
        }
        let (connection, version): (Connection, Int)
        let hasLog = access(path + "-wal", F_OK) == 0
        do {
            // A process that has the store open keeps a log beside it. Without one the file is complete, and to take
            // part in the locking would only leave a log and its index behind.
            (connection, version) = try open(hasLog ? .readOnly : .immutable)
        } catch let error as StoreError where error.kind == .notPermitted || error.kind == .missing {
            // Without write access to the directory SQLite cannot take part in the locking. If the file itself can be
            // read, nobody who could write it is disturbed.
            guard let opened = try? open(hasLog ? .unlocked : .immutable) else { throw error }
            (connection, version) = opened
        }
        guard version > 0, version <= Migrator.currentVersion else {
            let reason =
                version == 0
                ? "it is empty: no agent has set it up yet"
                : "it has schema version \(version), this program knows \(Migrator.currentVersion)"
            throw StoreError(.otherSchema(version: version), "\(path) cannot be shown: \(reason)")
        }
        guard version < Migrator.currentVersion else { return Store(connection) }
        // Written by an older agent, whose file is left as it is: what is shown is a copy in today's form.
        let copy = try connection.copiedIntoMemory()
        try Migrator.migrate(copy)
        return Store(copy, of: connection, foundVersion: version)
    }

    /// Frees the pages that are kept at hand; they are read again when they are needed.
    package func releaseMemory() { try? connection.execute("PRAGMA shrink_memory") }

    /// Runs the body as one transaction: all of it is on the disk when this returns, or nothing of it.
    ///
    /// - Throws: what the body throws, or ``StoreError``.
    package func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        try connection.transaction(body)
    }
}
