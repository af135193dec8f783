internal import NIOCore
internal import NIOHTTP1

/// Collects a request and answers it, or does what was ordered instead.
final class PluginHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let plugin: FakeStoragePlugin
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(plugin: FakeStoragePlugin) { self.plugin = plugin }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let bytes): body.append(contentsOf: bytes.readableBytesView)
        case .end:
            guard let head else { return }
            let call = VolumeCall(
                method: head.method.rawValue, path: head.uri,
                headers: head.headers.reduce(into: [:]) { $0[$1.name.lowercased()] = $1.value }, body: body)
            respond(to: call, on: context.channel)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func respond(to call: VolumeCall, on channel: any Channel) {
        let plugin = plugin
        switch plugin.take(call) {
        case nil: Self.answer(plugin.work(call), on: channel)
        case .error(let text): Self.answer(FakeStoragePlugin.body(error: text), on: channel)
        case .status(let code, let body): Self.answer(body, status: code, on: channel)
        case .answer(let body):
            _ = plugin.work(call)
            Self.answer(body, on: channel)
        case .hang(let isDone): if isDone { _ = plugin.work(call) }
        case .cut(let isDone, let status):
            let body = isDone ? plugin.work(call) : #"{"Mountpoint":"","Err":""}"#
            Self.answer(body, status: status, sending: body.utf8.count / 2, on: channel)
        case .close(let isDone):
            if isDone { _ = plugin.work(call) }
            channel.close(promise: nil)
        case .delay(let milliseconds):
            channel.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                Self.answer(plugin.work(call), on: channel)
            }
        }
    }

    /// Answers, and closes the connection if the body is not to be sent to its end.
    private static func answer(_ body: String, status: Int = 200, sending length: Int? = nil, on channel: any Channel) {
        var headers = HTTPHeaders([("Content-Type", "application/json")])
        headers.add(name: "Content-Length", value: String(body.utf8.count))
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
        let sent = body.utf8.prefix(length ?? body.utf8.count)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        guard length == nil else {
            let half = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: sent)))
            channel.writeAndFlush(half).whenComplete { _ in channel.close(promise: nil) }
            return
        }
        channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: sent))), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }
}
