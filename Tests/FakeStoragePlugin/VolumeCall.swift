internal import LosslessJSON

/// The calls of the volume plug-in protocol that the agent makes.
package enum VolumeVerb: String, Sendable, Hashable {
    case create = "Create"
    case attach = "Attach"
    case mount = "Mount"
    case unmount = "Unmount"
    case remove = "Remove"
    case capabilities = "Capabilities"
}

/// A call as it arrived at the plug-in.
package struct VolumeCall: Sendable, Hashable, CustomStringConvertible {
    /// The last part of the path, such as `Mount`.
    package let verb: String
    /// The `Name` of the body; empty if there is none.
    package let volume: String
    /// The `Opts` of the body.
    package let options: [String: String]
    /// Method and path, such as `POST /VolumeDriver.Mount`.
    package let requestLine: String
    /// By names in lower case.
    package let headers: [String: String]
    package let body: String

    package var description: String { "\(verb) \(volume)" }

    init(method: String, path: String, headers: [String: String], body: [UInt8]) {
        requestLine = "\(method) \(path)"
        self.headers = headers
        self.body = String(decoding: body, as: UTF8.self)
        let prefix = "/VolumeDriver."
        verb = path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
        let json = (try? JSON(parsing: body)) ?? .null
        volume = json["Name"].text ?? ""
        options = (json["Opts"].object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.text ?? "" }
    }
}

/// What a plug-in does instead of answering a call as it should.
package enum PluginFault: Sendable, Hashable {
    /// Does nothing and answers with this in `Err`.
    case error(String)
    /// Does nothing and answers with this status and body.
    case status(Int, body: String = "")
    /// Does the work and answers 200 with this body.
    case answer(String)
    /// Never answers.
    case hang(isDone: Bool)
    /// Sends half of the body of the answer and closes the connection.
    case cut(isDone: Bool, status: Int = 200)
    /// Closes the connection without an answer.
    case close(isDone: Bool)
    /// Waits, then does the work and answers, even if nobody waits for it any more.
    case delay(milliseconds: Int)
}
