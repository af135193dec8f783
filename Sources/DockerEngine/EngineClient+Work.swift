import HTTPTransport
import LosslessJSON
import NIOCore
import Synchronization

extension EngineClient {
    /// Has the engine do something of which a stream tells, and reads that to its end, unless nothing new comes for too
    /// long.
    ///
    /// - Parameters:
    ///   - name: What the stream tells of, for errors.
    ///   - silence: How long nothing new may come.
    ///   - read: Reads the stream, and notes in the activity whenever something new comes.
    func work(
        _ name: String, _ request: EngineRequest, within silence: Duration,
        _ read: @escaping @Sendable (HTTPStream, Activity) async throws -> Void
    ) async throws(EngineError) {
        let start = ContinuousClock.now
        do throws(EngineError) {
            let body = try await open(request, within: silence, isObserved: false)
            defer { body.close() }
            try await Self.watched(name, call: request.call, within: silence) { try await read(body, $0) }
        } catch {
            onCall?(request.kind, ContinuousClock.now - start, error)
            throw error
        }
        onCall?(request.kind, ContinuousClock.now - start, nil)
    }

    private static func watched(
        _ work: String, call: String, within silence: Duration,
        _ read: @escaping @Sendable (Activity) async throws -> Void
    ) async throws(EngineError) {
        let activity = Activity()
        let timed = await race(against: { await activity.silence(of: silence) }) {
            do {
                try await read(activity)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        guard case .failure(let error) = timed.result else { return }
        if timed.expired {
            throw EngineError(
                .timedOut, "the Docker daemon reported no progress of the \(work) within \(silence)", call: call)
        }
        if let error = error as? EngineError { throw error }
        if error is CancellationError { throw EngineError(.cancelled, "the \(work) was given up", call: call) }
        throw Self.cut(call, cause: String(describing: error))
    }

    /// The objects that the next chunk of a stream completes.
    static func objects(
        in chunk: ByteBuffer, _ splitter: inout JSONSplitter, call: String
    ) throws(EngineError) -> [JSON] {
        do {
            return try splitter.append(Array(buffer: chunk))
        } catch {
            throw EngineError(.badAnswer, "the stream of the Docker daemon is no JSON", call: call, cause: "\(error)")
        }
    }

    static func cut(_ call: String, cause: String) -> EngineError {
        EngineError(.cut, "the stream of the Docker daemon broke off", call: call, cause: cause)
    }
}

/// When a stream last said something new.
final class Activity: Sendable {
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
