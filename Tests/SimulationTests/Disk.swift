import Foundation
import SimulatedEngine
import Store

/// What survives the process: the real store, in memory or in a file.
///
/// In memory what was committed stays where it is, and the rest is rolled back. In a file it is the bytes that count:
/// at the moment of the kill the files are copied as they are, in the middle of a transaction if need be, and the next
/// process opens the copy.
final class Disk {
    private(set) var store: Store
    private let directory: TemporaryDirectory?
    private var number = 0
    /// Statements until the process is killed in the middle of a transaction.
    private var fuse: Int?
    private var endsAtCommit = false
    /// The process is gone: nothing it still tries to write gets anywhere.
    private(set) var isDead = false
    /// The statement at which it was killed.
    private(set) var lastStatement = ""
    var isFull = false

    private struct Gone: Error {}

    init(inFile: Bool) throws {
        directory = inFile ? try TemporaryDirectory(inMemory: true) : nil
        store = try directory.map { try Store.open(path: $0.path + "/0.db") } ?? Store.inMemory()
        watch()
    }

    var isInFile: Bool { directory != nil }
    private func path(_ number: Int) -> String { (directory?.path ?? "") + "/\(number).db" }

    /// The process will be killed before it runs so many more statements and one.
    func light(fuse statements: Int) { fuse = statements }
    /// The process will be killed when all is written and nothing of it is final.
    func lightFuseAtCommit() { endsAtCommit = true }
    func putOutFuse() {
        fuse = nil
        endsAtCommit = false
    }

    private func watch() {
        store.connection.beforeStatement = { [unowned self] sql throws(StoreError) in try willRun(sql) }
    }

    private func willRun(_ sql: String) throws(StoreError) {
        if sql == "ROLLBACK" { return }
        if isDead { throw StoreError(.full, "the process is gone") }
        let isWriting = ["INSERT", "UPDATE", "DELETE", "COMMIT"].contains { sql.hasPrefix($0) }
        if isFull, isWriting { throw StoreError(.full, "database or disk is full") }
        let isTime = fuse == 0
        if let left = fuse, left > 0 { fuse = left - 1 }
        guard isTime || endsAtCommit && sql == "COMMIT" else { return }
        lastStatement = sql
        die()
        throw StoreError(.full, "the process is gone")
    }

    /// What is on the disk now is all that is left.
    func die() {
        putOutFuse()
        guard !isDead else { return }
        isDead = true
        if isInFile { copy(from: number, to: number + 1) }
    }

    private func copy(from old: Int, to new: Int) {
        for ending in ["", "-wal"] where FileManager.default.fileExists(atPath: path(old) + ending) {
            do {
                try FileManager.default.copyItem(atPath: path(old) + ending, toPath: path(new) + ending)
            } catch {
                preconditionFailure("the file system of the tests: \(error)")
            }
        }
    }

    /// The next process opens what the last one has left.
    func reopen() throws {
        isDead = false
        guard isInFile else { return }
        number += 1
        store = try Store.open(path: path(number))
        for ending in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path(number - 1) + ending) }
        watch()
    }

    // MARK: For planted defects

    /// Keeps what is on the disk now, to go back to it with ``goBack()``. Only with a file.
    func remember() {
        let old = directory.map { $0.path + "/old.db" } ?? ""
        for ending in ["", "-wal"] {
            try? FileManager.default.removeItem(atPath: old + ending)
            try? FileManager.default.copyItem(atPath: path(number) + ending, toPath: old + ending)
        }
    }

    /// What was written since ``remember()`` has never been written.
    func goBack() {
        let old = directory.map { $0.path + "/old.db" } ?? ""
        die()
        for ending in ["", "-wal"] {
            try? FileManager.default.removeItem(atPath: path(number + 1) + ending)
            try? FileManager.default.copyItem(atPath: old + ending, toPath: path(number + 1) + ending)
        }
    }
}
