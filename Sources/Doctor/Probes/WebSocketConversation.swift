internal import Model
internal import NIOCore
internal import RancherAPI

/// The request for a websocket, the answer, one ping and its pong.
final class WebSocketConversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Each succeeds once; later ones are of no interest.
    struct Outcome: Sendable {
        let handshake: EventLoopPromise<WebSocketObservation>
        let ping: EventLoopPromise<PingObservation>
    }

    private enum State {
        /// Not connected; of the addresses of a name some never are. To `asking`.
        case waiting
        /// The request is on its way. To `open` or `over`.
        case asking(since: ContinuousClock.Instant)
        /// A ping is on its way. To `over`.
        case open(pingAt: ContinuousClock.Instant)
        case over
    }

    /// No server says more than that before the websocket.
    private static let headLimitBytes = 64 << 10
    /// Of what is to be read, heartbeats are the longest.
    private static let frameLimitBytes = 1 << 20

    private let request: String
    private let outcome: Outcome
    private var state = State.waiting
    private var buffer = ByteBuffer()

    init(request: String, outcome: Outcome) { (self.request, self.outcome) = (request, outcome) }

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { ask(context) } }
    func channelActive(context: ChannelHandlerContext) { ask(context) }

    private func ask(_ context: ChannelHandlerContext) {
        state = .asking(since: .now)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var chunk = unwrapInboundIn(data)
        buffer.writeBuffer(&chunk)
        if case .asking(let start) = state { readHead(since: start, context) }
        if case .open(let pingAt) = state { readFrames(pingAt: pingAt) }
    }

    private func readHead(since start: ContinuousClock.Instant, _ context: ChannelHandlerContext) {
        let bytes = buffer.readableBytesView
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            if bytes.count > Self.headLimitBytes { finish(.failed("the answer to the handshake has no end")) }
            return
        }
        let text = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        buffer.moveReaderIndex(forwardBy: end.upperBound - bytes.startIndex)
        guard let head = AnswerHead(text) else { return finish(.failed("the answer to the handshake is no HTTP")) }
        guard head.status == 101 else {
            return finish(.answered(status: head.status, reason: head.reason, from: head.sender))
        }
        let missing = head.missingForWebSocket
        guard missing.isEmpty else { return finish(.stripped(missing: missing, from: head.sender)) }
        state = .open(pingAt: .now)
        outcome.handshake.succeed(.open(took: .now - start))
        // A ping without content, masked with zeros (RFC 6455, 5.2).
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [0x89, 0x80, 0, 0, 0, 0])), promise: nil)
    }

    /// Passes over everything until the pong.
    private func readFrames(pingAt: ContinuousClock.Instant) {
        while let (opcode, length, header) = Self.frame(buffer.readableBytesView) {
            if opcode == 0xA {
                outcome.ping.succeed(.pong(.now - pingAt))
                state = .over
                return
            }
            guard opcode != 0x8, length <= Self.frameLimitBytes else {
                outcome.ping.succeed(.closed)
                state = .over
                return
            }
            guard buffer.readableBytes >= header + length else { return }
            buffer.moveReaderIndex(forwardBy: header + length)
        }
    }

    /// What kind of frame begins, its length, and that of its own head; `nil` until that is there.
    private static func frame(_ bytes: ByteBufferView) -> (opcode: UInt8, length: Int, header: Int)? {
        let bytes = Array(bytes.prefix(14))
        guard bytes.count >= 2 else { return nil }
        let mask = bytes[1] & 0x80 == 0 ? 0 : 4
        let short = Int(bytes[1] & 0x7F)
        let count = short == 126 ? 2 : short == 127 ? 8 : 0
        guard bytes.count >= 2 + count else { return nil }
        let length = count == 0 ? short : bytes[2..<2 + count].reduce(0) { ($0 & 0xFF_FFFF_FFFF) << 8 | Int($1) }
        return (bytes[0] & 0x0F, length, 2 + count + mask)
    }

    private func finish(_ observation: WebSocketObservation) {
        state = .over
        outcome.handshake.succeed(observation)
    }

    func channelInactive(context: ChannelHandlerContext) { end() }
    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        outcome.handshake.succeed(.failed("\(error)"))
        context.close(promise: nil)
    }

    private func end() {
        switch state {
        case .waiting, .over: break
        case .asking: outcome.handshake.succeed(.closed)
        case .open: outcome.ping.succeed(.closed)
        }
        state = .over
    }
}

/// The head of an answer, as far as it matters here.
struct AnswerHead: Sendable, Hashable {
    let status: Int
    let reason: String
    private let headers: [String: String]

    /// `nil` if it is no HTTP.
    init?(_ text: String) {
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)
        guard let first = lines.first, first.hasPrefix("HTTP/1.") else { return nil }
        let words = first.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, let status = Int(words[1]) else { return nil }
        self.status = status
        reason = words.count > 2 ? String(words[2]) : ""
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = line[..<colon].lowercased()
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers[name] = headers[name].map { "\($0), \(value)" } ?? String(value)
        }
        self.headers = headers
    }

    var date: Timestamp? { headers["date"].flatMap(HTTPDate.parse) }

    var sender: WebSocketObservation.Sender {
        WebSocketObservation.Sender(server: headers["server"], via: headers["via"])
    }

    /// The headers that an agreement to a websocket has (RFC 6455, 4.2.2) and this one has not.
    var missingForWebSocket: [String] {
        var missing: [String] = []
        if headers["upgrade"]?.lowercased() != "websocket" { missing.append("Upgrade") }
        let tokens = (headers["connection"] ?? "").lowercased().split { $0 == "," || $0 == " " }
        if !tokens.contains("upgrade") { missing.append("Connection") }
        if headers["sec-websocket-accept"] == nil { missing.append("Sec-WebSocket-Accept") }
        return missing
    }
}
