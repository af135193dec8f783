import NIOCore
import NIOHTTP1
import NIOTLS

/// A connection, and the call that it is used for. It lives on the event loop.
final class HTTPConnection: ChannelInboundHandler, HTTPCarrier {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// What its maker hears of it.
    protocol Keeper: AnyObject {
        /// The answer was read to its end, and another request may follow.
        func isFree(_ connection: HTTPConnection)
        /// It is closed.
        func isClosed(_ connection: HTTPConnection)
        /// A call was lost on a connection that had served others before, and can be made again.
        func repeats(_ call: HTTPCall)
    }

    /// When its last answer was complete.
    private(set) var idleSince: NIODeadline?
    let eventLoop: any EventLoop
    private let handshake: EventLoopPromise<Void>?
    private weak var keeper: (any Keeper)?
    private var context: ChannelHandlerContext?
    private var call: HTTPCall?
    private var wholeRequestIsSent = false
    private var isKeptAlive = false
    private var isThrough = false

    /// - Parameters:
    ///   - keeper: Its maker, which hears what becomes of it and is not kept alive by it.
    ///   - handshake: Succeeds when TLS is agreed upon; `nil` without TLS.
    ///   - eventLoop: The one that the channel runs on, and all calls are made on.
    init(keeper: any Keeper, handshake: EventLoopPromise<Void>?, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.keeper = keeper
        self.handshake = handshake
    }

    /// Sends the request. The connection must be free.
    func send(_ call: HTTPCall) {
        guard let context, context.channel.isActive else {
            if call.mayBeRepeated, idleSince != nil { return again(call) }
            return call.failed(HTTPTransportError.connectionClosed)
        }
        self.call = call
        call.connection = self
        isKeptAlive = false
        wholeRequestIsSent = false
        let headIsSent = eventLoop.makePromise(of: Void.self)
        headIsSent.futureResult.assumeIsolated().whenSuccess { call.wasSent() }
        context.write(wrapOutboundOut(.head(call.request.head)), promise: headIsSent)
        if let body = call.request.body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let allIsSent = eventLoop.makePromise(of: Void.self)
        allIsSent.futureResult.assumeIsolated().whenSuccess {
            if self.call === call { self.wholeRequestIsSent = true }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: allIsSent)
    }

    func abandon() {
        call?.connection = nil
        call = nil
        close()
    }

    func close() { context?.close(promise: nil) }

    /// It may be used by the next call.
    func becomeIdle() {
        guard let context, context.channel.isActive else { return }
        idleSince = .now()
        keeper?.isFree(self)
    }

    /// Whoever waits is told that it is over.
    func shutDown() {
        call?.giveUp(.cancelled)
        call?.failed(CancellationError())
        abandon()
    }

    func pause(_ isPaused: Bool) {
        guard let context else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: !isPaused)
    }

    // MARK: What NIO has to tell

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { handshake?.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let call else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            isKeptAlive = head.isKeepAlive && head.status.code >= 200
            if !call.received(head) { abandon() }
        case .body(let part): if !call.received(part) { abandon() }
        case .end:
            call.connection = nil
            self.call = nil
            call.ended()
            if isKeptAlive, wholeRequestIsSent { isThrough = true } else { close() }
        }
    }

    /// Only now is it certain that the server has not said more than was asked for: that would be taken for the answer
    /// to the next request.
    func channelReadComplete(context: ChannelHandlerContext) {
        if isThrough {
            isThrough = false
            becomeIdle()
        }
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { lose(error) }

    func channelInactive(context: ChannelHandlerContext) {
        lose(HTTPTransportError.connectionClosed)
        keeper?.isClosed(self)
        context.fireChannelInactive()
    }

    private func lose(_ error: any Error) {
        handshake?.fail(error)
        if let call {
            call.connection = nil
            self.call = nil
            if idleSince != nil, call.mayBeRepeated { again(call) } else { call.failed(error) }
        }
        close()
    }

    private func again(_ call: HTTPCall) {
        call.wasRepeated = true
        keeper?.repeats(call)
    }
}
