package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

/// A small Rancher server, of the 2.0 tech preview or of 1.6: it registers hosts, takes their event subscriptions, sends
/// them events and keeps what they publish. Enough to try an agent out without a Rancher installation, with switches
/// for the ways in which a server or the network can fail.
///
/// All of it lives in memory, unless there is a journal. A server has to be ended with ``stop()``; ``withServer(dialect:host:port:tls:token:body:)`` does
/// that by itself.
package final class RancherServer: Sendable {
    /// A certificate with its key, both as PEM text, to serve https and wss.
    package struct TLS: Sendable, Hashable {
        /// The certificate, or a chain that begins with it.
        package let certificate: String
        /// The key of the first certificate.
        package let privateKey: String

        /// A certificate (chain) and its key as PEM text.
        package init(certificate: String, privateKey: String) {
            self.certificate = certificate
            self.privateKey = privateKey
        }
    }

    /// The token in the registration URL; it contains `:` and `=`.
    package let token: String
    /// What the server speaks.
    package let dialect: Dialect
    let host: String
    let group: any EventLoopGroup
    let tls: NIOSSLContext?
    /// The certificate that vouches for this server, as PEM text; `nil` without TLS.
    let authority: String?
    let state: Mutex<ServerState>
    let routes: [Route]

    private init(dialect: Dialect, host: String, token: String, tls: TLS?, group: any EventLoopGroup) throws {
        self.dialect = dialect
        state = Mutex(ServerState(dialect: dialect))
        routes = Self.routes(of: dialect)
        self.host = host
        self.token = token
        self.tls = try tls.map(Self.context)
        authority = tls?.certificate
        self.group = group
    }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - dialect: What it speaks.
    ///   - host: The address to listen on.
    ///   - port: The port; 0 takes a free one, see ``port``.
    ///   - tls: Serves https and wss with this certificate; plain http and ws without.
    ///   - token: The registration token.
    ///   - journal: A file that keeps what is sent and taken; one that is there already is gone on with.
    ///   - group: The threads that the server and its connections run on.
    /// - Throws: NIO's error if the port cannot be bound, NIOSSL's if the certificate is unusable,
    ///   ``SimulatorError/badFile(_:)`` if the journal is.
    package static func start(
        dialect: Dialect = .rancher20, host: String = "127.0.0.1", port: Int = 0, tls: TLS? = nil,
        token: String? = nil, journal: String? = nil,
        group: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) async throws -> RancherServer {
        let server = try RancherServer(
            dialect: dialect, host: host, token: token ?? Identity.defaultToken, tls: tls, group: group)
        let opened = try journal.map { try Journal(path: $0) }
        try server.state.withLock { state in
            state.port = port
            if let opened { try state.resume(opened) }
        }
        try await server.resume()
        return server
    }

    /// Starts a server, runs the body with it and stops it, also when the body throws.
    @discardableResult
    package static func withServer<Result>(
        dialect: Dialect = .rancher20, host: String = "127.0.0.1", port: Int = 0, tls: TLS? = nil,
        token: String? = nil,
        body: (RancherServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(dialect: dialect, host: host, port: port, tls: tls, token: token)
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    /// The port on which the server listens, or listened before it was suspended.
    package var port: Int { state.withLock { $0.port } }

    /// The server's address without a path, such as `http://127.0.0.1:8080`.
    package var url: String { "\(scheme)://\(host):\(port)" }

    var scheme: String { tls == nil ? "http" : "https" }

    /// The API's address, the agent's `CATTLE_URL`.
    package var apiURL: String { "\(url)/\(dialect.versions[0])" }

    /// What a host is registered with.
    package var registrationURL: String { "\(apiURL)/scripts/\(token)" }

    /// The PEM block that `api.crt` is.
    package static var apiCertificate: String { Identity.apiCertificate }

    /// The faults that the server has now; may be set at any time.
    package var faults: Faults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    /// Changes some faults and leaves the others, with their running counters, alone.
    package func setFaults(_ change: (inout Faults) -> Void) { state.withLock { change(&$0.faults) } }

    // MARK: Outages

    /// True while the server listens.
    package var isListening: Bool { state.withLock { $0.listener != nil } }

    /// Stops to listen and closes all connections; what the server knows is kept. Connecting is refused from now on.
    package func suspend() async {
        let (listener, connections) = state.withLock { state in
            let taken = (state.listener, Array(state.connections.values))
            state.listener = nil
            state.isAccepting = false
            Self.endAll(in: &state)
            return taken
        }
        try? await listener?.close().get()
        for connection in connections { Self.cut(connection) }
        for connection in connections { try? await connection.closeFuture.get() }
    }

    /// Listens again on the same port.
    ///
    /// - Throws: ``SimulatorError/wrongState(_:)`` after ``stop()``, NIO's error if the port is taken.
    package func resume() async throws {
        let (port, wasAccepting, hasStopped) = state.withLock { state in
            defer { if !state.hasStopped { state.isAccepting = true } }
            return (state.port, state.isAccepting, state.hasStopped)
        }
        if hasStopped { throw SimulatorError.wrongState("the server has been stopped") }
        if wasAccepting { return }
        do {
            try await bind(port: port)
        } catch {
            state.withLock { $0.isAccepting = false }
            throw error
        }
    }

    private func bind(port: Int) async throws {
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel) }
            }
            .bind(host: host, port: port).get()
        state.withLock { state in
            state.listener = listener
            state.port = listener.localAddress?.port ?? port
        }
    }

    /// Ends the server for good.
    package func stop() async {
        await suspend()
        let observers = state.withLock { state in
            state.hasStopped = true
            defer { state.observers = [:] }
            return Array(state.observers.values)
        }
        for observer in observers { observer.finish() }
    }

    /// Cuts all websockets without a close frame, as a network failure does. New ones may be opened.
    package func cutSockets() {
        let channels = state.withLock { state in
            let channels = state.subscribers.map(\.channel)
            Self.endAll(in: &state)
            return channels
        }
        for channel in channels { Self.cut(channel) }
    }

    /// Makes all open websockets half open: they stay connected, but answer no ping, carry no heartbeat and lose every
    /// event. New ones are sound.
    package func silenceSockets() {
        state.withLock { state in
            for index in state.subscribers.indices { state.subscribers[index].isSilent = true }
        }
    }

    /// Closes all websockets with a close frame, as the server does after 12 hours (PROTOCOL.md 3.2).
    package func closeSockets() {
        let channels = state.withLock { state in
            let channels = state.subscribers.map(\.channel)
            Self.endAll(in: &state)
            return channels
        }
        for channel in channels {
            // 1000, in network byte order.
            let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: ByteBuffer(bytes: [0x03, 0xE8]))
            channel.writeAndFlush(frame).whenComplete { _ in channel.close(promise: nil) }
        }
    }

    // MARK: Connections

    private static func endAll(in state: inout ServerState) {
        for subscriber in state.subscribers { state.report(.unsubscribed(subscriber.subscription)) }
        state.subscribers = []
    }

    /// Closes a channel at once: with TLS, without the farewell that waits for the other side.
    private static func cut(_ channel: any Channel) {
        channel.eventLoop.execute {
            if let context = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
                context.close(promise: nil)
            } else {
                channel.close(promise: nil)
            }
        }
    }

    private func prepare(_ channel: any Channel) throws {
        let isWanted = state.withLock { state in
            guard state.isAccepting else { return false }
            state.connections[ObjectIdentifier(channel)] = channel
            return true
        }
        guard isWanted else { throw SimulatorError.wrongState("the server does not listen") }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
        }

        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        let refused = NIOLoopBoundBox<Answer?>(nil, eventLoop: channel.eventLoop)
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 20,
            shouldUpgrade: { channel, head in
                switch self.admission(of: head) {
                case .admitted: return channel.eventLoop.makeSucceededFuture([:])
                case .refused(let answer):
                    refused.value = answer
                    return channel.eventLoop.makeSucceededFuture(nil)
                }
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    let handler = SubscriptionHandler(server: self, subscription: self.subscription(for: head))
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            })
        try pipeline.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in
                    let pipeline = context.pipeline.syncOperations
                    if let exchange = try? pipeline.context(handlerType: HTTPExchangeHandler.self) {
                        pipeline.removeHandler(context: exchange, promise: nil)
                    }
                }
            ))
        try pipeline.addHandler(HTTPExchangeHandler(server: self, refusedUpgrade: refused))
    }

    private static func context(_ tls: TLS) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(tls.certificate.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(tls.privateKey.utf8), format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
    }
}
