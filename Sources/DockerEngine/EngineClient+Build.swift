import AsyncHTTPClient
package import LosslessJSON
import NIOCore
import NIOHTTP1
import Synchronization

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
        let response = try await open(request, within: deadlines.buildInactivity)
        let call = request.call
        let silence = deadlines.buildInactivity
        let last = LastSign()
        let timed = await race(against: { await last.silence(of: silence) }) {
            do {
                try await Self.followBuild(response.body, call: call, last, onProgress)
                return .success(())
            } catch {
                return .failure(TransportFailure(stage: .answering, cause: error))
            }
        }
        guard case .failure(let failure) = timed.result else { return }
        if timed.expired {
            throw EngineError(
                .timedOut, "the Docker daemon reported no progress of the build within \(silence)", call: call)
        }
        if let error = failure.cause as? EngineError { throw error }
        if Self.isCancellation(failure.cause) { throw EngineError(.cancelled, "the build was given up", call: call) }
        throw Self.cut(call, cause: Self.text(failure.cause))
    }

    private static func followBuild(
        _ body: HTTPClientResponse.Body, call: String, _ last: LastSign, _ onProgress: @Sendable (JSON) -> Void
    ) async throws {
        var splitter = JSONSplitter()
        for try await chunk in body {
            last.note()
            for object in try objects(in: chunk, &splitter, call: call) {
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

/// When a stream last said something.
private final class LastSign: Sendable {
    private let last = Mutex(ContinuousClock.now)

    func note() { last.withLock { $0 = .now } }

    /// Returns when nothing was heard for the duration, or when the task is cancelled.
    func silence(of duration: Duration) async {
        while !Task.isCancelled {
            let end = last.withLock { $0 } + duration
            if end <= .now { return }
            try? await Task.sleep(until: end, clock: .continuous)
        }
    }
}
