import AsyncHTTPClient
import Deadline
import LosslessJSON
import NIOCore
import NIOHTTP1

/// A request as this module describes it, before version and address are put in front.
struct EngineRequest: Sendable {
    var method: HTTPMethod
    /// Percent-encoded, without version.
    var path: String
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body: JSON?

    /// For errors.
    var call: String { "\(method.rawValue) \(path)" }

    func uri(_ version: APIVersion?) -> String {
        let query = query.map { "\(Encoding.percent($0.name))=\(Encoding.percent($0.value))" }
        return (version.map { "/v\($0)" } ?? "") + path
            + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }
}

/// A whole answer of the engine, whatever its status.
struct EngineAnswer: Sendable {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: [UInt8]
}

extension EngineClient {
    /// The size of an answer that is one inspection or less.
    static let inspectLimitBytes = 8 << 20
    /// The size of an answer that lists everything on the host.
    static let listLimitBytes = 64 << 20
    /// The part of a refusal that is read.
    static let refusalLimitBytes = 1 << 20

    /// Makes a versioned call and returns the answer of an engine that did not refuse it.
    func answer(
        to request: EngineRequest, within deadline: Duration, limit: Int = inspectLimitBytes
    ) async throws(EngineError) -> EngineAnswer {
        let version = try await version(for: request.call)
        let answer = try await exchange(request, version: version, within: deadline, limit: limit)
        try check(answer, of: request)
        return answer
    }

    /// Makes a versioned call and returns the JSON of its answer.
    func json(
        from request: EngineRequest, within deadline: Duration, limit: Int = inspectLimitBytes
    ) async throws(EngineError) -> JSON {
        try Self.parse(try await answer(to: request, within: deadline, limit: limit), of: request)
    }

    static func parse(_ answer: EngineAnswer, of request: EngineRequest) throws(EngineError) -> JSON {
        do {
            return try JSON(parsing: answer.body)
        } catch {
            throw EngineError(
                .badAnswer, "the answer of the Docker daemon is no JSON", call: request.call, cause: "\(error)")
        }
    }

    /// One request and its whole answer. Nothing is repeated.
    func exchange(
        _ request: EngineRequest, version: APIVersion?, within deadline: Duration, limit: Int
    ) async throws(EngineError) -> EngineAnswer {
        let (message, ticket) = prepare(request, version)
        let timed = await race(against: { await pass(deadline) }) { [self] in
            await received(message, ticket, by: calls) { response in
                // Half a refusal still is a refusal, and too long a one may be cut.
                if response.status.code >= 400 { return await Self.refusalBody(response) }
                return Array(buffer: try await response.body.collect(upTo: limit))
            }
            .map { EngineAnswer(status: $0.status, headers: $0.headers, body: $1) }
        }
        do {
            let answer = try timed.result.get()
            noticeVersion(answer.headers)
            return answer
        } catch {
            throw failure(error, timed.expired, after: deadline, of: request)
        }
    }

    /// Sends the request and waits for the head of the answer; its body is still to come.
    func open(
        _ request: EngineRequest, within deadline: Duration
    ) async throws(EngineError) -> HTTPClientResponse {
        let version = try await version(for: request.call)
        let (message, ticket) = prepare(request, version)
        let timed = await race(against: { await pass(deadline) }) { [self] in
            await received(message, ticket, by: streams) { response in
                response.status.code >= 400 ? await Self.refusalBody(response) : []
            }
        }
        let response: HTTPClientResponse
        let body: [UInt8]
        do {
            (response, body) = try timed.result.get()
        } catch {
            throw failure(error, timed.expired, after: deadline, of: request)
        }
        noticeVersion(response.headers)
        try check(EngineAnswer(status: response.status, headers: response.headers, body: body), of: request)
        return response
    }

    private func prepare(_ request: EngineRequest, _ version: APIVersion?) -> (HTTPClientRequest, ticket: Int) {
        var message = HTTPClientRequest(url: endpoint.baseURL + request.uri(version))
        message.method = request.method
        // A unix socket has no host name, but HTTP/1.1 demands one.
        if case .unixSocket = endpoint.address { message.headers.add(name: "Host", value: "docker") }
        for (name, value) in request.headers { message.headers.add(name: name, value: value) }
        if let body = request.body {
            message.headers.add(name: "Content-Type", value: "application/json")
            message.body = .bytes(ByteBuffer(bytes: body.encoded))
        }
        let ticket = ledger.issue()
        message.headers.add(name: SendLedger.header, value: String(ticket))
        return (message, ticket)
    }

    private func received(
        _ message: HTTPClientRequest, _ ticket: Int, by client: HTTPClient,
        body: @Sendable (HTTPClientResponse) async throws -> [UInt8]
    ) async -> Result<(HTTPClientResponse, [UInt8]), TransportFailure> {
        let response: HTTPClientResponse
        do {
            // Ours is the only deadline: it covers the body as well.
            response = try await client.execute(message, deadline: .distantFuture)
            _ = ledger.withdraw(ticket)
        } catch {
            return .failure(TransportFailure(stage: ledger.withdraw(ticket) ? .sent : .notSent, cause: error))
        }
        do {
            return .success((response, try await body(response)))
        } catch {
            return .failure(TransportFailure(stage: .answering, cause: error))
        }
    }

    /// As much of the body of a refusal as can be had.
    private static func refusalBody(_ response: HTTPClientResponse) async -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await chunk in response.body {
                bytes.append(contentsOf: chunk.readableBytesView.prefix(refusalLimitBytes - bytes.count))
                if bytes.count >= refusalLimitBytes { break }
            }
        } catch {
            // The status has said what counts.
        }
        return bytes
    }

    func check(_ answer: EngineAnswer, of request: EngineRequest) throws(EngineError) {
        let status = Int(answer.status.code)
        if (200..<300).contains(status) || status == 304 { return }
        guard status >= 400 else {
            throw EngineError(
                .badAnswer, "the Docker daemon answered with status \(status)", call: request.call)
        }
        let json = try? JSON(parsing: answer.body)
        let text = json?["message"].nonEmptyText ?? Self.trimmed(answer.body) ?? answer.status.reasonPhrase
        throw EngineError(.refused(status: PodmanRefusal.status(status, json)), text, call: request.call)
    }

    private static func trimmed(_ bytes: [UInt8]) -> String? {
        let isSpace = { (byte: UInt8) in byte <= 0x20 }
        let text = bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// The error that a caller sees.
    func failure(
        _ failure: TransportFailure, _ expired: Bool, after deadline: Duration, of request: EngineRequest
    ) -> EngineError {
        let error = describe(failure, expired, after: deadline, call: request.call)
        switch error.kind {
        // The next engine that answers here may be another one.
        case .unreachable, .cut: forgetVersion()
        case .timedOut, .refused, .failedInStream, .badAnswer, .cancelled, .configuration: break
        }
        return error
    }

    private func describe(
        _ failure: TransportFailure, _ expired: Bool, after deadline: Duration, call: String
    ) -> EngineError {
        if !expired, Self.isCancellation(failure.cause) {
            return EngineError(.cancelled, "the call was given up", call: call)
        }
        let cause = expired ? "nothing within \(deadline)" : Self.text(failure.cause)
        switch failure.stage {
        case .notSent where Self.isConfiguration(failure.cause):
            return EngineError(.configuration, "the request cannot be made: \(cause)", call: call)
        case .notSent: return unreachable(call: call, cause: cause)
        case .sent, .answering:
            if expired {
                return EngineError(.timedOut, "the Docker daemon did not answer within \(deadline)", call: call)
            }
            return failure.stage == .sent
                ? EngineError(
                    .cut, "the connection to the Docker daemon was lost before it answered", call: call, cause: cause)
                : EngineError(
                    .badAnswer, "the answer of the Docker daemon could not be read to its end", call: call,
                    cause: cause)
        }
    }

    func unreachable(call: String, cause: String) -> EngineError {
        EngineError(
            .unreachable, "Cannot connect to the Docker daemon at \(endpoint). Is the docker daemon running?",
            call: call, cause: cause)
    }

    static func isCancellation(_ error: any Error) -> Bool {
        if error is CancellationError { return true }
        guard let error = error as? HTTPClientError else { return false }
        return error == .cancelled || error == .alreadyShutdown
    }

    private static func isConfiguration(_ error: any Error) -> Bool {
        guard let error = error as? HTTPClientError else { return false }
        switch error {
        case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath: return true
        default: return error.shortDescription.hasPrefix("Invalid header")
        }
    }

    static func text(_ error: any Error) -> String {
        (error as? HTTPClientError)?.shortDescription ?? String(describing: error)
    }

    /// One component of a path. An empty one or a dot would make another path of it, such as that of the list.
    static func component(_ text: String, call: String) throws(EngineError) -> String {
        guard !text.isEmpty, text != ".", text != ".." else {
            throw EngineError(.configuration, "'\(text)' is no name or id", call: call)
        }
        return Encoding.percent(text)
    }
}
