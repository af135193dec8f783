import Model
import NIOHTTP1
import RancherAPI
import Synchronization
import Testing

@Suite("A key that the server refuses", .timeLimit(.minutes(1)))
struct RefusedKeyTests {
    /// Answers the handshakes with these statuses, one after the other; opens the websocket when there is none left.
    private final class Handshakes: Sendable {
        private let left: Mutex<[HTTPResponseStatus]>

        init(_ statuses: [HTTPResponseStatus]) { left = Mutex(statuses) }

        func opens(_ head: HTTPRequestHead) -> Bool {
            head.uri.contains("/subscribe") && left.withLock(\.isEmpty)
        }

        func answer(_ request: StubRequest) -> StubResponse {
            guard request.path.hasSuffix("/subscribe") else { return schemasResponse(request) }
            return StubResponse(status: left.withLock { $0.isEmpty ? .notFound : $0.removeFirst() })
        }
    }

    private func run(
        against statuses: [HTTPResponseStatus], sinks: EventStream.Sinks = EventStream.Sinks(onFrame: { _ in }),
        _ body: (StubServer, LogSink, @escaping @Sendable () async -> Void) async throws -> Void
    ) async throws {
        let handshakes = Handshakes(statuses)
        try await StubServer.run(upgrades: { handshakes.opens($0) }, respond: { handshakes.answer($0) }) { server in
            try await withHTTPClient { http in
                let key = APIKey(accessKey: "AK", secretKey: "SK")
                let stream = EventStream(configuredURL: try server.url("/v3"), key: key)
                let client = RancherClient(url: stream.configuredURL, key: key, httpClient: http)
                var reconnection = EventStream.Reconnection()
                reconnection.backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(5))
                let ready = reconnection
                let sink = LogSink()
                try await body(server, sink) {
                    await stream.runForever(
                        client: client, sinks: sinks, logger: sink.logger, reconnection: ready,
                        random: SeededRandom(state: 1))
                }
            }
        }
    }

    @Test("is given up after five refusals in a row, so that the caller can ask for another", arguments: [401, 403])
    func givenUp(_ status: Int) async throws {
        let refusals = Array(repeating: HTTPResponseStatus(statusCode: status), count: 9)
        try await run(against: refusals) { server, sink, runForever in
            try await within { await runForever() }
            #expect(server.requests.count { $0.path.hasSuffix("/subscribe") } == 5)
            #expect(sink.lines.last?.hasPrefix("The server does not accept this host's key") == true)
            #expect(!sink.lines.contains { $0.contains("SK") })
        }
    }

    @Test("is kept while something else is wrong, and while it is refused less than five times in a row")
    func kept() async throws {
        let four = Array(repeating: HTTPResponseStatus.unauthorized, count: 4)
        let others = Array(repeating: HTTPResponseStatus.serviceUnavailable, count: 6)
        let statuses = four + [.serviceUnavailable] + four + others + [.notFound] + four
        let (opened, input) = AsyncStream.makeStream(of: Void.self)
        let sinks = EventStream.Sinks(onOpen: { input.yield() }, onFrame: { _ in })
        try await run(against: statuses, sinks: sinks) { server, sink, runForever in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await runForever() }
                try await within { for await _ in opened { break } }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(server.requests.count { $0.path.hasSuffix("/subscribe") } == statuses.count)
            #expect(sink.lines.last?.hasPrefix("Subscription closed") == true)
        }
    }
}
