internal import CSQLite

/// Why the store could not do something.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What that means for whoever asked.
    package enum Kind: Sendable, Hashable {
        /// No space, or a limit of the file system.
        case full
        /// The file is no database, or damaged.
        case unreadable
        /// The file is there and may not be opened, or the file system is read-only.
        case notPermitted
        /// There is no such file.
        case missing
        /// Made by a newer version of this program, or never set up.
        case otherSchema(version: Int)
        /// Another process writes.
        case busy
        /// Anything else, such as a violated constraint.
        case other(code: Int32)
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    static func of(_ code: Int32, _ message: String) -> StoreError {
        let kind: Kind =
            switch code & 0xFF {
            // There is less in the file than there was, or something else.
            case SQLITE_IOERR where [ioShortRead, ioData, ioCorruptFileSystem].contains(code): .unreadable
            // Without space the write-ahead log cannot grow, which SQLite reports as an input/output error.
            case SQLITE_FULL, SQLITE_IOERR: .full
            case SQLITE_CORRUPT, SQLITE_NOTADB: .unreadable
            case SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH: .notPermitted
            case SQLITE_CANTOPEN: .missing
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            default: .other(code: code)
            }
        return StoreError(kind, message)
    }

    // SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_DATA and SQLITE_IOERR_CORRUPTFS: sums, which Swift does not import.
    private static let ioShortRead = SQLITE_IOERR | 2 << 8
    private static let ioData = SQLITE_IOERR | 32 << 8
    private static let ioCorruptFileSystem = SQLITE_IOERR | 33 << 8
}
