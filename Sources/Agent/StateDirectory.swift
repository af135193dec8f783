internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Store

/// The directory that holds everything the agent remembers. One process at a time.
struct StateDirectory: Sendable {
    let path: String
    /// Kept open, and with it the lock, until the process ends.
    private let lock: Int32

    /// Makes the directory if needed and locks it.
    ///
    /// - Throws: ``AgentFault``.
    init(path: String) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw AgentFault("The state directory \(path) cannot be made: \(error)")
        }
        lock = open(path + "/agent.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            throw AgentFault("The state directory \(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw AgentFault("Another agent uses the state directory \(path). One host runs one agent.")
        }
    }

    /// Opens the store. A file that cannot be read is moved aside: the containers are found again by their labels.
    ///
    /// - Throws: ``AgentFault`` for a store of a newer agent, which must not be touched, and when even a new one
    ///   cannot be made.
    func openStore(_ logger: Logger) throws -> Store {
        let file = "\(path)/\(Store.fileName)"
        umask(0o077)
        do {
            return try Store.open(path: file)
        } catch let error as StoreError where error.kind == .unreadable {
            let aside = "\(file).unreadable-\(Int(Date().timeIntervalSince1970))"
            logger.error(
                "the database cannot be read and is moved aside; a new one is made, and containers are found again by label",
                metadata: ["error": "\(error)", "aside": "\(aside)"])
            for ending in ["", "-wal", "-shm"] where rename(file + ending, aside + ending) != 0 && ending.isEmpty {
                throw AgentFault("\(file) cannot be moved aside: \(String(cString: strerror(errno)))")
            }
            do {
                return try Store.open(path: file)
            } catch {
                throw AgentFault("No new database can be made at \(file): \(error)")
            }
        } catch {
            throw AgentFault("The database \(file) cannot be opened: \(error)")
        }
    }
}
