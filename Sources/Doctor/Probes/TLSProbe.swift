internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS
internal import RancherAPI
internal import Synchronization

/// Speaks TLS with a server, in the way in which the agent does, and reads what it does not accept.
struct TLSProbe: Sendable {
    let route: Route
    /// The agent's own; the file with authorities is a part of it.
    let configuration: TLSConfiguration
    /// For each handshake.
    let deadline: Duration

    func shakeHands() async -> TLSObservation {
        guard route.url.isEncrypted else { return .notWanted }
        let first = await handshake(collecting: nil)
        guard first == .untrusted([]) || first == .wrongName([]) else { return first }
        // The library does not say what it is that it does not accept: the second look is at the certificates.
        let chain = Mutex<[CertificateFacts]>([])
        _ = await handshake { certificates in chain.withLock { $0 = certificates } }
        let certificates = chain.withLock { $0 }
        return first == .untrusted([]) ? .untrusted(certificates) : .wrongName(certificates)
    }

    /// - Parameter collecting: Takes the certificates of the server, none of which is then accepted.
    private func handshake(
        collecting collect: (@Sendable ([CertificateFacts]) -> Void)?
    ) async -> TLSObservation {
        let context: NIOSSLContext
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            return .failed("\(error)")
        }
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let promise = eventLoop.makePromise(of: TLSObservation.self)
        let deadlineTask = eventLoop.scheduleTask(in: .nanoseconds(Int64(deadline / .nanoseconds(1)))) {
            promise.succeed(.silent(deadline))
        }
        promise.futureResult.whenComplete { _ in deadlineTask.cancel() }
        let host = route.url.host
        let channel = route.open(
            on: eventLoop, within: deadline, isTunnelled: true,
            onRefusal: { promise.succeed(.refusedByProxy($0.message)) },
            handlers: { (channel: any Channel) in
                let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
                let tls: NIOSSLClientHandler
                if let collect {
                    tls = try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host) {
                        (certificates: [NIOSSLCertificate], verdict: EventLoopPromise<NIOSSLVerificationResult>) in
                        collect(certificates.map(CertificateFacts.init))
                        verdict.succeed(.failed)
                    }
                } else {
                    tls = try .to(host, context)
                }
                try channel.pipeline.syncOperations.addHandler(tls)
                try channel.pipeline.syncOperations.addHandler(HandshakeWatch(outcome: promise))
            })
        channel.whenFailure { promise.succeed(.failed("\($0)")) }
        let observation = try? await promise.futureResult.get()
        channel.whenSuccess { $0.close(promise: nil) }
        return observation ?? .failed("nothing was seen")
    }
}

/// Tells how a handshake ends.
private final class HandshakeWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let outcome: EventLoopPromise<TLSObservation>

    init(outcome: EventLoopPromise<TLSObservation>) { self.outcome = outcome }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let own = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            outcome.succeed(.trusted(own.map(CertificateFacts.init)))
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        outcome.succeed(Self.observation(of: error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { outcome.succeed(.closed) }
    func handlerRemoved(context: ChannelHandlerContext) { outcome.succeed(.closed) }

    private static func observation(of error: any Error) -> TLSObservation {
        let text = "\(error)"
        if let error = error as? NIOSSLExtraError {
            return error == .failedToValidateHostname ? .wrongName([]) : .failed(text)
        }
        guard let error = error as? NIOSSLError else { return .failed(text) }
        switch error {
        case .handshakeFailed(.sslError(let stack)):
            let said = "\(stack)"
            if said.contains("CERTIFICATE_VERIFY_FAILED") { return .untrusted([]) }
            if said.contains("WRONG_VERSION_NUMBER") || said.contains("HTTP_REQUEST") { return .notTLS }
            if said.contains("EOF during handshake") { return .closed }
            return .failed(said)
        case .uncleanShutdown: return .closed
        default: return .failed(text)
        }
    }
}
