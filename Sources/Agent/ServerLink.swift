internal import Logging
internal import Model
internal import RancherAPI
internal import Reconciler
private import Runtime
internal import Synchronization

/// The way to the server for everything that is sent there. Open as soon as the agent is registered, whether or not
/// the event stream is up.
final class ServerLink: Sendable {
    private struct Way {
        let client: RancherClient
        let credentials: Credentials
    }

    private let way = Mutex<Way?>(nil)
    private let progressInFlight = Mutex(0)
    private let limits: AgentLimits
    /// For answers that nothing else remembers.
    private let unstored: Gate

    init(limits: AgentLimits) {
        self.limits = limits
        unstored = Gate(places: limits.unstoredInFlight)
    }

    func open(_ client: RancherClient, _ credentials: Credentials) {
        way.withLock { $0 = Way(client: client, credentials: credentials) }
    }

    /// As what this agent is known to the server; `nil` as long as it is not registered.
    var credentials: Credentials? { way.withLock { $0?.credentials } }

    /// The server's, as far as it is known.
    var dialect: Dialect? { way.withLock { $0?.client }?.dialect }

    /// The server's; it is asked if it is not known yet.
    ///
    /// - Throws: `RancherError`, `CancellationError`.
    func knownDialect() async throws -> Dialect { try await client().knownDialect() }

    private func client() throws -> RancherClient {
        guard let way = way.withLock({ $0 }) else {
            throw RancherError(.unreachable, "this agent is not registered yet")
        }
        return way.client
    }

    /// Sends one message; one try.
    ///
    /// - Throws: `RancherError`, `CancellationError`.
    func send(_ body: String) async throws {
        try await client().publish(body: body)
    }

    /// Sends an answer that nobody will send again: as many tries as there is time for.
    ///
    /// - Throws: `RancherError`, `CancellationError`.
    func sendPatiently(_ body: String) async throws {
        let patience = limits.unstoredPatience
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.sendAgainAndAgain(body) }
            group.addTask {
                try await Task.sleep(for: patience)
                throw RancherError(.timedOut, "not delivered within \(patience)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func sendAgainAndAgain(_ body: String) async throws {
        let backoff = Backoff(base: .seconds(1), cap: .seconds(4))
        var random = SystemRandomNumberGenerator()
        var attempt = 0
        while true {
            let result = try await unstored.withPlace { () async -> Result<Void, any Error> in
                do { return .success(try await send(body)) } catch { return .failure(error) }
            }
            guard case .failure(let error) = result else { return }
            if error is CancellationError || Self.isFinal(error) { throw error }
            try await Task.sleep(for: backoff.delay(attempt: attempt, using: &random))
            attempt += 1
        }
    }

    /// Delivers an answer and says how that went.
    func deliver(_ body: String, of eventID: String) async -> Input {
        do {
            try await send(body)
            return .delivered(eventID: eventID)
        } catch {
            return .undelivered(eventID: eventID, reason: String(describing: error), isFinal: Self.isFinal(error))
        }
    }

    /// Sends a progress message, unless too many are on their way already.
    func sendProgress(_ body: String) async {
        let hasPlace = progressInFlight.withLock { count in
            guard count < limits.progressInFlight else { return false }
            count += 1
            return true
        }
        guard hasPlace else { return }
        defer { progressInFlight.withLock { $0 -= 1 } }
        try? await send(body)
    }

    /// Whether the server has understood the answer and will never take it: any other refusal may be about the
    /// credentials, a server that is just starting, or come from somebody on the way.
    private static func isFinal(_ error: any Error) -> Bool {
        guard let error = error as? RancherError, case .refused(let status) = error.code else { return false }
        return error.isServers && [400, 413, 422].contains(status)
    }
}
