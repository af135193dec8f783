package import NIOCore
internal import NIOHTTP1
package import NIOPosix

/// Answers how the daemon is, on a port of this host, from a thread that nobody else uses: it answers whatever hangs.
package struct HealthServer: Sendable {
    private let vitals: Vitals
    private let metrics: Metrics
    private let group: MultiThreadedEventLoopGroup
    /// Who stays connected without asking anything is let go.
    private static let idle = TimeAmount.seconds(10)

    /// - Parameter group: A thread for this alone.
    package init(_ vitals: Vitals, _ metrics: Metrics, group: MultiThreadedEventLoopGroup) {
        self.vitals = vitals
        self.metrics = metrics
        self.group = group
    }

    /// Listens, and looks at the parts from time to time, asked or not: what nobody has looked at for long is taken for
    /// a sleep of the whole process. Whoever closes the channel ends both.
    ///
    /// - Throws: what the system says of the address.
    package func listen(on address: ListenAddress) async throws -> any Channel {
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 16)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [vitals, metrics] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(IdleStateHandler(allTimeout: Self.idle))
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
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

/// One connection, one question.
private final class HealthHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let vitals: Vitals
    private let metrics: Metrics
    private var head: HTTPRequestHead?

    init(_ vitals: Vitals, _ metrics: Metrics) {
        self.vitals = vitals
        self.metrics = metrics
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        // Nobody has anything to say here.
        case .body: break
        case .end: if let head { answer(head, context) }
        }
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

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
