import NIOCore
import NIOWebSocket

/// The open websocket: reads without ever waiting for anybody, answers pings, sends its own and gives up on a server
/// that does not answer them (PROTOCOL 3.2).
///
/// It lives on its event loop. Its end is told through the promise.
final class EventStreamHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// Sent down the pipeline by whoever wants the connection to end.
    struct CloseRequest: Sendable {}

    private let sinks: EventStream.Sinks
    private let timing: EventStream.Timing
    private let end: EventLoopPromise<EventStream.End>
    private var assembler: MessageAssembler
    private var lastPong = NIODeadline.now()
    private var keepAlive: RepeatedTask?
    private var closing: Scheduled<Void>?
    /// Set as soon as it is known why the connection is to end; the first reason counts.
    private var reason: EventStream.End?

    init(
        sinks: EventStream.Sinks, timing: EventStream.Timing, limits: EventStream.Limits,
        end: EventLoopPromise<EventStream.End>
    ) {
        self.sinks = sinks
        self.timing = timing
        self.end = end
        assembler = MessageAssembler(
            messageLimitBytes: limits.messageBytes, skimLimitBytes: limits.skimmedMessageBytes)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        lastPong = .now()
        let interval = TimeAmount(timing.pingInterval)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        keepAlive = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (handler, context) = bound.value
            handler.keepAliveDue(context)
        }
        sinks.onOpen()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        keepAlive?.cancel()
        closing?.cancel()
        end.succeed(reason ?? .lost("the connection was closed"))
    }

    func channelInactive(context: ChannelHandlerContext) {
        keepAlive?.cancel()
        end.succeed(reason ?? .lost("the connection was closed without a word"))
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What comes after the decision to close is nobody's any more, but for the answer to our close frame.
        var frame = unwrapInboundIn(data)
        if let mask = frame.maskKey { frame.data.webSocketUnmask(mask) }
        if reason != nil {
            if frame.opcode == .connectionClose { context.close(promise: nil) }
            return
        }
        switch frame.opcode {
        case .text, .binary: take(frame, .first, context)
        case .continuation: take(frame, .next, context)
        // Who does not read his answers gets no more of them.
        case .ping: if context.channel.isWritable { send(.pong, frame.data, context) }
        case .pong:
            lastPong = .now()
            sinks.onPong()
        case .connectionClose:
            var payload = frame.data
            let code = payload.readInteger(as: UInt16.self)
            let text = String(decoding: payload.readableBytesView, as: UTF8.self)
            finish(.closedByServer(code: code.map(Int.init), text: text), echoing: frame.data, context)
        default: finish(.violation("an unknown kind of frame"), code: .protocolError, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error as? NIOWebSocketError {
        case .invalidFrameLength: finish(.excessiveMessage, code: .messageTooLarge, context)
        case .some(let error): finish(.violation("\(error)"), code: .protocolError, context)
        case nil:
            if reason == nil { reason = .lost("\(error)") }
            context.close(promise: nil)
        }
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard event is CloseRequest else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        promise?.succeed()
        guard reason == nil else { return }
        reason = .cancelled
        send(.connectionClose, closePayload(.normalClosure), context)
        closeSoon(context)
    }

    private func take(_ frame: WebSocketFrame, _ fragment: MessageAssembler.Fragment, _ context: ChannelHandlerContext)
    {
        switch assembler.append(frame.data, fragment, isLast: frame.fin) {
        case nil: break
        case .text(let text): sinks.onFrame(text)
        case .oversized(let header): sinks.onOversized(header)
        case .excessive: finish(.excessiveMessage, code: .messageTooLarge, context)
        case .violation(let text): finish(.violation(text), code: .protocolError, context)
        }
    }

    private func keepAliveDue(_ context: ChannelHandlerContext) {
        guard reason == nil else { return }
        if NIODeadline.now() - lastPong > TimeAmount(timing.pongDeadline) {
            finish(.noPong, code: .normalClosure, context)
        } else {
            send(.ping, ByteBuffer(), context)
        }
    }

    private func finish(_ reason: EventStream.End, code: WebSocketErrorCode, _ context: ChannelHandlerContext) {
        finish(reason, echoing: closePayload(code), context)
    }

    private func finish(_ reason: EventStream.End, echoing payload: ByteBuffer, _ context: ChannelHandlerContext) {
        guard self.reason == nil else { return }
        self.reason = reason
        // The other side has said its last word or is not worth waiting for: only let the frame out.
        let written = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        send(.connectionClose, payload, context, promise: written)
        closeSoon(context)
    }

    /// Waits for the server's own close frame, but not long.
    private func closeSoon(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        closing = context.eventLoop.scheduleTask(in: TimeAmount(timing.closeDeadline)) {
            bound.value.close(promise: nil)
        }
    }

    private func closePayload(_ code: WebSocketErrorCode) -> ByteBuffer {
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: code)
        return payload
    }

    private func send(
        _ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext,
        promise: EventLoopPromise<Void>? = nil
    ) {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(
            duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000)
    }
}
