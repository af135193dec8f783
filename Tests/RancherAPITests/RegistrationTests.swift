import Logging
import LosslessJSON
import NIOHTTP1
import RancherAPI
import Synchronization
import Testing

@Suite("A registration")
struct RegistrationTests {
    /// What a server does, by the number of the request of its kind.
    private struct Behaviour: Sendable {
        var script: @Sendable (Int, StubRequest) -> StubResponse? = { _, request in
            StubResponse(
                body: """
                    #!/bin/sh
                    export CATTLE_REGISTRATION_ACCESS_KEY="registrationToken"
                    export CATTLE_REGISTRATION_SECRET_KEY="secret:1="
                    export CATTLE_URL="http://\(request.headers.first(name: "host") ?? "")/v3"
                    export DETECTED_CATTLE_AGENT_IP="192.0.2.10"
                    """)
        }
        var list: @Sendable (Int) -> StubResponse? = { _ in RegistrationTests.items(RegistrationTests.ready) }
        var create: @Sendable (Int) -> StubResponse? = { _ in
            StubResponse(status: .created, body: #"{"state":"creating"}"#)
        }
    }

    private static let ready: JSON = ["key": "t0ken", "accessKey": "AK", "secretKey": "SK", "state": "active"]
    private static let notReady: JSON = ["key": "t0ken", "accessKey": nil, "state": "creating"]

    private static func items(_ items: JSON...) -> StubResponse {
        StubResponse(body: JSON.object(JSONObject([.init(key: "data", value: .array(items))])).encodedText)
    }

    private func register(
        _ behaviour: Behaviour, change: (inout Registration) -> Void = { _ in },
        check: (Credentials, StubServer) throws -> Void
    ) async throws {
        let counts = Mutex<[String: Int]>([:])
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            let count = counts.withLock { counts in
                counts["\(request.method) \(request.path)", default: 0] += 1
                return counts["\(request.method) \(request.path)", default: 0]
            }
            switch (request.method, request.path) {
            case (.GET, "/v3/scripts/x"): return behaviour.script(count, request)
            case (.GET, "/v3"), (.GET, "/v3/"), (.GET, "/v3/schemas"): return schemasResponse(request)
            case (.GET, "/v3/registers"): return behaviour.list(count)
            case (.POST, "/v3/registers"): return behaviour.create(count)
            default: return StubResponse(status: .notFound)
            }
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                var registration = Registration(registrationURL: try server.url("/v3/scripts/x"), token: "t0ken")
                registration.backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(5))
                registration.deadline = .seconds(5)
                change(&registration)
                let ready = registration
                let credentials = try await within {
                    try await ready.run(
                        httpClient: http, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                }
                try check(credentials, server)
            }
        }
    }

    private func paths(_ server: StubServer) -> [String] {
        server.requests.filter { $0.path.hasSuffix("/registers") }.map { "\($0.method) \($0.uri)" }
    }

    @Test("of a host that the server knows takes its keys")
    func known() async throws {
        try await register(Behaviour()) { credentials, server throws in
            #expect(credentials.accessKey == "AK")
            #expect(credentials.secretKey == "SK")
            #expect(credentials.agentIP == "192.0.2.10")
            #expect(try credentials.url == server.url("/v3"))
            #expect(paths(server) == ["GET /v3/registers?key=t0ken"])
            #expect(server.requests.first?.authorization == nil)
            #expect(server.requests.last?.authorization == "Basic cmVnaXN0cmF0aW9uVG9rZW46c2VjcmV0OjE9")
            #expect(!"\(credentials)".contains("SK"))
            #expect(!String(reflecting: credentials).contains("SK"))
        }
    }

    @Test("of a new host creates it once and waits for its keys, however often it has to ask (defect 6)")
    func new() async throws {
        var behaviour = Behaviour()
        behaviour.list = { count in
            switch count {
            case 1...3: Self.items()
            case 4...40: Self.items(Self.notReady)
            default: Self.items(Self.ready)
            }
        }
        try await register(behaviour, change: { $0.orchestration = "kubernetes" }) { credentials, server throws in
            #expect(credentials.accessKey == "AK")
            let created = server.requests.filter { $0.method == .POST }
            #expect(created.map(\.body) == [#"{"type":"register","key":"t0ken","orchestration":"kubernetes"}"#])
            #expect(paths(server).count == 42)
        }
    }

    @Test("of a known host without keys waits for them too (defect 5)")
    func knownWithoutKeys() async throws {
        var behaviour = Behaviour()
        behaviour.list = { count in
            switch count {
            case 1: Self.items(Self.notReady)
            case 2: Self.items(["key": "t0ken", "accessKey": "AK", "secretKey": ""])
            default: Self.items(Self.ready)
            }
        }
        try await register(behaviour) { credentials, server throws in
            #expect(credentials.secretKey == "SK")
            #expect(!server.requests.contains { $0.method == .POST })
        }
    }

    @Test("never takes the keys of another host")
    func otherHost() async throws {
        var behaviour = Behaviour()
        behaviour.list = { count in
            let other: JSON = ["key": "other", "accessKey": "X", "secretKey": "Y"]
            return count < 3 ? Self.items(other) : Self.items(other, Self.ready)
        }
        try await register(behaviour) { credentials, _ in #expect(credentials.accessKey == "AK") }
    }

    @Test("leaves to the environment what it says (defect 4)")
    func environment() async throws {
        var behaviour = Behaviour()
        behaviour.script = { _, _ in
            StubResponse(
                body: """
                    CATTLE_REGISTRATION_ACCESS_KEY=a
                    CATTLE_REGISTRATION_SECRET_KEY=s
                    CATTLE_URL=http://127.0.0.1:1/nowhere
                    DETECTED_CATTLE_AGENT_IP=9.9.9.9
                    """)
        }
        try await register(
            behaviour,
            change: {
                $0.agentIP = "10.0.0.1"
                $0.url = "\($0.registrationURL.scheme)://\($0.registrationURL.authority)/v1/schemas"
            }
        ) { credentials, server throws in
            #expect(credentials.agentIP == "10.0.0.1")
            #expect(try credentials.url == server.url("/v1/"), "as configured, not normalised")
        }
    }

    @Test("goes on after every kind of failure, and asks for the script again (defect 3)")
    func failures() async throws {
        var behaviour = Behaviour()
        let script = behaviour.script
        behaviour.script = { count, request in
            switch count {
            case 1: StubResponse(status: .serviceUnavailable)
            case 2: StubResponse(body: "<html>one moment</html>")
            case 3: StubResponse(isHangUp: true)
            default: script(count, request)
            }
        }
        behaviour.list = { count in
            switch count {
            case 1: StubResponse(status: .unauthorized)
            case 2: StubResponse(isHangUp: true)
            case 3: StubResponse(body: "x")
            case 4, 5: Self.items()
            default: Self.items(Self.ready)
            }
        }
        behaviour.create = { count in count == 1 ? StubResponse(status: .conflict) : StubResponse(status: .created) }
        try await register(behaviour) { credentials, server throws in
            #expect(credentials.accessKey == "AK")
            #expect(server.requests.filter { $0.path == "/v3/scripts/x" }.count == 8)
        }
    }

    @Test("says what it waits for, and no secret")
    func logs() async throws {
        let sink = LogSink()
        let count = Mutex(0)
        let bad = [
            StubResponse(status: .badGateway), StubResponse(isHangUp: true), StubResponse(body: "{", neverEnds: true),
            StubResponse(status: .found, headers: [("Location", "s3cret")]),
            StubResponse(status: .found, headers: [("Location", "/s3cret")]),
        ]
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            if request.path == "/s3cret" { return StubResponse(isHangUp: true) }
            return count.withLock { count in
                count += 1
                return bad[count % bad.count]
            }
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                var registration = Registration(registrationURL: try server.url("/v3/scripts/s3cret"), token: "t0ken")
                registration.deadline = .milliseconds(100)
                registration.backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(2))
                let ready = registration
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await #expect(throws: CancellationError.self) {
                            try await ready.run(httpClient: http, logger: sink.logger)
                        }
                    }
                    try await within {
                        // A slow machine may time out where the server says 502.
                        while !sink.lines.contains(where: { $0.contains("[502]") }) || sink.lines.count < 7 {
                            try await Task.sleep(for: .milliseconds(2))
                        }
                    }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
        #expect(sink.lines.allSatisfy { $0.contains("Registration failed, trying again") })
        #expect(sink.lines.contains { $0.contains("[502]") })
        #expect(!sink.lines.contains { $0.contains("s3cret") || $0.contains("t0ken") })
    }

    @Test("ends at once when it is cancelled, whatever it waits for")
    func cancellation() async throws {
        // A server that never answers, and one that always fails, with an endless wait after it.
        for response in [nil, StubResponse(status: .badGateway)] {
            try await StubServer.run(respond: { _ in response }) { server in
                try await withHTTPClient { http in
                    var registration = Registration(registrationURL: try server.url(), token: "t")
                    registration.backoff = Backoff(base: .seconds(1000), cap: .seconds(1000))
                    let ready = registration
                    let start = ContinuousClock.now
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            await #expect(throws: CancellationError.self) {
                                try await ready.run(httpClient: http, logger: LogSink().logger)
                            }
                        }
                        while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
                        group.cancelAll()
                        try await group.waitForAll()
                    }
                    #expect(ContinuousClock.now - start < .seconds(10))
                }
            }
        }
    }
}

/// Keeps what is logged.
final class LogSink: Sendable {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(sink: self) } }

    func wait(for count: Int) async throws {
        while lines.count < count { try await Task.sleep(for: .milliseconds(2)) }
    }

    private struct Handler: LogHandler {
        let sink: LogSink
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            sink.kept.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
        }
    }
}
