import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A proxy on a port of this host, with faults to order: it opens tunnels, hands requests on, and can stand in front
/// of one server as a gateway. Every name is one of this host's to it.
package final class FakeProxy: Sendable {
    /// An address of this host that is not the loopback, if it has one: what goes there may go through a proxy.
    package static var ownAddress: String? {
        try? System.enumerateDevices().compactMap { $0.address?.protocol == .inet ? $0.address?.ipAddress : nil }
            .first { !$0.hasPrefix("127.") }
    }

    /// What it does wrong, or wants.
    package struct Manners: Sendable {
        /// The whole value of the `Proxy-Authorization` header that it wants to see.
        package var authorization: String?
        /// Answers this line instead of opening tunnels, such as `403 Forbidden`.
        package var tunnelRefusal: String?
        /// Answers nothing, ever.
        package var isSilent = false
        /// Answers nothing to who asks for a tunnel.
        package var isSilentToTunnels = false
        /// Answers requests itself instead of handing them on, as any program that is no Rancher server.
        package var page: Page?
        /// The time before it does anything with a request.
        package var delay = Duration.zero
        /// Leaves the headers `Upgrade` and `Connection` out of what it hands on.
        package var stripsUpgrade = false
        /// Leaves them out of the agreement to a websocket.
        package var stripsAnswer = false
        /// Written into every answer to what it hands on, as the header `Date`.
        package var date: String?
        /// As a gateway: the certificate and the key, as PEM texts, with which it speaks TLS.
        package var identity: (certificate: String, privateKey: String)?
        /// As a gateway: the `Host` header with which it hands requests on, instead of the one that came.
        package var host: String?
        /// As a gateway: where requests go that name no server.
        package var server: Int?

        package init() {}
    }

    /// What it answers itself: some HTML that quotes the request.
    package struct Page: Sendable {
        /// As `404 Not Found`.
        package var status: String
        /// Only to requests that have this in their first line; empty for all of them.
        package var part: String
        /// A header of the answer, as `Location: /`.
        package var header: String?

        package init(_ status: String, to part: String = "", header: String? = nil) {
            (self.status, self.part, self.header) = (status, part, header)
        }
    }

    /// The first line and the headers of a request, as it came.
    package struct Request: Sendable, Hashable {
        package let line: String
        package let headers: [String]

        /// The value of the first header of this name.
        package func header(_ name: String) -> String? {
            let prefix = name.lowercased() + ":"
            guard let line = headers.first(where: { $0.lowercased().hasPrefix(prefix) }) else { return nil }
            return String(line.dropFirst(prefix.count).drop { $0 == " " })
        }
    }

    package let port: Int
    private let channel: any Channel
    private let log: Log

    final class Log: Sendable {
        let requests = Mutex<[Request]>([])
    }

    private init(port: Int, channel: any Channel, log: Log) {
        (self.port, self.channel, self.log) = (port, channel, log)
    }

    /// What was asked of it.
    package var requests: [Request] { log.requests.withLock { $0 } }

    /// Runs a proxy for the time of the body.
    @discardableResult
    package static func run<Result>(
        _ manners: Manners = Manners(), _ body: (FakeProxy) async throws -> Result
    ) async throws -> Result {
        let log = Log()
        let tls = try manners.identity.map { identity in
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8))
            let key = try NIOSSLPrivateKey(bytes: Array(identity.privateKey.utf8), format: .pem)
            return try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
        }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(RequestHandler(manners: manners, log: log))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let proxy = FakeProxy(port: channel.localAddress?.port ?? 0, channel: channel, log: log)
        do {
            let result = try await body(proxy)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }
}

/// Reads the head of the first request, and then only passes on what comes.
private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let manners: FakeProxy.Manners
    private let log: FakeProxy.Log
    private var buffer = ByteBuffer()
    private var server: (any Channel)?
    private var isAsked = false

    init(manners: FakeProxy.Manners, log: FakeProxy.Log) { (self.manners, self.log) = (manners, log) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var chunk = unwrapInboundIn(data)
        if let server {
            server.writeAndFlush(chunk, promise: nil)
            return
        }
        buffer.writeBuffer(&chunk)
        guard !isAsked, !manners.isSilent,
            let end = buffer.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8))
        else { return }
        isAsked = true
        let length = end.upperBound - buffer.readableBytesView.startIndex
        let lines = (buffer.readString(length: length) ?? "").split(separator: "\r\n").map(String.init)
        let request = FakeProxy.Request(line: lines.first ?? "", headers: Array(lines.dropFirst()))
        log.requests.withLock { $0.append(request) }
        guard manners.delay > .zero else { return serve(request, context) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: TimeAmount(manners.delay)) {
            let (handler, context) = bound.value
            handler.serve(request, context)
        }
    }

    private func serve(_ request: FakeProxy.Request, _ context: ChannelHandlerContext) {
        if let wanted = manners.authorization, request.header("Proxy-Authorization") != wanted {
            return answer("407 Proxy Authentication Required", context)
        }
        let words = request.line.split(separator: " ").map(String.init)
        guard words.count == 3 else { return answer("400 Bad Request", context) }
        if words[0] == "CONNECT" {
            if manners.isSilentToTunnels { return }
            if let refusal = manners.tunnelRefusal { return answer(refusal, context) }
            guard let port = words[1].split(separator: ":").last.flatMap({ Int($0) }) else {
                return answer("400 Bad Request", context)
            }
            return connect(to: port, context, saying: nil, answering: "HTTP/1.1 200 Connection established\r\n\r\n")
        }
        if let page = manners.page, page.part.isEmpty || request.line.contains(page.part) {
            return answer(page.status, context, header: page.header, body: "<html>You asked: \(request.line)</html>")
        }
        var (port, path) = (manners.server, words[1])
        if words[1].hasPrefix("http://") {
            let rest = words[1].dropFirst("http://".count)
            let authority = rest.prefix { $0 != "/" }
            port = authority.split(separator: ":").last.flatMap { Int($0) } ?? 80
            path = String(rest.dropFirst(authority.count))
        }
        guard let port else { return answer("400 Bad Request", context) }
        let isUpgrade = request.header("Upgrade") != nil
        var left = request.headers.filter { !$0.lowercased().hasPrefix("proxy-") }
        if let host = manners.host {
            left = left.map { $0.lowercased().hasPrefix("host:") ? "Host: \(host)" : $0 }
        }
        if !isUpgrade || manners.stripsUpgrade {
            left.removeAll { $0.lowercased().hasPrefix("upgrade:") || $0.lowercased().hasPrefix("connection:") }
            // Every request on a connection of its own, so that one head is all that has to be read.
            left.append("Connection: close")
        }
        let head = ([([words[0], path, words[2]]).joined(separator: " ")] + left).joined(separator: "\r\n")
        connect(to: port, context, saying: head + "\r\n\r\n", answering: nil)
    }

    private func answer(
        _ status: String, _ context: ChannelHandlerContext, header: String? = nil, body: String = ""
    ) {
        let more = header.map { "\($0)\r\n" } ?? ""
        let text =
            "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(more)Connection: close\r\n\r\n\(body)"
        let channel = context.channel
        channel.writeAndFlush(ByteBuffer(string: text)).whenComplete { _ in channel.close(promise: nil) }
    }

    private func connect(to port: Int, _ context: ChannelHandlerContext, saying head: String?, answering: String?) {
        let client = context.channel
        let strips = manners.stripsAnswer && head != nil
        let date = head == nil ? nil : manners.date
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Backward(client: client, strips: strips, date: date))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .whenComplete { result in
                let (handler, context) = bound.value
                guard case .success(let server) = result else { return handler.answer("502 Bad Gateway", context) }
                if let answering { client.writeAndFlush(ByteBuffer(string: answering), promise: nil) }
                if let head { server.write(ByteBuffer(string: head), promise: nil) }
                server.writeAndFlush(handler.buffer, promise: nil)
                handler.server = server
            }
    }

    func channelInactive(context: ChannelHandlerContext) { server?.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// From the server to the client.
private final class Backward: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let client: any Channel
    private var strips: Bool

    private var date: String?

    init(client: any Channel, strips: Bool, date: String?) {
        (self.client, self.strips, self.date) = (client, strips, date)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var chunk = unwrapInboundIn(data)
        let isAgreement = chunk.readableBytesView.starts(with: Array("HTTP/1.1 101".utf8))
        if strips, isAgreement, let head = chunk.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8)) {
            strips = false
            let length = head.lowerBound - chunk.readableBytesView.startIndex
            let lines = (chunk.readString(length: length) ?? "").components(separatedBy: "\r\n")
            let left = lines.filter {
                !$0.lowercased().hasPrefix("upgrade:") && !$0.lowercased().hasPrefix("connection:")
            }
            client.write(ByteBuffer(string: left.joined(separator: "\r\n")), promise: nil)
        }
        if let date, let line = chunk.readableBytesView.firstRange(of: Array("\r\n".utf8)) {
            self.date = nil
            let length = line.lowerBound - chunk.readableBytesView.startIndex
            client.write(
                ByteBuffer(string: (chunk.readString(length: length) ?? "") + "\r\nDate: \(date)"), promise: nil)
        }
        client.writeAndFlush(chunk, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
