internal import CSQLite
internal import FoundationEssentials

/// A value as SQLite keeps it.
package enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int)
    case text(String)
    /// A text as it is stored, which may be none that can be read.
    case bytes([UInt8])
}

extension SQLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral {
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
    package init(_ integer: Int?) { self = integer.map(SQLValue.integer) ?? .null }
}

/// One open database. Belongs to one thread at a time; statements are prepared once and kept.
package final class Connection {
    /// How a database is opened.
    package enum Mode: Sendable, Hashable {
        case readWrite
        /// Beside the daemon: sees the last committed state, writes nothing, blocks nobody. The index of the log has to be
        /// there; one that was left by a daemon which is gone is not trusted, and not touched.
        case readOnly
        /// On a file system that cannot be written at all: no lock is taken, so only for a database nobody writes.
        case immutable
        /// The same for a database that was left with a log beside it, whose index can be neither read nor made: the log
        /// counts, and its index is kept in memory.
        case unlocked
    }

    private let handle: OpaquePointer
    private let path: String
    private var statements: [String: OpaquePointer] = [:]
    /// A transaction has been asked for, and nothing of it has come to the database yet.
    private var isTransactionDue = false
    /// Hears of every statement before it is run; what it throws becomes the end of the statement. For tests, which
    /// let the disk fail, or the process end, at any of them.
    package var beforeStatement: ((String) throws(StoreError) -> Void)?

    /// Opens the file; in ``Mode/readWrite`` it is created if missing.
    ///
    /// - Throws: ``StoreError``.
    package init(path: String, mode: Mode) throws(StoreError) {
        var opened: OpaquePointer?
        let flags: Int32 =
            switch mode {
            case .readWrite: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readOnly, .immutable, .unlocked: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            }
        let name =
            switch mode {
            case .readWrite: path
            case .readOnly: "file:\(Self.uriPath(path))?readonly_shm=1"
            case .immutable: "file:\(Self.uriPath(path))?immutable=1"
            case .unlocked: "file:\(Self.uriPath(path))?vfs=unix-none"
            }
        let code = sqlite3_open_v2(name, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard let opened, code == SQLITE_OK else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
            sqlite3_close_v2(opened)
            throw Self.failure(code, "\(path): \(message)", path)
        }
        handle = opened
        self.path = path
        sqlite3_busy_timeout(handle, 5000)
        // Who is alone with a database needs no index that others can see.
        if mode == .unlocked { sqlite3_exec(handle, "PRAGMA locking_mode = EXCLUSIVE", nil, nil, nil) }
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    private static func uriPath(_ path: String) -> String {
        var escaped = ""
        for character in path {
            switch character {
            case "?": escaped += "%3f"
            case "#": escaped += "%23"
            case "%": escaped += "%25"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    /// Runs statements that take no values and whose rows nobody needs.
    ///
    /// - Throws: ``StoreError``.
    package func execute(_ sql: String) throws(StoreError) {
        try beginIfDue()
        try executeAlone(sql)
    }

    private func executeAlone(_ sql: String) throws(StoreError) {
        try beforeStatement?(sql)
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        if code != SQLITE_OK { throw failure(code) }
    }

    /// Runs one statement for its effect.
    ///
    /// - Throws: ``StoreError``.
    package func run(_ sql: String, _ values: SQLValue...) throws(StoreError) {
        let statement = try bound(sql, values)
        defer { sqlite3_reset(statement) }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: continue
            case SQLITE_DONE: return
            case let code: throw failure(code)
            }
        }
    }

    /// Runs one statement and reads its rows. A row that `read` cannot make sense of is `nil` and left out.
    ///
    /// - Throws: ``StoreError``.
    package func rows<Element>(
        _ sql: String, _ values: SQLValue..., read: (borrowing Row) -> Element?
    ) throws(StoreError) -> [Element] {
        let statement = try bound(sql, values)
        defer { sqlite3_reset(statement) }
        var elements: [Element] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: if let element = read(Row(statement: statement)) { elements.append(element) }
            case SQLITE_DONE: return elements
            case let code: throw failure(code)
            }
        }
    }

    /// Runs the body between BEGIN and COMMIT; whatever it throws undoes all of it. Nothing is locked before the body's
    /// first statement, nor at all if it has none.
    ///
    /// - Throws: what the body throws, or ``StoreError``.
    package func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        isTransactionDue = true
        do {
            let result = try body()
            if !isTransactionDue { try executeAlone("COMMIT") }
            isTransactionDue = false
            return result
        } catch {
            // After some errors SQLite has rolled back by itself, and says so here.
            if !isTransactionDue { try? executeAlone("ROLLBACK") }
            isTransactionDue = false
            throw error
        }
    }

    /// Before the first statement of a transaction.
    private func beginIfDue() throws(StoreError) {
        guard isTransactionDue else { return }
        isTransactionDue = false
        do {
            try executeAlone("BEGIN IMMEDIATE")
        } catch {
            // The next statement shall fail as well, and not run on its own.
            isTransactionDue = true
            throw error
        }
    }

    /// A copy of the whole database in memory.
    ///
    /// - Throws: ``StoreError``.
    package func copiedIntoMemory() throws(StoreError) -> Connection {
        let copy = try Connection(path: ":memory:", mode: .readWrite)
        guard let backup = sqlite3_backup_init(copy.handle, "main", handle, "main") else {
            throw copy.failure(sqlite3_errcode(copy.handle))
        }
        // All of it in one step: nobody else can change it meanwhile.
        let code = sqlite3_backup_step(backup, -1)
        sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE else {
            throw Self.failure(code, "\(path) cannot be copied: " + String(cString: sqlite3_errstr(code)), path)
        }
        return copy
    }

    /// How many rows the last statement changed.
    package var changes: Int { Int(sqlite3_changes64(handle)) }

    private func bound(_ sql: String, _ values: [SQLValue]) throws(StoreError) -> OpaquePointer {
        try beginIfDue()
        try beforeStatement?(sql)
        let statement = try prepared(sql)
        for (index, value) in values.enumerated() {
            let position = Int32(index + 1)
            let code =
                switch value {
                case .null: sqlite3_bind_null(statement, position)
                case .integer(let integer): sqlite3_bind_int64(statement, position, Int64(integer))
                case .text(let text):
                    sqlite3_bind_text64(
                        statement, position, text, sqlite3_uint64(text.utf8.count), Self.copied, UInt8(SQLITE_UTF8))
                case .bytes(let bytes):
                    // With a byte more than counts: without any there is no address, and no address means null.
                    (bytes + [0]).withUnsafeBytes { buffer in
                        sqlite3_bind_text64(
                            statement, position, buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                            sqlite3_uint64(bytes.count), Self.copied, UInt8(SQLITE_UTF8))
                    }
                }
            if code != SQLITE_OK { throw failure(code) }
        }
        return statement
    }

    /// SQLITE_TRANSIENT, a cast that Swift does not import: SQLite makes its own copy.
    private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    private func prepared(_ sql: String) throws(StoreError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard let statement, code == SQLITE_OK else { throw failure(code) }
        statements[sql] = statement
        return statement
    }

    private func failure(_ code: Int32) -> StoreError {
        Self.failure(code, String(cString: sqlite3_errmsg(handle)), path)
    }

    /// SQLite says of a file that may not be opened what it says of one that is not there.
    private static func failure(_ code: Int32, _ message: String, _ path: String) -> StoreError {
        let error = StoreError.of(code, message)
        guard error.kind == .missing, FileManager.default.fileExists(atPath: path) else { return error }
        return StoreError(.notPermitted, message)
    }
}

/// One row of a result, for as long as it is being read. Columns count from 0.
package struct Row: ~Copyable {
    fileprivate let statement: OpaquePointer

    /// The text; empty for null.
    package func text(_ column: Int) -> String {
        guard let bytes = sqlite3_column_text(statement, Int32(column)) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// The text as it is stored, whether it can be read or not.
    package func bytes(_ column: Int) -> [UInt8] {
        guard let bytes = sqlite3_column_text(statement, Int32(column)) else { return [] }
        return Array(UnsafeBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, Int32(column)))))
    }

    /// The whole number; 0 for null.
    package func integer(_ column: Int) -> Int { Int(sqlite3_column_int64(statement, Int32(column))) }

    package func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }

    package func optionalInteger(_ column: Int) -> Int? { isNull(column) ? nil : integer(column) }

    private func isNull(_ column: Int) -> Bool { sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL }
}
