package import LosslessJSON
import NIOHTTP1

extension EngineRequest {
    static let ping = EngineRequest(method: .GET, path: "/_ping")
}

extension EngineClient {
    /// Asks whether the engine is there (`GET /_ping`).
    package func ping() async throws(EngineError) {
        let answer = try await exchange(.ping, version: nil, within: deadlines.ping, limit: Self.inspectLimitBytes)
        try check(answer, of: .ping)
    }

    /// The engine's version (`GET /version`); needs no negotiation.
    package func version() async throws(EngineError) -> JSON {
        let request = EngineRequest(method: .GET, path: "/version")
        let answer = try await exchange(
            request, version: nil, within: deadlines.ping, limit: Self.inspectLimitBytes)
        try check(answer, of: request)
        return try Self.parse(answer, of: request)
    }

    /// What the engine knows of itself and its host (`GET /info`).
    package func info() async throws(EngineError) -> JSON {
        try await json(from: EngineRequest(method: .GET, path: "/info"), within: deadlines.info)
    }
}
