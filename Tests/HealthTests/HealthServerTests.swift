import AsyncHTTPClient
import Health
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@Suite("Who asks how the daemon is", .timeLimit(.minutes(1)))
struct HealthServerTests {
    @Test(
        "asks at an address of this host alone",
        arguments: [
            ("127.0.0.1:9346", "127.0.0.1:9346"), ("127.1.2.3:0", "127.1.2.3:0"), ("[::1]:80", "[::1]:80"),
            ("localhost:1", "127.0.0.1:1"), (":7", "127.0.0.1:7"), ("9346", "127.0.0.1:9346"), ("0.0.0.0:9346", nil),
            ("192.0.2.1:9346", nil), ("127.0.0.1", nil), ("127.0.0.1:65536", nil), ("127.0.0.1:x", nil), ("", nil),
            ("[::]:9346", nil), ("host.example:9346", nil), ("127.0.0.1.5:1", nil), ("127.0.0:1", nil), ("::1:80", nil),
        ] as [(String, String?)])
    func address(_ text: String, _ expected: String?) { #expect(ListenAddress(text)?.description == expected) }

    /// Asks for a page, with a body if that is not the usual way.
    private struct Get {
        let port: Int

        func callAsFunction(
            _ path: String, _ method: HTTPMethod = .GET
        ) async throws -> (status: Int, body: String, type: String) {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
            request.method = method
            if method != .GET { request.body = .bytes(ByteBuffer(string: "please")) }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
            let text = String(buffer: try await response.body.collect(upTo: 1 << 20))
            return (Int(response.status.code), text, response.headers.first(name: "Content-Type") ?? "")
        }
    }

    /// A server with two parts, and questions to it.
    private func ask(
        _ limits: HealthServer.Limits = .init(),
        _ body: (_ get: Get, Part, Part) async throws
            -> Void
    ) async throws {
        let (first, second) = (
            Part("reconciler", limits: .init(work: .milliseconds(1))), Part("outbox", limits: .init(work: .seconds(60)))
        )
        let metrics = Metrics()
        metrics.count(.pings)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = HealthServer(Vitals([first, second]), metrics, group: group, limits: limits)
        let channel = try await server.listen(on: try #require(ListenAddress("127.0.0.1:0")))
        let port = try #require(channel.localAddress?.port)
        let result: Result<Void, any Error>
        do {
            try await body(Get(port: port), first, second)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await channel.close()
        try await group.shutdownGracefully()
        try result.get()
    }

    @Test("hears which part is stuck, and that all is well again")
    func health() async throws {
        try await ask { get, reconciler, _ in
            #expect(try await get("/healthz").body == "ok\n")
            let work = reconciler.began(now: .now - .seconds(5))
            let bad = try await get("/healthz")
            #expect(bad.status == 503)
            #expect(bad.body == "reconciler is stuck: a piece of its work has taken 5 s, the limit is 0 s\n")
            reconciler.ended(work)
            let good = try await get("/healthz?verbose")
            #expect(good.status == 200 && good.body == "ok\n")
        }
    }

    @Test("hears what it waits for until it is ready")
    func readiness() async throws {
        try await ask { get, reconciler, outbox in
            let neither = try await get("/readyz")
            #expect(neither.status == 503)
            #expect(neither.body == "reconciler is not ready\noutbox is not ready\n")
            reconciler.isReady = true
            outbox.isReady = true
            let ready = try await get("/readyz")
            #expect(ready.status == 200 && ready.body == "ready\n")
            outbox.isReady = false
            #expect(try await get("/readyz").body == "outbox is not ready\n")
            // Who is stuck is not ready.
            outbox.isReady = true
            _ = reconciler.began(now: .now - .seconds(5))
            let stuck = try await get("/readyz")
            #expect(stuck.status == 503 && stuck.body.hasPrefix("reconciler is stuck"))
        }
    }

    @Test("hears of what is stuck however seldom it is asked for: it is looked at all the same")
    func seldom() async throws {
        let part = Part("reconciler", limits: .init(work: .milliseconds(1)))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let vitals = Vitals([part], lookInterval: .milliseconds(200))
        let channel = try await HealthServer(vitals, Metrics(), group: group)
            .listen(on: try #require(ListenAddress("127.0.0.1:0")))
        _ = vitals.report()
        _ = part.began()
        // More than three times as long as a sleep of the whole process has to be.
        try await group.next().scheduleTask(in: .seconds(2)) {}.futureResult.get()
        #expect(vitals.report().complaints.count == 1)
        try await channel.close()
        try await group.shutdownGracefully()
    }

    @Test("is shown what is counted, and told what there is")
    func pages() async throws {
        try await ask { get, _, _ in
            let metrics = try await get("/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.type.hasPrefix("text/plain; version=0.0.4"))
            #expect(metrics.body.contains("\nrancher_agent_pings_total 1\n"))
            #expect(try await get("/").status == 404)
            #expect(try await get("/healthz", .POST).status == 405)
        }
    }

    // MARK: Who does not ask properly

    /// A connection that writes what it is given, and reads until its end.
    private func connect(
        _ port: Int, _ write: @escaping @Sendable (any Channel) async throws -> Void = { _ in }
    ) async throws -> (text: String, lived: Duration) {
        let start = ContinuousClock.now
        let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await connection.executeThenClose { inbound, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                // What it writes when nobody listens any more is of no interest.
                group.addTask { try? await write(connection.channel) }
                var text = ""
                do { for try await part in inbound { text += String(buffer: part) } } catch is IOError {}
                group.cancelAll()
                return (text, .now - start)
            }
        }
    }

    @Test("is let go in time, however slowly the question comes")
    func slow() async throws {
        var limits = HealthServer.Limits()
        limits.deadline = .milliseconds(600)
        try await ask(limits) { get, _, _ in
            let seen = try await connect(get.port) { channel in
                for letter in Array("GET /healthz HTTP/1.1\r\nX-Slow: " + String(repeating: "x", count: 40)) {
                    try await channel.writeAndFlush(ByteBuffer(string: String(letter)))
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            #expect(seen.text == "")
            #expect(seen.lived >= .milliseconds(500) && seen.lived < .seconds(4))
        }
    }

    @Test("is answered without waiting for the end of what nobody wants to hear")
    func endless() async throws {
        try await ask { get, _, _ in
            let seen = try await connect(get.port) { channel in
                try await channel.writeAndFlush(
                    ByteBuffer(
                        string: "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"))
            }
            #expect(seen.text.hasPrefix("HTTP/1.1 405 "))
            #expect(seen.lived < .seconds(5))
        }
    }

    @Test("is turned away where too many ask at once, and a head too long is none")
    func many() async throws {
        var limits = HealthServer.Limits()
        limits.connections = 2
        limits.deadline = .seconds(3)
        try await ask(limits) { get, _, _ in
            let port = get.port
            try await withThrowingTaskGroup(of: Duration.self) { group in
                for _ in 1...2 { group.addTask { try await connect(port).lived } }
                try await Task.sleep(for: .milliseconds(500))
                let third = try await connect(port)
                #expect(third.text == "" && third.lived < .seconds(1))
                for try await lived in group { #expect(lived > .seconds(2)) }
            }
            #expect(try await get("/healthz").status == 200)
            let seen = try await connect(port) { channel in
                try await channel.writeAndFlush(
                    ByteBuffer(
                        string: "GET /healthz HTTP/1.1\r\nX-Long: \(String(repeating: "x", count: 20_000))\r\n\r\n"))
            }
            #expect(!seen.text.hasPrefix("HTTP/1.1 200"))
        }
    }
}
