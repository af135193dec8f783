import LosslessJSON
import NIOCore
import NIOWebSocket

/// The server's end of an event websocket (PROTOCOL.md 3.2): heartbeats, and pongs for pings.
final class SubscriptionHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    /// The server's own interval.
    static let heartbeatInterval = TimeAmount.seconds(5)

    private let server: RancherServer
    private let subscription: Subscription
    private var heartbeat: RepeatedTask?

    init(server: RancherServer, subscription: Subscription) {
        self.server = server
        self.subscription = subscription
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        let server = server
        let subscription = subscription
        guard server.opened(subscription, on: channel) else {
            channel.close(promise: nil)
            return
        }
        heartbeat = context.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.heartbeatInterval) { _ in
            if server.beats(subscription) {
                Self.send(RancherServer.heartbeat().encoded, fragmentSize: nil, on: channel)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        heartbeat?.cancel()
        server.ended(subscription)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .ping:
            guard server.hearsPing(of: subscription) else { return }
            let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
            context.channel.writeAndFlush(pong, promise: nil)
        case .connectionClose:
            guard server.hears(subscription) else { return }
            let channel = context.channel
            let echo = WebSocketFrame(fin: true, opcode: .connectionClose, data: frame.unmaskedData)
            channel.writeAndFlush(echo).whenComplete { _ in channel.close(promise: nil) }
        default:
            // Nothing else is said in this direction.
            return
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Writes a text message, whole or in frames of a size.
    static func send(_ text: [UInt8], fragmentSize: Int?, on channel: any Channel) {
        let size = max(1, fragmentSize ?? text.count)
        var rest = text[...]
        var opcode = WebSocketOpcode.text
        repeat {
            let part = rest.prefix(size)
            rest = rest.dropFirst(size)
            let frame = WebSocketFrame(fin: rest.isEmpty, opcode: opcode, data: ByteBuffer(bytes: part))
            channel.write(frame, promise: nil)
            opcode = .continuation
        } while !rest.isEmpty
        channel.flush()
    }
}
