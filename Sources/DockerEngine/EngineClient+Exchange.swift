import HTTPTransport
import LosslessJSON
import NIOCore
import NIOHTTP1
import URLCoding

/// A request as this module describes it, before version and address are put in front.
struct EngineRequest: Sendable {
    var method: HTTPMethod
    /// Percent-encoded, without version.
    var path: String
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body: JSON?
    /// 304 says that it is so already; to any other call it says nothing.
    var mayBeSoAlready = false

    /// For errors.
    var call: String { "\(method.rawValue) \(path)" }

    /// Of which there are only so many: without ids and names.
    var kind: String {
        let parts = path.split(separator: "/")
        guard parts.count > 1, let last = parts.last, Self.actions.contains(last) else {
            return "\(method.rawValue) \(parts.first ?? "")"
        }
        return "\(method.rawValue) \(parts[0])/\(last)"
    }

    private static let actions: Set<Substring> = ["create", "json", "start", "stop", "kill", "tag"]

    func uri(_ version: APIVersion?) -> String {
        let query = query.map { "\(PercentCoding.encoded($0.name))=\(PercentCoding.encoded($0.value))" }
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

    /// One request and its whole answer.
    func exchange(
        _ request: EngineRequest, version: APIVersion?, within deadline: Duration, limit: Int
    ) async throws(EngineError) -> EngineAnswer {
        let start = ContinuousClock.now
        let result = await transport.whole(message(request, version), within: deadline, limit: limit)
        let reply = try got(result, of: request, within: deadline, since: start)
        return EngineAnswer(status: reply.head.status, headers: reply.head.headers, body: reply.body)
    }

    /// Sends the request and waits for the head of the answer; its body is still to come. Who has it closes it.
    ///
    /// - Parameter isObserved: Whether the observer of calls hears of it here; otherwise from who reads the body.
    func open(
        _ request: EngineRequest, within deadline: Duration, isObserved: Bool = true
    ) async throws(EngineError) -> HTTPStream {
        let version = try await version(for: request.call)
        let start = ContinuousClock.now
        let result = await transport.stream(message(request, version), within: deadline)
        let reply = try got(result, of: request, within: deadline, since: start, isObserved: isObserved)
        do throws(EngineError) {
            try check(
                EngineAnswer(status: reply.head.status, headers: reply.head.headers, body: reply.body), of: request)
        } catch {
            reply.stream?.close()
            throw error
        }
        guard let stream = reply.stream else {
            throw EngineError(.badAnswer, "the Docker daemon answered with nothing", call: request.call)
        }
        return stream
    }

    private func got(
        _ result: Result<HTTPReply, TransportFailure>, of request: EngineRequest, within deadline: Duration,
        since start: ContinuousClock.Instant, isObserved: Bool = true
    ) throws(EngineError) -> HTTPReply {
        let onCall = isObserved ? onCall : nil
        let reply: HTTPReply
        do {
            reply = try result.get()
        } catch {
            let error = failure(error, after: deadline, of: request)
            onCall?(request.kind, ContinuousClock.now - start, error)
            throw error
        }
        if let onCall {
            let status = Int(reply.head.status.code)
            let refusal =
                status >= 400
                ? EngineError(.refused(status: status), reply.head.status.reasonPhrase, call: request.call) : nil
            onCall(request.kind, ContinuousClock.now - start, refusal)
        }
        noticeVersion(reply.head.headers)
        return reply
    }

    private func message(_ request: EngineRequest, _ version: APIVersion?) -> HTTPRequest {
        var headers: HTTPHeaders = ["Host": endpoint.host]
        for (name, value) in request.headers { headers.add(name: name, value: value) }
        if request.body != nil { headers.add(name: "Content-Type", value: "application/json") }
        return HTTPRequest(
            method: request.method, uri: request.uri(version), headers: headers,
            body: request.body.map { ByteBuffer(bytes: $0.encoded) })
    }

    func check(_ answer: EngineAnswer, of request: EngineRequest) throws(EngineError) {
        let status = Int(answer.status.code)
        if (200..<300).contains(status) || status == 304 && request.mayBeSoAlready { return }
        guard status >= 400 else {
            throw EngineError(
                .badAnswer, "the Docker daemon answered with status \(status)", call: request.call)
        }
        let json = try? JSON(parsing: answer.body)
        // A page for people comes from somebody between, and says nothing of what the engine has.
        guard status != 404 || answer.body.first(where: { $0 > 0x20 }) != UInt8(ascii: "<") else {
            throw EngineError(
                .badAnswer, "somebody else than the Docker daemon answered that there is nothing", call: request.call)
        }
        let text = json?["message"].nonEmptyText ?? Self.trimmed(answer.body) ?? answer.status.reasonPhrase
        throw EngineError(.refused(status: PodmanRefusal.status(status, json)), text, call: request.call)
    }

    private static func trimmed(_ bytes: [UInt8]) -> String? {
        let isSpace = { (byte: UInt8) in byte <= 0x20 }
        let text = bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// The error that a caller sees.
    func failure(_ failure: TransportFailure, after deadline: Duration, of request: EngineRequest) -> EngineError {
        let error = describe(failure, after: deadline, call: request.call)
        switch error.kind {
        // The next engine that answers here may be another one.
        case .unreachable, .cut: forgetVersion()
        case .timedOut, .refused, .failedInStream, .badAnswer, .cancelled, .configuration: break
        }
        return error
    }

    private func describe(_ failure: TransportFailure, after deadline: Duration, call: String) -> EngineError {
        let cause: String
        switch failure.cause {
        case .cancelled: return EngineError(.cancelled, "the call was given up", call: call)
        case .expired where failure.stage != .notSent:
            return EngineError(.timedOut, "the Docker daemon did not answer within \(deadline)", call: call)
        case .expired: cause = "nothing within \(deadline)"
        case .error(let error): cause = String(describing: error)
        }
        switch failure.stage {
        case .notSent: return unreachable(call: call, cause: cause)
        case .sent:
            return EngineError(
                .cut, "the connection to the Docker daemon was lost before it answered", call: call, cause: cause)
        case .answering:
            return EngineError(
                .badAnswer, "the answer of the Docker daemon could not be read to its end", call: call, cause: cause)
        }
    }

    func unreachable(call: String, cause: String) -> EngineError {
        EngineError(
            .unreachable, "Cannot connect to the Docker daemon at \(endpoint). Is the docker daemon running?",
            call: call, cause: cause)
    }

    /// One component of a path. An empty one or a dot would make another path of it, such as that of the list.
    static func component(_ text: String, call: String) throws(EngineError) -> String {
        guard !text.isEmpty, text != ".", text != ".." else {
            throw EngineError(.configuration, "'\(text)' is no name or id", call: call)
        }
        return PercentCoding.encoded(text)
    }
}
