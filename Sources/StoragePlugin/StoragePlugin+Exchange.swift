import AsyncHTTPClient
import Deadline
import Glibc
import LosslessJSON
import NIOCore
import NIOHTTP1
import URLCoding

extension StoragePlugin {
    /// The size of an answer; one is some hundred bytes long.
    static let answerLimitBytes = 1 << 20

    /// One request and its whole answer. Nothing is repeated.
    func exchange(_ call: PluginRequest, within deadline: Duration) async throws(StoragePluginError) -> PluginAnswer {
        var request = HTTPClientRequest(url: "http+unix://\(PercentCoding.encoded(socketPath))\(call.path)")
        request.method = .POST
        request.headers.add(name: "Host", value: "volume-plugin")
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: call.body.encoded))
        let (result, expired) = await Self.race(against: deadline) { [httpClient, request] in
            await Self.answer(to: request, by: httpClient)
        }
        switch result {
        case .success(let answer): return answer
        case .failure(let failure) where Self.isUnsent(failure):
            throw call.error(.unreachable, "was not made: nobody answers at \(socketPath): \(Self.text(failure))")
        case .failure where expired: throw call.error(.unknown, "was not answered within \(deadline)")
        case .failure(let failure):
            throw call.error(.unknown, "was made, and not answered to the end: \(Self.text(failure))")
        }
    }

    private static func answer(
        to request: HTTPClientRequest, by client: HTTPClient
    ) async -> Result<PluginAnswer, any Error> {
        do {
            // Ours is the only deadline: it covers the body as well.
            let response = try await client.execute(request, deadline: .distantFuture)
            let isSuccess = (200..<300).contains(response.status.code)
            let body =
                isSuccess
                ? Array(buffer: try await response.body.collect(upTo: answerLimitBytes)) : await refusalBody(response)
            return .success(PluginAnswer(status: response.status, body: body))
        } catch {
            return .failure(error)
        }
    }

    /// As much of the body of a refusal as can be had: half of it still is a refusal.
    private static func refusalBody(_ response: HTTPClientResponse) async -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await chunk in response.body {
                bytes.append(contentsOf: chunk.readableBytesView.prefix(answerLimitBytes - bytes.count))
                if bytes.count >= answerLimitBytes { break }
            }
        } catch {
            // The status has said what counts.
        }
        return bytes
    }

    /// Runs the operation until it ends or the time is over; then it is cancelled, and its end is waited for.
    private static func race(
        against deadline: Duration, _ operation: @escaping @Sendable () async -> Result<PluginAnswer, any Error>
    ) async -> (result: Result<PluginAnswer, any Error>, expired: Bool) {
        await withTaskGroup(of: Result<PluginAnswer, any Error>?.self) { group in
            group.addTask { await operation() }
            group.addTask {
                await pass(deadline)
                return nil
            }
            var expired = false
            for await end in group {
                group.cancelAll()
                if let result = end { return (result, expired) }
                expired = !Task.isCancelled
            }
            preconditionFailure("a task group ended without its operation")
        }
    }

    /// Whether the error says for certain that no connection was there to send the call on.
    ///
    /// These numbers come from making a socket and connecting it alone: a connection that was there and is lost ends
    /// with others.
    static func isUnsent(_ error: any Error) -> Bool {
        if let error = error as? HTTPClientError {
            return [.connectTimeout, .getConnectionFromPoolTimeout, .alreadyShutdown].contains(error)
        }
        guard let error = error as? IOError else { return false }
        return [
            ECONNREFUSED, ENOENT, ENOTDIR, ELOOP, EACCES, EPERM, EAGAIN, EPROTOTYPE, EMFILE, ENFILE,
        ].contains(error.errnoCode)
    }

    private static func text(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as HTTPClientError: error.shortDescription
        case is NIOTooManyBytesError: "the answer exceeds \(answerLimitBytes) bytes"
        case is CancellationError: "the call was given up"
        default: String(describing: error)
        }
    }
}
