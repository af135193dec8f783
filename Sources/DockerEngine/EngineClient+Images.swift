import HTTPTransport
package import LosslessJSON
import NIOHTTP1
import URLCoding

extension EngineClient {
    /// The inspection of an image, by reference or id.
    package func inspectImage(_ reference: String) async throws(EngineError) -> JSON {
        try await json(from: try Self.image(.GET, reference, "/json"), within: deadlines.imageInspect)
    }

    /// Gives an image another name.
    package func tagImage(_ reference: String, repo: String, tag: String) async throws(EngineError) {
        var request = try Self.image(.POST, reference, "/tag")
        request.query = [("repo", repo), ("tag", tag)]
        _ = try await answer(to: request, within: deadlines.imageTag)
    }

    /// Removes a name of an image, and the image with its last name.
    ///
    /// - Parameters:
    ///   - reference: The name to remove, or the image's id.
    ///   - force: Even if stopped containers use it or it has several names.
    ///   - noPrune: Keep its parents that have no name.
    package func removeImage(_ reference: String, force: Bool, noPrune: Bool) async throws(EngineError) {
        var request = try Self.image(.DELETE, reference, "")
        if force { request.query.append(("force", "1")) }
        if noPrune { request.query.append(("noprune", "1")) }
        _ = try await answer(to: request, within: deadlines.imageRemove)
    }

    /// Pulls an image (PROTOCOL.md, section 8). If the caller gives up, the engine gives up, too.
    ///
    /// - Parameters:
    ///   - name: See ``ImageReference/familiarName``.
    ///   - tag: A tag or digest; see ``ImageReference/pullTag``.
    ///   - onProgress: Called for every object of the stream, in order; must return quickly.
    /// - Throws: ``EngineError``: `refused` if the engine did not begin, with status 401 if it is about the login;
    ///   `failedInStream` if it began and failed, `cut` if the stream broke, `timedOut` after too long a silence.
    package func pullImage(
        name: String, tag: String, auth: RegistryAuth?, onProgress: @escaping @Sendable (JSON) -> Void
    ) async throws(EngineError) {
        var request = EngineRequest(method: .POST, path: "/images/create")
        request.query = [("fromImage", name), ("tag", tag)]
        if let auth { request.headers.append(("X-Registry-Auth", auth.headerValue)) }
        let call = request.call
        do throws(EngineError) {
            try await work("pull", request, within: deadlines.pullInactivity) { body, activity in
                try await Self.follow(body, call: call, activity, onProgress)
            }
        } catch {
            throw Self.judged(error)
        }
    }

    /// The engine answers 500 where the registry has refused the login: only the text tells. That is a 401 in truth.
    private static func judged(_ error: EngineError) -> EngineError {
        guard error.status == 500, isAboutLogin(error.message) else { return error }
        return EngineError(.refused(status: 401), error.message, call: error.call, cause: error.cause)
    }

    private static func isAboutLogin(_ text: String) -> Bool {
        // The last one is what is said where containerd keeps the images.
        let words = ["unauthorized:", "no basic auth credentials", "authentication required", "401 Unauthorized"]
        return words.contains { text.contains($0) }
    }

    private static func follow(
        _ body: HTTPStream, call: String, _ activity: Activity, _ onProgress: @Sendable (JSON) -> Void
    ) async throws {
        var splitter = JSONSplitter()
        var hasBegun = false
        var repetition = Repetition()
        while let chunk = try await body.next() {
            let objects = try objects(in: chunk, &splitter, call: call)
            for object in objects {
                if repetition.isNew(object) { activity.note() }
                if let error = pullError(object) {
                    // Podman answers 200 before it has asked the registry.
                    let isRefusal = !hasBegun && isAboutLogin(error)
                    throw EngineError(isRefusal ? .refused(status: 401) : .failedInStream, error, call: call)
                }
                hasBegun = true
                onProgress(object)
            }
        }
        // A cancelled iteration may end as if the stream had.
        try Task.checkCancellation()
        if splitter.isInsideValue { throw cut(call, cause: "the stream ended within an object") }
    }

    private static func pullError(_ object: JSON) -> String? {
        if let text = object["errorDetail"]["message"].nonEmptyText ?? object["error"].nonEmptyText { return text }
        return object["error"].isNull && object["errorDetail"].isNull ? nil : "unknown error"
    }

    private static func image(
        _ method: HTTPMethod, _ reference: String, _ tail: String
    ) throws(EngineError) -> EngineRequest {
        // Slashes stay, as the engine's own client leaves them; what lies between must not change the path.
        let parts = reference.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            throw EngineError(
                .configuration, "'\(reference)' is no image reference",
                call: "\(method.rawValue) /images/{name}\(tail)")
        }
        let name = PercentCoding.encoded(reference, keeping: "/:@")
        return EngineRequest(method: method, path: "/images/\(name)\(tail)")
    }
}

/// Tells what is new in the stream of a pull from what is only said again: an engine whose images containerd keeps says
/// every moment how far each layer is, also when nothing comes any more.
private struct Repetition {
    private static let limit = 1024
    private var last: [String: JSON] = [:]

    mutating func isNew(_ object: JSON) -> Bool {
        let layer = object["id"].text ?? ""
        guard last[layer] != object else { return false }
        if last.count >= Self.limit { last.removeAll() }
        last[layer] = object
        return true
    }
}
