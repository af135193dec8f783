import Foundation
import Model
import Store

/// The agent's store as a process that was killed has left it: looked at in a copy, so that nothing is healed by looking.
struct StoreAtRest {
    /// `instance creating` and the like of every resource that is on its way.
    let underWay: [String]
    let openEvents: Int
    /// Of the open events those about no resource.
    let openQuestions: Int
    let undeliveredAnswers: Int
    let quarantined: [String]
    /// `ok`, or what is wrong with the file.
    let integrity: String

    init(stateDirectory: String) throws {
        let directory = NSTemporaryDirectory() + "store-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for ending in ["", "-wal"] {
            let name = "/\(Store.fileName)\(ending)"
            guard FileManager.default.fileExists(atPath: stateDirectory + name) else { continue }
            try FileManager.default.copyItem(atPath: stateDirectory + name, toPath: directory + name)
        }
        let connection = try Connection(path: "\(directory)/\(Store.fileName)", mode: .readWrite)
        integrity = try connection.rows("PRAGMA integrity_check") { $0.text(0) }.joined(separator: "; ")
        guard try Migrator.version(of: connection) > 0 else {
            // Killed before there was anything.
            (underWay, openEvents, openQuestions, undeliveredAnswers, quarantined) = ([], 0, 0, 0, [])
            return
        }
        let store = try Store.openForReading(path: "\(directory)/\(Store.fileName)")
        underWay = try store.unsettledResources().map { "\($0.key.kind.rawValue) \($0.phase)" }
        let open = try store.openEvents()
        openEvents = open.count
        openQuestions = open.count { $0.key == nil }
        undeliveredAnswers = try store.undeliveredReplies().count
        quarantined = try store.quarantined().map { "\($0.source) \($0.name): \($0.error)" }
    }

    /// What the next process has to take up.
    var unfinished: Int { underWay.count + openQuestions + undeliveredAnswers }

    /// The places in which whoever was killed was hit; more than one, as much goes on side by side.
    var places: Set<String> {
        var places = Set(underWay)
        if openQuestions > 0 { places.insert("question open") }
        if undeliveredAnswers > 0 { places.insert("answer under way") }
        return places.isEmpty ? ["nothing under way"] : places
    }
}
