package import DockerEngine
import Foundation
package import Logging
package import NIOCore
package import NIOHTTP1
import NIOPosix
package import NIOSSL
import Synchronization

/// A request as it arrived at the stub.
package struct StubRequest: Sendable {
    package var method: String
    package var uri: String
    package var headers: HTTPHeaders
    package var body: [UInt8]

    /// The URI without the version in front of it.
    package var path: String {
        guard uri.hasPrefix("/v1."), let slash = uri.dropFirst().firstIndex(of: "/") else { return uri }
        return String(uri[slash...])
    }
}

/// The connection on which a request came, to answer it byte by byte.
package struct StubConnection: Sendable {
    package let channel: any Channel
    package let writer: NIOAsyncChannelOutboundWriter<ByteBuffer>

    package func send(_ text: String) async throws { try await writer.write(ByteBuffer(string: text)) }

    package func answer(_ status: Int, _ body: String = "", _ headers: [(String, String)] = []) async throws {
        let lines = headers.map { "\($0): \($1)\r\n" }.joined()
        let hasBody = status != 204 && status != 304
        try await send(
            "HTTP/1.1 \(status) Some Reason\r\n\(lines)"
                + (hasBody ? "Content-Length: \(body.utf8.count)\r\n\r\n\(body)" : "\r\n"))
    }

    package func beginStream() async throws {
        try await send(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    package func chunk(_ bytes: some Collection<UInt8>) async throws {
        var buffer = ByteBuffer(string: String(bytes.count, radix: 16) + "\r\n")
        buffer.writeBytes(bytes)
        buffer.writeString("\r\n")
        try await writer.write(buffer)
    }

    package func chunk(_ text: String) async throws { try await chunk(Array(text.utf8)) }

    package func endStream() async throws { try await send("0\r\n\r\n") }

    package func close() async throws { try await channel.close() }

    /// Returns when the client has gone away.
    package func disconnected() async throws { try await channel.closeFuture.get() }
}

/// A small engine on a real socket, whose answers a test writes.
package struct StubEngine: Sendable {
    package typealias Script = @Sendable (StubRequest, StubConnection) async throws -> Void

    package let requests: RequestLog
    package let endpoint: EngineEndpoint

    /// All requests but those of the negotiation.
    package var calls: [StubRequest] { requests.all.filter { $0.uri != "/_ping" && $0.uri != "/version" } }
    package var pings: Int { requests.all.count { $0.uri == "/_ping" } }

    package func client(
        deadlines: Deadlines = Deadlines(), preferredVersion: APIVersion? = nil,
        onCall: EngineClient.CallObserver? = nil
    ) throws -> EngineClient {
        try EngineClient(
            endpoint: endpoint, deadlines: deadlines, preferredVersion: preferredVersion, logger: .quiet,
            onCall: onCall)
    }
}

package final class RequestLog: Sendable {
    private let requests = Mutex<[StubRequest]>([])
    package var all: [StubRequest] { requests.withLock { $0 } }
    package func append(_ request: StubRequest) { requests.withLock { $0.append(request) } }
}

extension Logger {
    package static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}

/// Something that one side waits for and the other does.
package final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    package init() { (stream, continuation) = AsyncStream.makeStream() }

    package func open() { continuation.finish() }
    package func wait() async { for await _ in stream {} }
}

package final class Collected<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    package init() {}

    package var all: [Element] { elements.withLock { $0 } }
    package func append(_ element: Element) { elements.withLock { $0.append(element) } }
}

/// A path for a socket that is short enough for the kernel.
package func socketPath() -> String { "/tmp/stub-\(UInt64.random(in: 0...UInt64.max)).sock" }

/// Runs the engine for the length of `body`. A ping is answered with `version`, unless that is `nil`.
package func withStub(
    version: String? = "1.51", socket: String? = nil, script: @escaping StubEngine.Script,
    body: (StubEngine) async throws -> Void
) async throws {
    let path = socket ?? socketPath()
    defer { unlink(path) }
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true) { prepare($0, tls: nil) }
    try await serve(
        server, at: try EngineEndpoint(dockerHost: "unix://\(path)"), version: version, script: script, body: body)
}

/// The same on a TCP port of the address, which stands in the place of `%` in `dockerHost`.
package func withTCPStub(
    address: String = "127.0.0.1", dockerHost: String, certificatePath: String? = nil, verifyTLS: String? = nil,
    tls: NIOSSLContext? = nil, script: @escaping StubEngine.Script, body: (StubEngine) async throws -> Void
) async throws {
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .bind(host: address, port: 0) { prepare($0, tls: tls) }
    let port = server.channel.localAddress?.port ?? 0
    let endpoint = try EngineEndpoint(
        dockerHost: dockerHost.replacingOccurrences(of: "%", with: "\(port)"), certificatePath: certificatePath,
        verifyTLS: verifyTLS)
    try await serve(server, at: endpoint, version: "1.51", script: script, body: body)
}

private typealias Child = NIOAsyncChannel<HTTPServerRequestPart, ByteBuffer>

private func prepare(_ channel: any Channel, tls: NIOSSLContext?) -> EventLoopFuture<Child> {
    channel.eventLoop.makeCompletedFuture {
        if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
        try channel.pipeline.syncOperations.addHandler(
            ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
        return try Child(wrappingChannelSynchronously: channel)
    }
}

private func serve(
    _ server: NIOAsyncChannel<Child, Never>, at endpoint: EngineEndpoint, version: String?,
    script: @escaping StubEngine.Script, body: (StubEngine) async throws -> Void
) async throws {
    let log = RequestLog()
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            try? await server.executeThenClose { connections in
                await withDiscardingTaskGroup { connectionGroup in
                    do {
                        for try await connection in connections {
                            connectionGroup.addTask { await converse(connection, version, log, script) }
                        }
                    } catch {}
                    connectionGroup.cancelAll()
                }
            }
        }
        defer { group.cancelAll() }
        try await body(StubEngine(requests: log, endpoint: endpoint))
    }
}

private func converse(_ connection: Child, _ version: String?, _ log: RequestLog, _ script: StubEngine.Script) async {
    try? await connection.executeThenClose { inbound, outbound in
        var request: StubRequest?
        for try await part in inbound {
            switch part {
            case .head(let head):
                request = StubRequest(method: head.method.rawValue, uri: head.uri, headers: head.headers, body: [])
            case .body(let bytes): request?.body.append(contentsOf: bytes.readableBytesView)
            case .end:
                guard let whole = request else { continue }
                log.append(whole)
                let answerer = StubConnection(channel: connection.channel, writer: outbound)
                if let version, whole.uri == "/_ping" {
                    try await answerer.answer(200, "OK", [("Api-Version", version)])
                } else {
                    try await script(whole, answerer)
                }
            }
        }
    }
}

/// Gives the client to the body and shuts it down after it.
package func using(_ client: EngineClient, _ body: (EngineClient) async throws -> Void) async throws {
    do {
        try await body(client)
    } catch {
        await client.shutdown()
        throw error
    }
    await client.shutdown()
}

/// The error that the call throws.
package func failure(of call: () async throws -> Void) async -> EngineError? {
    do {
        try await call()
        return nil
    } catch {
        return error as? EngineError
    }
}
