import AsyncHTTPClient
import Glibc
package import Logging
package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A client of one Docker Engine.
///
/// Every call has a deadline, is sent at most once and never again by itself, and throws ``EngineError`` only. Calls
/// and streams use different HTTP clients, so that neither takes connections from the other.
package final class EngineClient: Sendable {
    /// The engine that is spoken to.
    package let endpoint: EngineEndpoint
    /// The longest time of each kind of call.
    package let deadlines: Deadlines
    let preferredVersion: APIVersion?
    let logger: Logger
    let negotiation = Mutex<Negotiated?>(nil)
    let calls: HTTPClient
    let streams: HTTPClient
    let ledger = SendLedger()

    /// No connection is made yet; the certificates are read.
    ///
    /// - Parameters:
    ///   - preferredVersion: The API version to speak if the engine knows it (`DOCKER_API_VERSION`).
    /// - Throws: ``EngineError`` of kind `configuration` for unreadable certificates.
    package init(
        endpoint: EngineEndpoint, deadlines: Deadlines = Deadlines(), preferredVersion: APIVersion? = nil,
        logger: Logger, eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws(EngineError) {
        self.endpoint = endpoint
        self.deadlines = deadlines
        self.preferredVersion = preferredVersion
        self.logger = logger
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try Self.tlsConfiguration(endpoint), redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(deadlines.connect)))
        configuration.httpVersion = .http1Only
        // A hung call must not make others wait for a connection.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        // Our callers know better when to try again, and until then want to know at once that nobody is there.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(30)
        if case .unixSocket = endpoint.address {
            // Connecting is cheap, and a fresh connection cannot turn out to belong to an engine that is gone.
            configuration.maximumUsesPerConnection = 1
        }
        let ledger = ledger
        let isRemote = if case .tcp = endpoint.address { true } else { false }
        configuration.http1_1ConnectionDebugInitializer = { channel in
            let watched = ledger.watch(channel)
            return isRemote ? watched.flatMap { Self.keepAlive(channel) } : watched
        }
        calls = HTTPClient(eventLoopGroupProvider: .shared(eventLoopGroup), configuration: configuration)
        streams = HTTPClient(eventLoopGroupProvider: .shared(eventLoopGroup), configuration: configuration)
    }

    /// Closes all connections; calls that are under way fail. Must be called once before the client is given up.
    package func shutdown() async throws {
        // Both are shut down, whatever the first has to say.
        let first: (any Error)?
        do {
            try await calls.shutdown()
            first = nil
        } catch {
            first = error
        }
        try await streams.shutdown()
        if let first { throw first }
    }

    /// A stream may be silent for days, so only the kernel can notice that a remote engine's host is gone: within a
    /// minute or so.
    private static func keepAlive(_ channel: any Channel) -> EventLoopFuture<Void> {
        let options: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] = [
            (.init(level: .socket, name: .so_keepalive), 1),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE)), 30),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), 10),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPCNT)), 3),
        ]
        let set = options.map { channel.setOption($0, value: $1) }
        // Not worth failing for.
        return EventLoopFuture.andAllComplete(set, on: channel.eventLoop)
    }

    private static func tlsConfiguration(_ endpoint: EngineEndpoint) throws(EngineError) -> TLSConfiguration? {
        guard case .certificates(let directory, let verifiesServer) = endpoint.tls else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        do {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(directory + "/cert.pem")
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: directory + "/key.pem", format: .pem))
            if verifiesServer {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(directory + "/ca.pem"))
            } else {
                configuration.certificateVerification = .none
            }
        } catch {
            throw EngineError(
                .configuration, "cannot read ca.pem, cert.pem and key.pem in \(directory)",
                cause: String(describing: error))
        }
        return configuration
    }
}
