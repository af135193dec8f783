import Logging
import LosslessJSON
import NIOHTTP1
import Synchronization

extension EngineClient {
    /// The API version that calls are made in, as far as it has been negotiated.
    package var apiVersion: APIVersion? { negotiation.withLock { $0?.version } }

    /// The version to make a call in: the kept one, or a newly negotiated one.
    ///
    /// Callers that come at the same time negotiate side by side, so that none waits for another's hung attempt.
    ///
    /// - Throws: ``EngineError``. Whatever went wrong, the call itself did not happen: the kind is `unreachable`,
    ///   `cancelled` or, if the engine is too old, `configuration`.
    func version(for call: String) async throws(EngineError) -> APIVersion {
        try await negotiated(for: call).version
    }

    /// The same with all else that is known of the engine.
    ///
    /// - Throws: ``EngineError``, as above.
    func negotiated(for call: String) async throws(EngineError) -> Negotiated {
        if let kept = negotiation.withLock({ $0 }) { return kept }
        let negotiated: Negotiated
        do {
            negotiated = try await negotiate()
        } catch {
            switch error.kind {
            case .cancelled, .configuration: throw EngineError(error.kind, error.message, call: call)
            case .unreachable: throw unreachable(call: call, cause: error.cause ?? error.message)
            case .cut, .timedOut, .refused, .failedInStream, .badAnswer:
                throw unreachable(call: call, cause: "\(error.call): \(error)")
            }
        }
        let isNew = negotiation.withLock { kept in
            defer { kept = negotiated }
            return kept?.version != negotiated.version
        }
        if isNew {
            logger.debug(
                "negotiated the version of the Docker Engine API",
                metadata: [LogKey.version: "\(negotiated.version)", LogKey.engineVersion: "\(negotiated.engine)"])
        }
        return negotiated
    }

    func forgetVersion() { negotiation.withLock { $0 = nil } }

    /// Every answer tells the engine's version: another one than before means another engine.
    func noticeVersion(_ headers: HTTPHeaders) {
        guard let text = headers.first(name: "Api-Version"), let engine = APIVersion(text) else { return }
        negotiation.withLock { kept in
            if let known = kept, known.engine != engine { kept = nil }
        }
    }

    private func negotiate() async throws(EngineError) -> Negotiated {
        let ping = try await exchange(.ping, version: nil, within: deadlines.ping, limit: Self.inspectLimitBytes)
        var engine = ping.headers.first(name: "Api-Version").flatMap { APIVersion($0) }
        var engineMinimum: APIVersion?
        // A ping does not tell the oldest version, which matters if we do not just speak the engine's newest.
        if engine.map({ $0 > .newest || preferredVersion != nil }) ?? true {
            let version = try await version()
            engine = APIVersion(version["ApiVersion"].text ?? "") ?? engine
            engineMinimum = APIVersion(version["MinAPIVersion"].text ?? "")
        }
        // An engine that says nothing is older than the header and the member.
        let known = engine ?? .oldest
        guard
            let version = APIVersion.negotiated(
                preferred: preferredVersion, engine: known, engineMinimum: engineMinimum)
        else {
            throw EngineError(
                .configuration,
                "the Docker daemon at \(endpoint) speaks API version \(known); at least \(APIVersion.oldest) is needed")
        }
        let server = ping.headers.first(name: "Server") ?? ""
        return Negotiated(version: version, engine: known, isDocker: server.hasPrefix("Docker/"))
    }
}

/// The keys of this module's log metadata.
enum LogKey {
    static let version = "docker-api-version"
    static let engineVersion = "docker-engine-api-version"
}
