import Logging
import Model
import NIOCore
import NIOHTTP1
import NIOWebSocket
import RancherAPI
import Synchronization
import Testing

@Suite("The subscription")
struct EventStreamTests {
    /// What the sinks were given, to be waited for.
    private final class Seen: Sendable {
        enum Item: Sendable, Hashable {
            case open
            case frame(String)
            case oversized(EventHeader?)
        }

        let items: AsyncStream<Item>
        private let input: AsyncStream<Item>.Continuation

        init() { (items, input) = AsyncStream.makeStream() }

        var sinks: EventStream.Sinks {
            EventStream.Sinks(
                onOpen: { self.input.yield(.open) }, onFrame: { self.input.yield(.frame($0)) },
                onOversized: { self.input.yield(.oversized($0)) })
        }

        func next(_ count: Int = 1) async throws -> [Item] {
            try await within {
                var found: [Item] = []
                for await item in self.items {
                    found.append(item)
                    if found.count == count { break }
                }
                return found
            }
        }
    }

    private func stream(_ server: StubServer, change: (inout EventStream) -> Void = { _ in }) throws -> EventStream {
        var stream = EventStream(
            configuredURL: try server.url("/v3"), key: APIKey(accessKey: "AK", secretKey: "SK"),
            eventNames: ["ping", "a b"])
        change(&stream)
        return stream
    }

    /// Runs one connection beside a test of it; cancels it at the end unless it has ended.
    @discardableResult
    private func connect(
        _ server: StubServer, _ seen: Seen = Seen(), change: (inout EventStream) -> Void = { _ in },
        _ body: (StubSocket, Seen) async throws -> Void
    ) async throws -> EventStream.End {
        let stream = try stream(server, change: change)
        return try await withThrowingTaskGroup(of: EventStream.End.self) { group in
            group.addTask { try await stream.run(sinks: seen.sinks) }
            let socket = try await within { () -> StubSocket in
                for await socket in server.sockets { return socket }
                throw TooLate()
            }
            #expect(try await seen.next() == [.open])
            try await body(socket, seen)
            group.cancelAll()
            return try await group.next() ?? .cancelled
        }
    }

    @Test("asks for its events by name and key, and hands on what comes, in order")
    func frames() async throws {
        try await StubServer.run { server in
            let end = try await connect(server) { socket, seen async throws in
                #expect(socket.head.uri == "/v3/subscribe?eventNames=ping&eventNames=a%20b")
                #expect(socket.head.headers.first(name: "authorization") == "Basic QUs6U0s=")
                #expect(socket.head.headers.first(name: "host") == "127.0.0.1:\(server.port)")
                for number in 0..<100 { socket.send("{\"n\":\(number)}") }
                #expect(try await seen.next(100) == (0..<100).map { .frame("{\"n\":\($0)}") })
            }
            #expect(end == .cancelled)
        }
    }

    @Test("puts fragments together, with control frames between them, and repairs broken UTF-8")
    func fragments() async throws {
        try await StubServer.run { server in
            try await connect(server) { socket, seen async throws in
                let bytes = Array("grüße 😀".utf8)
                socket.send(.text, Array(bytes[..<3]), fin: false)
                socket.send(.ping, [1])
                socket.send(.continuation, Array(bytes[3..<8]), fin: false)
                socket.send(.continuation, Array(bytes[8...]))
                socket.send(.text, [0x61, 0xFF])
                socket.send("")
                socket.send(.binary, Array("b".utf8))
                #expect(try await seen.next(4) == [.frame("grüße 😀"), .frame("a\u{FFFD}"), .frame(""), .frame("b")])
            }
        }
    }

    @Test("answers pings with what was in them, and sends masked frames only")
    func pong() async throws {
        try await StubServer.run { server in
            try await connect(server) { socket, _ async throws in
                socket.send(.ping, [1, 2, 3])
                let pong = try await within {
                    await socket.next { if case .frame(.pong, _, _) = $0 { true } else { false } }
                }
                #expect(pong == .frame(.pong, [1, 2, 3], masked: true))
            }
        }
    }

    @Test("sends pings and lives as long as they are answered")
    func keepAlive() async throws {
        try await StubServer.run { server in
            let end = try await connect(
                server,
                change: {
                    $0.timing.pingInterval = .milliseconds(20)
                    $0.timing.pongDeadline = .seconds(5)
                }
            ) { socket, _ async throws in
                for _ in 0..<5 {
                    let ping = try await within { await socket.next { $0 == .frame(.ping, [], masked: true) } }
                    #expect(ping != nil)
                }
            }
            #expect(end == .cancelled)
        }
    }

    @Test("gives a server up that does not answer pings")
    func noPong() async throws {
        try await StubServer.run(answersPings: false) { server in
            let stream = try stream(server) {
                $0.timing.pingInterval = .milliseconds(20)
                $0.timing.pongDeadline = .milliseconds(100)
            }
            #expect(try await within { try await stream.run(sinks: Seen().sinks) } == .noPong)
        }
    }

    @Test("says goodbye once to a server that does not answer pings, and ends without its consent (defect 29)")
    func noPongNoClose() async throws {
        try await StubServer.run(answersPings: false) { server in
            let end = try await connect(
                server,
                change: {
                    $0.timing.pingInterval = .milliseconds(20)
                    $0.timing.pongDeadline = .milliseconds(100)
                    $0.timing.closeDeadline = .seconds(60)
                }
            ) { socket, _ async throws in
                let frames = try await within {
                    var frames: [StubSocket.Received] = []
                    for await received in socket.received { frames.append(received) }
                    return frames
                }
                let close = StubSocket.Received.frame(.connectionClose, [3, 232], masked: true)
                #expect(frames.suffix(2) == [close, .closed])
                #expect(frames.dropLast(2).allSatisfy { $0 == .frame(.ping, [], masked: true) })
            }
            #expect(end == .noPong)
        }
    }

    @Test("gives up beyond the limits, answers between them and goes on")
    func sizes() async throws {
        try await StubServer.run { server in
            let small: (inout EventStream) -> Void = {
                $0.limits.messageBytes = 100
                $0.limits.skimmedMessageBytes = 1000
            }
            let event = #"{"id":"e","name":"n","replyTo":"reply.1","data":""#
            let header = EventHeader(id: "e", name: "n", replyTo: "reply.1", resourceID: nil, resourceType: nil)
            var end = try await connect(server, change: small) { socket, seen async throws in
                socket.send(event + String(repeating: "x", count: 500) + "\"}")
                socket.send(String(repeating: "y", count: 100))
                socket.send(String(repeating: "y", count: 101))
                #expect(
                    try await seen.next(3) == [
                        .oversized(header), .frame(String(repeating: "y", count: 100)), .oversized(nil),
                    ])
                // One frame that says so.
                socket.send(String(repeating: "z", count: 2000))
                #expect(
                    try await within { await socket.next { $0 == .frame(.connectionClose, [3, 241], masked: true) } }
                        != nil)
            }
            #expect(end == .excessiveMessage)
            end = try await connect(server, change: small) { socket, _ async throws in
                // Many that do not.
                socket.send(.text, Array(repeating: 0x7A, count: 900), fin: false)
                socket.send(.continuation, Array(repeating: 0x7A, count: 900), fin: false)
                #expect(try await within { await socket.next { $0 == .closed } } != nil)
            }
            #expect(end == .excessiveMessage)
        }
    }

    @Test("ends with the server's words when the server closes, and answers the close")
    func closedByServer() async throws {
        try await StubServer.run { server in
            let end = try await connect(server) { socket, _ async throws in
                socket.send(.connectionClose, [3, 233] + Array("going away".utf8))
                let answer = try await within {
                    await socket.next { if case .frame(.connectionClose, _, _) = $0 { true } else { false } }
                }
                #expect(answer == .frame(.connectionClose, [3, 233] + Array("going away".utf8), masked: true))
                #expect(try await within { await socket.next { $0 == .closed } } != nil)
            }
            #expect(end == .closedByServer(code: 1001, text: "going away"))
        }
    }

    @Test("ends when the connection is cut")
    func dropped() async throws {
        try await StubServer.run { server in
            let stream = try stream(server)
            let end = try await withThrowingTaskGroup(of: EventStream.End.self) { group in
                group.addTask { try await within { try await stream.run(sinks: Seen().sinks) } }
                for await socket in server.sockets {
                    socket.drop()
                    break
                }
                return try await group.next()
            }
            guard case .lost = end else {
                Issue.record("\(end as Any)")
                return
            }
        }
    }

    @Test("ends when the server does not keep to the protocol")
    func violation() async throws {
        try await StubServer.run { server in
            let end = try await connect(server) { socket, _ async throws in
                socket.send(.continuation, [0x61])
                #expect(try await within { await socket.next { $0 == .closed } } != nil)
            }
            #expect(end == .violation("a continuation of nothing"))
        }
    }

    @Test("says goodbye when it is cancelled, and does not wait long for an answer")
    func cancellation() async throws {
        try await StubServer.run { server in
            let stream = try stream(server) { $0.timing.closeDeadline = .milliseconds(200) }
            let seen = Seen()
            try await withThrowingTaskGroup(of: EventStream.End.self) { group in
                group.addTask { try await stream.run(sinks: seen.sinks) }
                let opened = try await seen.next()
                #expect(opened == [.open])
                let start = ContinuousClock.now
                group.cancelAll()
                let end = try await group.next()
                #expect(end == .cancelled)
                #expect(ContinuousClock.now - start < .seconds(5))
            }
            for await socket in server.sockets {
                #expect(
                    try await within { await socket.next { $0 == .frame(.connectionClose, [3, 232], masked: true) } }
                        != nil)
                break
            }
        }
    }

    @Test("reports a refused handshake with the server's status and words")
    func refused() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { _ in
            StubResponse(status: .unauthorized, body: #"{"type":"error","code":"Unauthorized"}"#)
        }
        try await StubServer.run(upgrades: { _ in false }, respond: respond) { server in
            let stream = try stream(server)
            let error = await #expect(throws: RancherError.self) {
                try await within { try await stream.run(sinks: Seen().sinks) }
            }
            #expect(error?.code == .refused(status: 401))
            #expect(error?.message.contains("code=Unauthorized") == true)
        }
    }

    @Test("reports a handshake that is not answered, or badly")
    func badHandshakes() async throws {
        let cases: [(StubResponse?, RancherError.Code)] = [
            (nil, .timedOut), (StubResponse(isHangUp: true), .unreachable),
            (StubResponse(body: "hello"), .refused(status: 200)),
            (StubResponse(status: .unauthorized, body: "never ends", neverEnds: true), .refused(status: 401)),
            (
                StubResponse(
                    status: .switchingProtocols, headers: [("Upgrade", "websocket"), ("Sec-WebSocket-Accept", "x")]),
                .badAnswer
            ),
        ]
        for (response, code) in cases {
            try await StubServer.run(upgrades: { _ in false }, respond: { _ in response }) { server in
                let stream = try stream(server) { $0.timing.handshakeDeadline = .seconds(3) }
                let error = await #expect(throws: RancherError.self) {
                    try await within { try await stream.run(sinks: Seen().sinks) }
                }
                #expect(error?.code == code, "\(error as Any)")
            }
        }
    }

    @Test("reports a server that is not there")
    func unreachable() async throws {
        for text in ["http://127.0.0.1:1/v3", "http://no-such-host.invalid/v3"] {
            let stream = EventStream(configuredURL: try APIURL(text), key: APIKey(accessKey: "a", secretKey: "s"))
            let error = await #expect(throws: RancherError.self) {
                try await within(.seconds(40)) { try await stream.run(sinks: Seen().sinks) }
            }
            #expect(error?.code == .unreachable || error?.code == .timedOut)
        }
    }

    @Test("ends at once when it is cancelled before it is open")
    func cancelledHandshake() async throws {
        try await StubServer.run(upgrades: { _ in false }, respond: { _ in nil }) { server in
            let stream = try stream(server)
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) { try await stream.run(sinks: Seen().sinks) }
                }
                while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("goes over TLS by name and by address, with a certificate that it was told to trust only")
    func tls() async throws {
        try await withTemporaryDirectory { directory in
            let roots = "\(directory)/roots.pem"
            try TestFiles.write(TestKeys.certificate, to: roots)
            for host in ["localhost", "127.0.0.1"] {
                try await StubServer.run(host: host, withTLS: true) { server in
                    try await connect(server, change: { $0.extraTrustRoots = roots }) { socket, seen async throws in
                        socket.send("over TLS")
                        #expect(try await seen.next() == [.frame("over TLS")])
                    }
                    let stream = try stream(server)
                    let error = await #expect(throws: RancherError.self) {
                        try await within { try await stream.run(sinks: Seen().sinks) }
                    }
                    #expect(error?.code == .unreachable)
                }
            }
        }
    }

    // MARK: Again and again

    private func keepUp(
        _ server: StubServer, _ stream: EventStream, _ seen: Seen, sink: LogSink = LogSink(),
        backoff: Backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(5)),
        longestPauseOnceOpen: Duration? = nil, _ body: () async throws -> Void
    ) async throws {
        try await withHTTPClient { http in
            let client = RancherClient(url: stream.configuredURL, key: stream.key, httpClient: http)
            var reconnection = EventStream.Reconnection()
            reconnection.backoff = backoff
            if let longestPauseOnceOpen { reconnection.longestPauseOnceOpen = longestPauseOnceOpen }
            let ready = reconnection
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await stream.runForever(
                        client: client, sinks: seen.sinks, logger: sink.logger, reconnection: ready,
                        random: SeededRandom(state: 1))
                }
                try await body()
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    @Test("comes back after every end, at the place that the schemas name (defect 17)")
    func reconnects() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            let host = request.headers.first(name: "host") ?? ""
            return schemasResponse(request, collections: ["subscribe": "http://\(host)/v3/subscribe/here"])
        }
        try await StubServer.run(respond: respond) { server in
            let seen = Seen()
            let sink = LogSink()
            try await keepUp(server, try stream(server), seen, sink: sink) {
                var sockets = server.sockets.makeAsyncIterator()
                for number in 0..<5 {
                    let socket = try #require(await sockets.next())
                    #expect(socket.head.uri.hasPrefix("/v3/subscribe/here?eventNames=ping"))
                    socket.send("\(number)")
                    #expect(try await seen.next(2) == [.open, .frame("\(number)")])
                    if number % 2 == 0 { socket.drop() } else { socket.send(.connectionClose, [3, 232]) }
                }
            }
            #expect(sink.lines.filter { $0.hasPrefix("Subscribed") }.count == 5)
            #expect(sink.lines.last?.hasPrefix("Subscription closed") == true)
            #expect(!sink.lines.contains { $0.contains("SK") })
        }
    }

    @Test("comes back soon to a server that ends each connection soon")
    func comesBackSoon() async throws {
        try await StubServer.run { server in
            let seen = Seen()
            // Pauses that doubled each time would come to a quarter of an hour.
            let backoff = Backoff(base: .milliseconds(10), cap: .seconds(3600))
            try await keepUp(
                server, try stream(server), seen, backoff: backoff, longestPauseOnceOpen: .milliseconds(20)
            ) {
                try await within {
                    var sockets = server.sockets.makeAsyncIterator()
                    for _ in 0..<17 { try #require(await sockets.next()).drop() }
                }
            }
        }
    }

    @Test("waits longer for a server that is not there than for one that has closed")
    func pauses() {
        var random = SeededRandom(state: 1)
        let reconnection = EventStream.Reconnection()
        for failures in 0..<40 {
            let whole = Duration.milliseconds(500) * (1 << min(failures, 16))
            for wasOpen in [true, false] {
                let pause = reconnection.pause(attempt: failures, wasOpen: wasOpen, using: &random)
                let longest = min(whole, wasOpen ? .seconds(5) : .seconds(30))
                #expect(pause >= longest / 2 && pause <= longest)
            }
        }
    }

    @Test("falls back on the configured URL when the schemas lead nowhere or are not to be had")
    func fallsBack() async throws {
        for hasSchemas in [true, false] {
            let respond: @Sendable (StubRequest) -> StubResponse? = { request in
                guard hasSchemas else { return StubResponse(status: .internalServerError) }
                return schemasResponse(request, collections: ["subscribe": "http://127.0.0.1:1/v3/subscribe"])
            }
            try await StubServer.run(respond: respond) { server in
                let seen = Seen()
                try await keepUp(server, try stream(server), seen) { () async throws in
                    #expect(try await seen.next() == [.open])
                }
            }
        }
    }

    @Test("keeps trying while the server refuses, and is cancelled in the middle of a wait")
    func keepsTrying() async throws {
        let refusals = Mutex(3)
        let upgrades: @Sendable (HTTPRequestHead) -> Bool = { head in
            head.uri.contains("/subscribe")
                && refusals.withLock { left in
                    left -= 1
                    return left < 0
                }
        }
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            request.path.hasSuffix("subscribe") ? StubResponse(status: .serviceUnavailable) : schemasResponse(request)
        }
        try await StubServer.run(upgrades: upgrades, respond: respond) { server in
            let seen = Seen()
            try await keepUp(server, try stream(server), seen) { () async throws in
                #expect(try await seen.next() == [.open])
            }
        }
        try await StubServer.run(upgrades: { _ in false }, respond: respond) { server in
            let sink = LogSink()
            let start = ContinuousClock.now
            let endless = Backoff(base: .seconds(1000), cap: .seconds(1000))
            try await keepUp(server, try stream(server), Seen(), sink: sink, backoff: endless) {
                try await within { try await sink.wait(for: 1) }
            }
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }
}
