import LosslessJSON
import NIOHTTP1

/// A whole answer of a plug-in, whatever its status.
struct PluginAnswer: Sendable {
    var status: HTTPResponseStatus
    var body: [UInt8]
}

/// One call to a plug-in: what is sent, and what the answer means (PROTOCOL 7.4).
struct PluginRequest: Sendable {
    enum Verb: String, Sendable {
        case create = "Create"
        case attach = "Attach"
        case mount = "Mount"
        case unmount = "Unmount"
        case remove = "Remove"
        case capabilities = "Capabilities"
    }

    let verb: Verb
    let volume: String
    let driver: String
    let options: [String: String]
    /// As ``StoragePlugin/heedsClientErrors``.
    let heedsClientErrors: Bool

    init(
        _ verb: Verb, volume: String, driver: String, options: [String: String] = [:], heedsClientErrors: Bool = false
    ) {
        self.verb = verb
        self.volume = volume
        self.driver = driver
        self.options = options
        self.heedsClientErrors = heedsClientErrors
    }

    var path: String { "/VolumeDriver.\(verb.rawValue)" }

    var body: JSON {
        var body = JSONObject()
        body.append("Name", .string(volume))
        if !options.isEmpty { body.append("Opts", JSON(options)) }
        return .object(body)
    }

    /// The beginning of all messages.
    private var subject: String { "\(path) '\(volume)' (driver '\(driver)')" }

    func error(_ kind: StoragePluginError.Kind, _ what: String) -> StoragePluginError {
        StoragePluginError(kind, "\(subject) \(what)")
    }

    /// The response of a call that was not refused. A plug-in says with a status from 400 to 499 that it has nothing to
    /// do for this call, which is a success with nothing in it.
    func response(in answer: PluginAnswer) throws(StoragePluginError) -> JSON {
        switch answer.status.code {
        case 200..<300:
            let json: JSON
            do {
                json = try JSON(parsing: answer.body)
            } catch {
                throw self.error(.unknown, "answered with what is no JSON: \(error)")
            }
            guard json.object != nil else { throw error(.unknown, "answered with what is no JSON object") }
            if let text = Self.errorText(json) { throw error(.refused, "failed: \(text)") }
            return json
        case 400..<500:
            if heedsClientErrors, let json = try? JSON(parsing: answer.body), Self.errorText(json) != nil {
                throw error(.refused, returned(answer))
            }
            return [:]
        default: throw error(.refused, returned(answer))
        }
    }

    /// The mount point in the answer to a mount, without which that is no success.
    func mountPoint(in answer: PluginAnswer) throws(StoragePluginError) -> String {
        let path = try response(in: answer)[anyCase: "Mountpoint"].nonEmptyText
        guard let path else {
            let why = answer.status.code >= 400 ? returned(answer) : "gave no mount point"
            throw error(.refused, why)
        }
        guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(UInt8(ascii: ":")), !path.utf8.contains(0)
        else {
            throw error(.refused, "gave a mount point that is no absolute path without a colon: '\(path)'")
        }
        return path
    }

    private func returned(_ answer: PluginAnswer) -> String {
        let json = try? JSON(parsing: answer.body)
        let text = json.flatMap { Self.errorText($0) ?? $0[anyCase: "message"].nonEmptyText }
        let status = answer.status
        return "returned status \(status.code): \(status.code) \(status.reasonPhrase)" + (text.map { ": \($0)" } ?? "")
    }

    /// What the plug-in says is wrong, even if it does not say it in a text.
    private static func errorText(_ json: JSON) -> String? {
        let value = json[anyCase: "Err"]
        return switch value {
        case .array, .object: value.encodedText
        case .null, .bool, .number, .string: value.nonEmptyText
        }
    }
}
