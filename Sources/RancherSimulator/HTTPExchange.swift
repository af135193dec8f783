import LosslessJSON
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A complete HTTP request.
struct Request: Sendable {
    let head: HTTPRequestHead
    let body: [UInt8]
    /// The address of the client, empty if unknown.
    let clientAddress: String

    /// The path as it was sent.
    var path: String { String(head.uri.prefix { $0 != "?" }) }
    /// The query as it was sent.
    var query: String { String(head.uri.drop { $0 != "?" }.dropFirst()) }
    /// The decoded parameters in the order of the query.
    var parameters: [(name: String, value: String)] {
        query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decoded(parts[0]), parts.count > 1 ? Self.decoded(parts[1]) : "")
        }
    }

    func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    var credentials: (user: String, password: String)? {
        Identity.basicCredentials(head.headers.first(name: "Authorization"))
    }

    private static func decoded(_ text: Substring) -> String {
        Identity.percentDecoded(String(text.map { $0 == "+" ? " " : $0 }))
    }
}

/// What becomes of a request.
enum Answer: Sendable {
    /// An answer, after a delay if one is wanted.
    case response(Response)
    /// The connection is cut without an answer.
    case cut
    /// Nothing, until the client gives up.
    case hang

    struct Response: Sendable {
        var status: HTTPResponseStatus
        var contentType = "application/json; charset=utf-8"
        var headers: [(name: String, value: String)] = []
        var body: [UInt8]
        /// A length other than the body's; what is beyond it are trailing bytes, and the connection is closed.
        var declaredLength: Int?
        var delay: Duration = .zero
    }

    static func json(_ body: JSON, status: HTTPResponseStatus = .ok, delay: Duration = .zero) -> Answer {
        .response(Response(status: status, body: body.encoded, delay: delay))
    }

    static func text(_ body: String, type: String = "text/plain; charset=utf-8") -> Answer {
        .response(Response(status: .ok, contentType: type, body: Array(body.utf8)))
    }

    /// The server's error object (PROTOCOL.md 2.3).
    static func error(_ status: HTTPResponseStatus, code: String, message: String? = nil, field: String? = nil)
        -> Answer
    {
        var body = JSONObject()
        body.append("id", .string(Identity.uuid()))
        body.append("type", "error")
        body.append("links", [:])
        body.append("actions", [:])
        body.append("status", .integer(status.code))
        body.append("code", .string(code))
        body.append("fieldName", JSON(field))
        body.append("message", JSON(message))
        body.append("detail", nil)
        var response = Response(status: status, body: JSON.object(body).encoded)
        if status == .unauthorized { response.headers.append(("WWW-Authenticate", "Basic realm=\"Rancher\"")) }
        return .response(response)
    }

    static func refusal(_ refusal: Faults.Refusal) -> Answer {
        error(
            HTTPResponseStatus(statusCode: refusal.status), code: refusal.code, message: "simulated fault",
            field: refusal.fieldName)
    }

    var status: Int {
        guard case .response(let response) = self else { return 0 }
        return Int(response.status.code)
    }
}

/// Collects the parts of a request, asks the server for the answer and writes it.
final class HTTPExchangeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// An inspection of a container is some 10 KiB, a ping answer with a thousand containers some 200.
    static let bodyLimitBytes = 16 << 20

    private let server: RancherServer
    /// The verdict on a websocket handshake, made before the request comes here as an ordinary one.
    private let refusedUpgrade: NIOLoopBoundBox<Answer?>
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLarge = false

    init(server: RancherServer, refusedUpgrade: NIOLoopBoundBox<Answer?>) {
        self.server = server
        self.refusedUpgrade = refusedUpgrade
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            isTooLarge = false
        case .body(let buffer):
            if body.count + buffer.readableBytes > Self.bodyLimitBytes {
                isTooLarge = true
            } else {
                body.append(contentsOf: buffer.readableBytesView)
            }
        case .end:
            guard let head else { return }
            self.head = nil
            let request = Request(
                head: head, body: body, clientAddress: context.channel.remoteAddress?.ipAddress ?? "")
            body = []
            let answer: Answer
            if isTooLarge {
                answer = server.noted(.error(.payloadTooLarge, code: "TooLarge"), for: request)
            } else if let refused = refusedUpgrade.value {
                refusedUpgrade.value = nil
                answer = server.noted(refused, for: request)
            } else {
                answer = server.answer(to: request)
            }
            Self.deliver(answer, to: request.head, on: context.channel)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A refused websocket handshake also comes here as an error; its request follows and gets the real answer.
        if error is NIOWebSocketUpgradeError { return }
        context.close(promise: nil)
    }

    private static func deliver(_ answer: Answer, to request: HTTPRequestHead, on channel: any Channel) {
        switch answer {
        case .hang: return
        case .cut: channel.close(promise: nil)
        case .response(let response):
            guard response.delay > .zero else {
                write(response, to: request, on: channel)
                return
            }
            channel.eventLoop.scheduleTask(in: TimeAmount(response.delay)) {
                write(response, to: request, on: channel)
            }
        }
    }

    private static func write(_ response: Answer.Response, to request: HTTPRequestHead, on channel: any Channel) {
        let closes = !request.isKeepAlive || response.declaredLength != nil
        var head = HTTPResponseHead(version: .http1_1, status: response.status)
        head.headers.add(name: "Content-Type", value: response.contentType)
        head.headers.add(name: "Content-Length", value: String(response.declaredLength ?? response.body.count))
        head.headers.add(contentsOf: response.headers.map { ($0.name, $0.value) })
        if closes { head.headers.add(name: "Connection", value: "close") }
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if request.method != .HEAD {
            channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: response.body))), promise: nil)
        }
        let end = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
        if closes { end.whenComplete { _ in channel.close(promise: nil) } }
    }
}
