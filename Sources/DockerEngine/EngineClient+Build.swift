import HTTPTransport
package import LosslessJSON
import NIOHTTP1

extension EngineClient {
    /// Builds an image from what the engine fetches by itself (PROTOCOL 5.10). If the caller gives up, the engine gives
    /// up, too.
    ///
    /// - Parameters:
    ///   - remote: The URL of a Git repository, or of an archive.
    ///   - tag: The name for the image.
    ///   - onProgress: Called for every object of the stream, in order; must return quickly.
    /// - Throws: ``EngineError``: `refused` if the engine did not begin; `failedInStream` if it began and failed,
    ///   `cut` if the stream broke, `timedOut` after too long a silence.
    package func buildImage(
        remote: String, tag: String, onProgress: @escaping @Sendable (JSON) -> Void
    ) async throws(EngineError) {
        var request = EngineRequest(method: .POST, path: "/build")
        request.query = [("remote", remote), ("t", tag), ("rm", "1")]
        let call = request.call
        try await work("build", request, within: deadlines.buildInactivity) { body, activity in
            try await Self.followBuild(body, call: call, activity, onProgress)
        }
    }

    private static func followBuild(
        _ body: HTTPStream, call: String, _ activity: Activity, _ onProgress: @Sendable (JSON) -> Void
    ) async throws {
        var splitter = JSONSplitter()
        while let chunk = try await body.next() {
            for object in try objects(in: chunk, &splitter, call: call) {
                activity.note()
                if let text = object["errorDetail"]["message"].nonEmptyText ?? object["error"].nonEmptyText {
                    throw EngineError(.failedInStream, text, call: call)
                }
                onProgress(object)
            }
        }
        // A cancelled iteration may end as if the stream had.
        try Task.checkCancellation()
        if splitter.isInsideValue { throw cut(call, cause: "the stream ended within an object") }
    }
}
