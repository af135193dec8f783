package import LosslessJSON
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A Docker Engine that does nothing, at once, and keeps account of it, on a real socket: for events that a real engine
/// had better not see, and for measuring the agent alone.
package final class PaperEngine: Sendable {
    package let socket: String
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let books = Mutex(PaperBooks())

    private init(socket: String) { self.socket = socket }

    /// Listens at the socket. It has to be ended with ``stop()``.
    ///
    /// - Parameters:
    ///   - socket: Its path.
    ///   - apiVersion: The newest version of the API that the engine says it speaks.
    /// - Throws: NIO's error if the socket cannot be bound.
    package static func start(socket: String, apiVersion: String = "1.43") async throws -> PaperEngine {
        let engine = PaperEngine(socket: socket)
        engine.books.withLock { $0.apiVersion = apiVersion }
        let listener = try await ServerBootstrap(group: engine.group)
            .serverChannelOption(.backlog, value: 512)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    engine.books.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
                    channel.closeFuture.whenComplete { _ in engine.forget(ObjectIdentifier(channel)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try channel.pipeline.syncOperations.addHandler(PaperHandler(engine))
                }
            }
            .bind(unixDomainSocketPath: socket, cleanupExistingSocketFile: true).get()
        engine.books.withLock { $0.listener = listener }
        return engine
    }

    /// Starts an engine, runs the body with it and stops it, also when the body throws.
    package static func play<Result>(
        socket: String, apiVersion: String = "1.43", body: (PaperEngine) async throws -> Result
    ) async throws -> Result {
        let engine = try await start(socket: socket, apiVersion: apiVersion)
        do {
            let result = try await body(engine)
            await engine.stop()
            return result
        } catch {
            await engine.stop()
            throw error
        }
    }

    /// Stops to listen and cuts all connections.
    package func stop() async {
        let channels = books.withLock { books in
            defer { books.listener = nil }
            return Array(books.connections.values) + (books.listener.map { [$0] } ?? [])
        }
        for channel in channels { channel.close(mode: .all, promise: nil) }
        for channel in channels { try? await channel.closeFuture.get() }
        try? await group.shutdownGracefully()
    }

    // MARK: What it has seen and made

    /// How many requests were answered, without those that last: the event streams.
    package var calls: Int { books.withLock { $0.calls.values.reduce(0, +) } }
    /// How many containers were ever made.
    package var created: Int { books.withLock { $0.created } }
    /// How many containers there are.
    package var containerCount: Int { books.withLock { $0.containers.count } }
    /// The body of the last create call.
    package var lastCreateBody: JSON { books.withLock { $0.lastCreateBody } }

    /// The requests since the last time this was asked, by method and shape of the path, such as
    /// `POST /containers/*/start`.
    package func takeCalls() -> [String: Int] {
        books.withLock { books in
            defer { books.calls = [:] }
            return books.calls
        }
    }

    // MARK: For its connections

    var apiVersion: String { books.withLock { $0.apiVersion } }

    func answer(_ request: PaperRequest) -> (status: Int, body: JSON) {
        let (answer, events, watchers) = books.withLock { books in
            let answer = books.answer(request)
            defer { books.news = [] }
            return (answer, books.news, books.news.isEmpty ? [] : Array(books.watchers.values))
        }
        for event in events {
            for watcher in watchers { Self.write(event, to: watcher) }
        }
        return answer
    }

    /// The channel gets the events from now on.
    func watch(_ channel: any Channel) { books.withLock { $0.watchers[ObjectIdentifier(channel)] = channel } }

    private func forget(_ channel: ObjectIdentifier) {
        books.withLock { books in
            books.watchers[channel] = nil
            books.connections[channel] = nil
        }
    }

    private static func write(_ event: JSON, to channel: any Channel) {
        channel.writeAndFlush(
            HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: event.encoded + [0x0A]))), promise: nil)
    }
}

/// Reads requests and writes answers, one after the other.
private final class PaperHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let engine: PaperEngine
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(_ engine: PaperEngine) { self.engine = engine }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var part): body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            let request = PaperRequest(
                method: head.method.rawValue, uri: head.uri,
                body: body.readableBytes == 0 ? nil : (try? JSON(parsing: Array(body.readableBytesView))) ?? nil)
            if request.shape == "GET /events" {
                begin(context)
            } else {
                let (status, body) = engine.answer(request)
                respond(context, status, body)
            }
        }
    }

    /// A response without an end: the stream of events.
    private func begin(_ context: ChannelHandlerContext) {
        let headers: HTTPHeaders = ["Transfer-Encoding": "chunked", "Content-Type": "application/json"]
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))), promise: nil)
        engine.watch(context.channel)
    }

    private func respond(_ context: ChannelHandlerContext, _ status: Int, _ body: JSON) {
        let hasBody = status != 204 && status != 304
        let bytes = hasBody ? ByteBuffer(bytes: body.encoded) : ByteBuffer()
        var headers: HTTPHeaders = ["Api-Version": engine.apiVersion]
        if hasBody {
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "Content-Length", value: String(bytes.readableBytes))
        }
        let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if hasBody { context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
