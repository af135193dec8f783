import NIOCore
import NIOHTTP1
import NIOPosix

/// A server on this machine that answers as it is told.
actor MetadataServer {
    enum Answer: Sendable {
        case ok(String)
        case status(Int)
        case silence
        case close
    }

    /// Method, path and token of each request.
    private(set) var requests: [String] = []
    private var answer: @Sendable (String) -> Answer = { _ in .status(404) }
    private let port: Int

    private init(port: Int) { self.port = port }

    nonisolated func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    func answer(_ answer: @escaping @Sendable (String) -> Answer) { self.answer = answer }

    private func answered(_ request: String) -> Answer {
        requests.append(request)
        return answer(request)
    }

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    static func with(_ body: (MetadataServer) async throws -> Void) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        let server = MetadataServer(port: listener.channel.localAddress?.port ?? 0)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask {
                try? await listener.executeThenClose { connections in
                    await withDiscardingTaskGroup { group in
                        do {
                            for try await connection in connections {
                                group.addTask { try? await server.serve(connection) }
                            }
                        } catch {}
                        group.cancelAll()
                    }
                }
            }
            try await body(server)
            group.cancelAll()
        }
    }

    private nonisolated func serve(_ connection: Connection) async throws {
        try await connection.executeThenClose { input, output in
            for try await part in input {
                guard case .head(let head) = part else { continue }
                let token = head.headers.first(name: "X-aws-ec2-metadata-token").map { " " + $0 } ?? ""
                let (status, text): (HTTPResponseStatus, String)
                switch await answered("\(head.method) \(head.uri)\(token)") {
                case .ok(let body): (status, text) = (.ok, body)
                case .status(let code): (status, text) = (.init(statusCode: code), "")
                case .silence: continue
                case .close: return
                }
                let headers: HTTPHeaders = ["Content-Length": "\(text.utf8.count)"]
                try await output.write(.head(.init(version: .http1_1, status: status, headers: headers)))
                try await output.write(.body(.byteBuffer(ByteBuffer(string: text))))
                try await output.write(.end(nil))
            }
        }
    }
}
