import DockerEngine
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An engine on a real socket that gives a fixed answer to every call.
final class CannedEngine: Sendable {
    /// A status and a body; the key is the method and the path without version and query. `HEAD` and `/_ping` are
    /// answered by themselves.
    typealias Answers = [String: (status: Int, body: String)]

    private let answers: Answers
    private let version: String
    private let seen = Mutex<[(call: String, body: String)]>([])

    private init(_ answers: Answers, version: String) {
        self.answers = answers
        self.version = version
    }

    /// What it was asked, in order and without the pings and the questions about itself.
    var calls: [String] {
        seen.withLock { $0.map(\.call).filter { !["GET /version", "GET /info"].contains($0) } }
    }

    /// The body of the last request of that kind.
    func body(of call: String) -> String? { seen.withLock { $0.last { $0.call == call }?.body } }

    /// Runs it and a client of it for the length of the body.
    static func run(
        _ answers: Answers, version: String = "1.41", _ body: (CannedEngine, EngineClient) async throws -> Void
    ) async throws {
        let engine = CannedEngine(answers, version: version)
        let path = "/tmp/canned-\(UInt64.random(in: 0...UInt64.max)).sock"
        defer { unlink(path) }
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Answering(engine))
                }
            }
            .bind(unixDomainSocketPath: path).get()
        let client = try EngineClient(
            endpoint: EngineEndpoint(dockerHost: "unix://\(path)"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<Void, any Error>
        do { result = .success(try await body(engine, client)) } catch { result = .failure(error) }
        await client.shutdown()
        try await server.close()
        try result.get()
    }

    private func answer(_ head: HTTPRequestHead, _ body: String) -> (status: Int, body: String) {
        var path = head.uri.prefix { $0 != "?" }
        if path.hasPrefix("/v1."), let slash = path.dropFirst().firstIndex(of: "/") { path = path[slash...] }
        if path == "/_ping" { return (200, "OK") }
        let call = "\(head.method.rawValue) \(path)"
        seen.withLock { $0.append((call, body)) }
        return answers[call] ?? (500, #"{"message":"no answer to \#(call)"}"#)
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let engine: CannedEngine
        private var head: HTTPRequestHead?
        private var body = ""

        init(_ engine: CannedEngine) { self.engine = engine }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ""
            case .body(let bytes): body += String(buffer: bytes)
            case .end:
                guard let head else { return }
                let (status, text) = engine.answer(head, body)
                let headers: HTTPHeaders = ["Api-Version": engine.version, "Content-Length": "\(text.utf8.count)"]
                let answer = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
                context.write(wrapOutboundOut(.head(answer)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
