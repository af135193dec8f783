package import NIOCore

/// Asks a proxy for a connection to the server, and goes out of the way when it is there (RFC 9110, 9.3.6). Until then
/// the handlers behind it do not hear that there is a connection at all.
package final class ProxyTunnelHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Why there will be no connection.
    package struct Refusal: Sendable {
        /// What the proxy answered; `nil` if that was no answer.
        package let status: Int?
        /// Whatever the status, of the code `unreachable`: the server has said nothing, above all nothing about the key.
        package let error: RancherError
    }

    /// No proxy says more than that before a connection.
    private static let headLimitBytes = 16 << 10

    private let proxy: ProxySettings.Proxy
    private let target: String
    private let authority: String
    private let onRefusal: (Refusal) -> Void
    private var head = ByteBuffer()
    private var isOver = false

    /// - Parameters:
    ///   - url: Of the server.
    ///   - proxy: Who is asked.
    ///   - onRefusal: Called once, on the event loop, if there will be no connection; whoever is called closes the
    ///     channel.
    package init(to url: APIURL, through proxy: ProxySettings.Proxy, onRefusal: @escaping (Refusal) -> Void) {
        self.proxy = proxy
        self.onRefusal = onRefusal
        authority = url.authority
        var place = url
        place.port = url.effectivePort
        target = place.authority
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { ask(context) }
    }

    package func channelActive(context: ChannelHandlerContext) { ask(context) }

    private func ask(_ context: ChannelHandlerContext) {
        var text = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
        if let authorization = proxy.authorization { text += "Proxy-Authorization: \(authorization)\r\n" }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var chunk = unwrapInboundIn(data)
        head.writeBuffer(&chunk)
        let bytes = head.readableBytesView
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            if bytes.count > Self.headLimitBytes { refuse("its answer has no end") }
            return
        }
        let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return refuse("its answer is no HTTP")
        }
        guard (200..<300).contains(status) else {
            let reason = status == 407 ? ", it wants to know who we are, or does not know us" : ""
            return refuse("it answered \(words.dropFirst().joined(separator: " "))\(reason)", status: status)
        }
        isOver = true
        head.moveReaderIndex(forwardBy: end.upperBound - bytes.startIndex)
        let rest = head
        context.fireChannelActive()
        if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        if !isOver { refuse("it closed the connection instead of answering") }
        context.fireChannelInactive()
    }

    private func refuse(_ reason: String, status: Int? = nil) {
        isOver = true
        onRefusal(
            Refusal(
                status: status,
                error: RancherError(
                    .unreachable, "the proxy \(proxy) does not let us through to \(authority): \(reason)")))
    }
}
