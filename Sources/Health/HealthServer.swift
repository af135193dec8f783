package import NIOCore
internal import NIOHTTP1
package import NIOPosix
internal import Synchronization

/// Answers how the daemon is, on a port of this host, from a thread that nobody else uses and that waits for no disk: it answers
/// whatever hangs.
package struct HealthServer: Sendable {
    private let vitals: Vitals
    private let metrics: Metrics
    private let group: MultiThreadedEventLoopGroup
    private let limits: Limits

    /// What whoever asks may take.
    package struct Limits: Sendable, Hashable {
        /// From the connection to its end, however slowly somebody asks or listens.
        package var deadline = Duration.seconds(10)
        /// Connections at the same time; those beyond are closed at once.
        package var connections = 32
        /// The length of a request's head, in bytes.
        package var headBytes = 16 << 10

        package init() {}
    }

    /// - Parameters:
    ///   - vitals: Whose state is told.
    ///   - metrics: What is shown.
    ///   - group: A thread for this alone.
    ///   - limits: What whoever asks may take.
    package init(
        _ vitals: Vitals, _ metrics: Metrics, group: MultiThreadedEventLoopGroup, limits: Limits = Limits()
    ) {
        self.limits = limits
        self.vitals = vitals
        self.metrics = metrics
        self.group = group
    }

    /// Listens, and looks at the parts from time to time, asked or not: what nobody has looked at for long is taken for
    /// a sleep of the whole process. Whoever closes the channel ends both.
    ///
    /// - Throws: what the system says of the address.
    package func listen(on address: ListenAddress) async throws -> any Channel {
        let visitors = Visitors(limits)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 16)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [vitals, metrics, limits] channel in
                channel.eventLoop.makeCompletedFuture {
                    try visitors.admit(channel)
                    var decoding = NIOHTTPDecoderLimitConfiguration()
                    decoding.maxHeaderListSize = limits.headBytes
                    decoding.maxHeaderFieldSize = limits.headBytes
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
                    try channel.pipeline.syncOperations.addHandler(HealthHandler(vitals, metrics))
                }
            }
            .bind(host: address.host, port: address.port).get()
        let looks = channel.eventLoop.scheduleRepeatedTask(
            initialDelay: .zero, delay: TimeAmount(vitals.lookInterval)
        ) { [vitals] _ in _ = vitals.report() }
        channel.closeFuture.whenComplete { _ in looks.cancel() }
        return channel
    }
}

/// Who is connected.
private final class Visitors: Sendable {
    private struct TooMany: Error {}

    private let limits: HealthServer.Limits
    private let count = Mutex(0)

    init(_ limits: HealthServer.Limits) { self.limits = limits }

    /// Counts a connection in until its end, which is soon in any case.
    ///
    /// - Throws: if there are too many; the connection is closed then.
    func admit(_ channel: any Channel) throws {
        let isAdmitted = count.withLock { count in
            guard count < limits.connections else { return false }
            count += 1
            return true
        }
        guard isAdmitted else { throw TooMany() }
        let end = channel.eventLoop.scheduleTask(in: TimeAmount(limits.deadline)) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { [self] _ in
            end.cancel()
            count.withLock { $0 -= 1 }
        }
    }
}

/// One connection, one question.
private final class HealthHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let vitals: Vitals
    private let metrics: Metrics
    private var isAnswered = false

    init(_ vitals: Vitals, _ metrics: Metrics) {
        self.vitals = vitals
        self.metrics = metrics
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nobody has anything to say here but what is asked for.
        guard case .head(let head) = unwrapInboundIn(data), !isAnswered else { return }
        isAnswered = true
        answer(head, context)
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let page = HealthPage.of(request.method, request.uri, vitals, metrics)
        let body = ByteBuffer(string: page.body)
        let headers: HTTPHeaders = [
            "Content-Type": page.type, "Content-Length": String(body.readableBytes), "Connection": "close",
        ]
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: page.status, headers: headers))),
            promise: nil)
        if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
