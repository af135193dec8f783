import HTTPTransport
package import Logging
package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A client of one Docker Engine.
///
/// Every call has a deadline, is never repeated if it may have taken effect, and throws ``EngineError`` only.
package final class EngineClient: Sendable {
    /// The engine that is spoken to.
    package let endpoint: EngineEndpoint
    /// The longest time of each kind of call.
    package let deadlines: Deadlines
    let preferredVersion: APIVersion?
    let logger: Logger
    let onCall: CallObserver?
    let negotiation = Mutex<Negotiated?>(nil)
    let transport: HTTPTransport

    /// Hears of every call when its answer is there, or the head of its answer where that is a stream of events: what kind
    /// of call it was, such as `POST containers/create`, how long that has taken, and the failure if it was one.
    package typealias CallObserver = @Sendable (_ call: String, _ took: Duration, _ failure: EngineError?) -> Void

    /// No connection is made yet; the certificates are read.
    ///
    /// - Parameters:
    ///   - preferredVersion: The API version to speak if the engine knows it (`DOCKER_API_VERSION`).
    ///   - onCall: Called where the call was made; it must return at once.
    /// - Throws: ``EngineError`` of kind `configuration` for unreadable certificates.
    package init(
        endpoint: EngineEndpoint, deadlines: Deadlines = Deadlines(), preferredVersion: APIVersion? = nil,
        logger: Logger, eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onCall: CallObserver? = nil
    ) throws(EngineError) {
        self.endpoint = endpoint
        self.deadlines = deadlines
        self.preferredVersion = preferredVersion
        self.logger = logger
        self.onCall = onCall
        var limits = HTTPTransportLimits()
        limits.connect = TimeAmount(deadlines.connect)
        if case .tcp = endpoint.address { limits.idle = .seconds(30) }
        transport = HTTPTransport(
            address: endpoint.address, tls: try Self.tlsContext(endpoint), limits: limits,
            eventLoop: eventLoopGroup.next())
    }

    /// Closes all connections; calls that are under way fail as cancelled.
    package func shutdown() async { await transport.shutDown() }

    private static func tlsContext(_ endpoint: EngineEndpoint) throws(EngineError) -> NIOSSLContext? {
        do {
            return try tlsConfiguration(endpoint).map { try NIOSSLContext(configuration: $0) }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(
                .configuration, "the certificates for \(endpoint) cannot be used", cause: String(describing: error))
        }
    }

    private static func tlsConfiguration(_ endpoint: EngineEndpoint) throws(EngineError) -> TLSConfiguration? {
        var configuration = TLSConfiguration.makeClientConfiguration()
        let directory: String
        let verifiesServer: Bool
        switch endpoint.tls {
        case .none: return nil
        case .systemAuthorities: return configuration
        case .certificates(let path, let verifies): (directory, verifiesServer) = (path, verifies)
        }
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
