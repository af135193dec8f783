import NIOCore
import NIOHTTP1

/// Collects the answer of a server that does not want to open a websocket.
final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private static let bodyLimitBytes = 4096
    /// For the words after the status, which is what counts.
    private static let bodyDeadline = TimeAmount.seconds(1)

    private let url: APIURL
    private let refusal: EventLoopPromise<RancherError>
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []

    init(url: APIURL, refusal: EventLoopPromise<RancherError>) {
        self.url = url
        self.refusal = refusal
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: Self.bodyDeadline) {
                let (handler, context) = bound.value
                handler.finish(context)
            }
        case .body(let chunk):
            body += chunk.readableBytesView.prefix(Self.bodyLimitBytes - body.count)
            if body.count == Self.bodyLimitBytes { finish(context) }
        case .end: finish(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { finish(context) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(context) }
    func handlerRemoved(context: ChannelHandlerContext) { finish(context) }

    private func finish(_ context: ChannelHandlerContext) {
        if let head {
            let answer = HTTPAnswer(status: head.status, headers: head.headers, body: body, bodyWasCut: false)
            refusal.succeed(answer.refusal(from: url))
        } else {
            refusal.succeed(RancherError(.badAnswer, "\(url.withoutQuery) gave no answer to the websocket handshake"))
        }
        context.close(promise: nil)
    }
}
