package import Store

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The directory in which the agent keeps its state.
package struct StateLocation: Sendable, Hashable {
    /// Where it is when nobody says anything else.
    package static let defaultPath = "/var/lib/rancher/state"

    /// The directory.
    package let path: String

    /// Takes what the command line says, else `CATTLE_STATE_DIR`, else ``defaultPath``. Empty texts count as not given.
    package init(option: String?, environment: [String: String]) {
        let given = [option, environment["CATTLE_STATE_DIR"]].compactMap { $0 }.first { !$0.isEmpty }
        path = given ?? Self.defaultPath
    }

    /// The file in it that is the store.
    package var databasePath: String { path.hasSuffix("/") ? path + Store.fileName : path + "/" + Store.fileName }

    /// Looks at the store, beside a running daemon or without one, and never writes to it.
    ///
    /// - Throws: ``InspectionError``.
    package func read<Result>(_ body: (Store) throws(StoreError) -> Result) throws(InspectionError) -> Result {
        let file = databasePath
        try check(file)
        // Without a log beside it the file belongs to nobody and is read without locks. If a daemon has started and
        // written meanwhile, what was read is worth nothing; then there is a log, and the second look is a safe one.
        let stamp = Stamp(of: file + "-wal") == nil ? Stamp(of: file) : nil
        let result = Swift.Result { () throws(InspectionError) in try look(at: file, body) }
        if let stamp, Stamp(of: file) != stamp { return try look(at: file, body) }
        return try result.get()
    }

    /// The same for a body that hands on what it reads at once, so that it cannot be run twice. What it reads is not all
    /// of one moment: nothing is held while it does something else.
    ///
    /// - Throws: ``InspectionError``, also if an agent has begun to write meanwhile: then what was read is worth nothing.
    package func readOnce(_ body: (Store) throws(StoreError) -> Void) throws(InspectionError) {
        let file = databasePath
        try check(file)
        let stamp = Stamp(of: file + "-wal") == nil ? Stamp(of: file) : nil
        let store = try open(file)
        do throws(StoreError) {
            try body(store)
        } catch {
            throw .of(error, path: file)
        }
        if let stamp, Stamp(of: file) != stamp {
            throw InspectionError(
                "An agent began to write \(file) while it was read: what was printed may be wrong. Run the command again."
            )
        }
    }

    /// How long a file beside the database is, or the database itself; 0 if it is not there.
    func fileBytes(_ ending: String) -> Int {
        var status = stat()
        return stat(databasePath + ending, &status) == 0 ? Int(status.st_size) : 0
    }

    private func look<Result>(
        at file: String, _ body: (Store) throws(StoreError) -> Result
    ) throws(InspectionError) -> Result {
        let store = try open(file)
        do throws(StoreError) {
            return try store.atOneMoment(body)
        } catch {
            throw .of(error, path: file)
        }
    }

    private func open(_ file: String) throws(InspectionError) -> Store {
        do {
            return try Store.openForReading(path: file)
        } catch let error as StoreError {
            throw .of(error, path: file)
        } catch {
            throw InspectionError("\(file) cannot be shown: \(error).")
        }
    }

    /// SQLite has one word for all that may be wrong with a path; the system has more. The file is not opened for this:
    /// closing it again would take away the locks of a store that is open in the same process.
    private func check(_ file: String) throws(InspectionError) {
        guard access(file, R_OK) != 0 else {
            var status = stat()
            guard stat(file, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
                throw InspectionError("\(file) is no file.")
            }
            return
        }
        switch errno {
        case ENOENT, ENOTDIR: throw .missing(file)
        case EACCES, EPERM: throw .notPermitted(file)
        case let code: throw InspectionError("\(file) cannot be read: \(String(cString: strerror(code))).")
        }
    }
}

/// What tells whether a file was written since it was last looked at.
private struct Stamp: Equatable {
    private let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    /// `nil` if there is no such file.
    init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

extension Store {
    /// Reads all from the same commit, however much is written meanwhile. Takes no lock that a writer would wait for.
    func atOneMoment<Result>(_ body: (Store) throws(StoreError) -> Result) throws(StoreError) -> Result {
        try connection.execute("BEGIN")
        // Nothing was written, so nothing can be lost here.
        defer { try? connection.execute("COMMIT") }
        return try body(self)
    }
}
