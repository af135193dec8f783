import Glibc
import LosslessJSON

/// What a server has sent and taken, a line of JSON each, in a file that outlives the server.
///
/// A line is in the file before anything follows from it: before an event leaves, and before the answer to a message.
/// So a server that is killed and started again has taken neither more nor less than it told anybody.
///
///     {"subscribed":"1a2001"}
///     {"sent":{…},"subscribers":1}
///     {"taken":{…},"from":"A0123","at":1719835200000}
///     {"taken":{…},"from":"A0123","at":1719835200000,"objections":["…"]}
///     {"unsubscribed":"1a2001"}
final class Journal: Sendable {
    private let path: String
    private let file: Int32

    /// Opens the file, or makes it.
    ///
    /// - Throws: ``SimulatorError/badFile(_:)``.
    init(path: String) throws(SimulatorError) {
        self.path = path
        file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .badFile("\(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(file) }

    /// What an earlier server has written. A line that it was stopped in is taken away: nothing followed from it.
    ///
    /// - Throws: ``SimulatorError/badFile(_:)``.
    func entries() throws(SimulatorError) -> [JSON] {
        let bytes = try Files.read(path)
        let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        if end < bytes.count, ftruncate(file, end) != 0 {
            throw .badFile("\(path): \(String(cString: strerror(errno)))")
        }
        do {
            return try bytes[..<end].split(separator: UInt8(ascii: "\n")).map { try JSON(parsing: Array($0)) }
        } catch {
            throw .badFile("\(path): no journal: \(error)")
        }
    }

    func note(_ observation: Observation) {
        switch observation {
        case .subscribed(let subscription): append(["subscribed": .string(subscription.agentID)])
        case .unsubscribed(let subscription): append(["unsubscribed": .string(subscription.agentID)])
        case .sent(let event, let subscribers): append(["sent": event, "subscribers": .integer(subscribers)])
        case .published(let message):
            var entry: JSON = [
                "taken": message.message, "from": .string(message.accessKey),
                "at": .integer(message.arrivalMilliseconds),
            ]
            if !message.objections.isEmpty, var object = entry.object {
                object.append("objections", JSON(message.objections))
                entry = .object(object)
            }
            append(entry)
        case .registered, .containerEvent, .refused: break
        }
    }

    private func append(_ entry: JSON) {
        var rest = (entry.encoded + [UInt8(ascii: "\n")])[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Whoever reads the journal would be misled by one with a gap.
            guard count > 0 else { preconditionFailure("\(path): \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }
}
