import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import RancherAPI
import Synchronization

struct StubRequest: Sendable {
    var method: HTTPMethod
    var uri: String
    var headers: HTTPHeaders
    var body: String

    var path: String { String(uri.prefix { $0 != "?" }) }
    var authorization: String? { headers.first(name: "authorization") }
}

struct StubResponse: Sendable {
    var status: HTTPResponseStatus = .ok
    var headers: [(String, String)] = []
    var body = ""
    /// What `Content-Length` says, where it is not the truth.
    var contentLength: Int?
    /// Neither ends the body nor closes the connection.
    var neverEnds = false
    /// Closes the connection without an answer.
    var isHangUp = false
}

/// A server of HTTP and websockets on a port of this host, with the behaviour that a test gives it.
final class StubServer: Sendable {
    /// Of the server, with the path that a test wants.
    func url(_ path: String = "") throws -> APIURL { try APIURL("\(scheme)://\(host):\(port)\(path)") }

    let port: Int
    let host: String
    private let scheme: String
    private let channel: any Channel
    private let log: Log

    /// The websockets as they are opened.
    var sockets: AsyncStream<StubSocket> { log.sockets }
    /// The requests that were no websockets.
    var requests: [StubRequest] { log.requests.withLock { $0 } }

    final class Log: Sendable {
        let requests = Mutex<[StubRequest]>([])
        let (sockets, socketsInput) = AsyncStream.makeStream(of: StubSocket.self)
    }

    private init(port: Int, host: String, scheme: String, channel: any Channel, log: Log) {
        (self.port, self.host, self.scheme, self.channel, self.log) = (port, host, scheme, channel, log)
    }

    /// Runs a server for the time of a test.
    ///
    /// - Parameters:
    ///   - answersPings: Whether websockets do.
    ///   - upgrades: Which requests are to become websockets.
    ///   - respond: Called for all others; `nil` answers nothing, for ever.
    @discardableResult
    static func run<Result>(
        host: String = "127.0.0.1", withTLS: Bool = false, answersPings: Bool = true,
        upgrades: @escaping @Sendable (HTTPRequestHead) -> Bool = { $0.uri.contains("/subscribe") },
        respond: @escaping @Sendable (StubRequest) -> StubResponse? = { _ in StubResponse(status: .notFound) },
        _ body: (StubServer) async throws -> Result
    ) async throws -> Result {
        let log = Log()
        var tls: NIOSSLContext?
        if withTLS {
            let certificates = try NIOSSLCertificate.fromPEMBytes(Array(TestKeys.certificate.utf8))
            tls = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: certificates.map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(TestKeys.privateKey.utf8), format: .pem)))
            )
        }
        let context = tls
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    let upgrader = NIOWebSocketServerUpgrader(
                        maxFrameSize: 1 << 20,
                        shouldUpgrade: { channel, head in
                            channel.eventLoop.makeSucceededFuture(upgrades(head) ? HTTPHeaders() : nil)
                        },
                        upgradePipelineHandler: { channel, head in
                            channel.eventLoop.makeCompletedFuture {
                                let socket = StubSocket(channel: channel, head: head)
                                try channel.pipeline.syncOperations.addHandler(
                                    StubSocketHandler(socket: socket, answersPings: answersPings))
                                log.socketsInput.yield(socket)
                            }
                        })
                    let requests = StubRequestHandler(log: log, respond: respond)
                    let bound = NIOLoopBound(requests, eventLoop: channel.eventLoop)
                    // The typed upgrade of NIO loses the head of a request that is not to be upgraded.
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withServerUpgrade: (
                            upgraders: [upgrader],
                            completionHandler: { context in
                                context.pipeline.syncOperations.removeHandler(bound.value, promise: nil)
                            }
                        ))
                    try channel.pipeline.syncOperations.addHandler(requests)
                }
            }
            .bind(host: host, port: 0).get()
        let server = StubServer(
            port: channel.localAddress?.port ?? 0, host: host, scheme: withTLS ? "https" : "http", channel: channel,
            log: log)
        do {
            let result = try await body(server)
            try await channel.close()
            log.socketsInput.finish()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }
}

/// The server's end of a websocket.
struct StubSocket: Sendable {
    enum Received: Sendable, Hashable {
        case frame(WebSocketOpcode, [UInt8], masked: Bool)
        case closed
    }

    let channel: any Channel
    let head: HTTPRequestHead
    let received: AsyncStream<Received>
    let input: AsyncStream<Received>.Continuation

    init(channel: any Channel, head: HTTPRequestHead) {
        self.channel = channel
        self.head = head
        (received, input) = AsyncStream.makeStream()
    }

    func send(_ text: String) { send(.text, Array(text.utf8)) }

    func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], fin: Bool = true) {
        channel.writeAndFlush(WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(bytes: bytes)), promise: nil)
    }

    /// Ends the connection without a close frame.
    func drop() { channel.close(promise: nil) }

    /// Waits for something that the other side sends.
    func next(where matches: (Received) -> Bool) async -> Received? {
        for await received in received where matches(received) { return received }
        return nil
    }
}

private final class StubSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let socket: StubSocket
    private let answersPings: Bool

    init(socket: StubSocket, answersPings: Bool) { (self.socket, self.answersPings) = (socket, answersPings) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        let bytes = Array(frame.unmaskedData.readableBytesView)
        socket.input.yield(.frame(frame.opcode, bytes, masked: frame.maskKey != nil))
        switch frame.opcode {
        case .ping where answersPings: socket.send(.pong, bytes)
        // A server that does not answer pings is as good as dead.
        case .connectionClose where answersPings: context.close(promise: nil)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        socket.input.yield(.closed)
        socket.input.finish()
    }
}

private final class StubRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let log: StubServer.Log
    private let respond: @Sendable (StubRequest) -> StubResponse?
    private var request: StubRequest?

    init(log: StubServer.Log, respond: @escaping @Sendable (StubRequest) -> StubResponse?) {
        (self.log, self.respond) = (log, respond)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            request = StubRequest(method: head.method, uri: head.uri, headers: head.headers, body: "")
        case .body(let chunk): request?.body += String(buffer: chunk)
        case .end:
            guard let request else { return }
            log.requests.withLock { $0.append(request) }
            answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard let request, let response = respond(request) else { return }
        if response.isHangUp { return context.close(promise: nil) }
        var headers = HTTPHeaders(response.headers)
        if !response.neverEnds {
            headers.add(name: "Content-Length", value: "\(response.contentLength ?? response.body.utf8.count)")
        }
        context.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: response.status, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: response.body)))), promise: nil)
        if response.neverEnds {
            context.flush()
        } else {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}

/// A client for the time of a test.
@discardableResult
func withHTTPClient<Result>(
    proxies: ProxySettings = .none, extraTrustRoots: String? = nil, _ body: (ServerHTTP) async throws -> Result
) async throws -> Result {
    let client = try ServerHTTP(proxies: proxies, extraTrustRoots: extraTrustRoots)
    do {
        let result = try await body(client)
        try await client.shutdown()
        return result
    } catch {
        try? await client.shutdown()
        throw error
    }
}

struct TooLate: Error {}

/// Ends a wait for something that does not come.
func within<Result: Sendable>(
    _ deadline: Duration = .seconds(20), _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: deadline)
            throw TooLate()
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw TooLate() }
        return first
    }
}

/// A directory for the time of a test.
@discardableResult
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let directory = "/tmp/rancher-api-tests-\(UInt64.random(in: 0 ... .max))"
    defer { TestFiles.removeAll(directory) }
    try TestFiles.makeDirectory(directory)
    return try await body(directory)
}
