internal import Model
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

    /// The second is the server's time, if its certificates are not accepted and it tells.
    func shakeHands() async -> (TLSObservation, serverTime: Timestamp?) {
        guard route.url.isEncrypted else { return (.notWanted, nil) }
        let first = await handshake(secondLook: nil)
        guard first == .untrusted([]) || first == .wrongName([]) else { return (first, nil) }
        // The library does not say what it is that it does not accept.
        let look = SecondLook()
        _ = await handshake(secondLook: look)
        let (certificates, serverTime) = (look.certificates, look.serverTime)
        return (first == .untrusted([]) ? .untrusted(certificates) : .wrongName(certificates), serverTime)
    }

    /// - Parameter secondLook: Takes the certificates of the server, which are accepted whatever they are, for a
    ///   question that tells nothing: what time it is.
    private func handshake(secondLook: SecondLook?) async -> TLSObservation {
        let handler: @Sendable () throws -> NIOSSLClientHandler
        do {
            handler = try secondLook.map(self.handler) ?? self.handler()
        } catch {
            return .failed("\(error)")
        }
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let promise = eventLoop.makePromise(of: TLSObservation.self)
        let authority = route.url.authority
        let channel = route.open(
            for: promise, within: deadline,
            outcome: { hitch in
                switch hitch {
                case .proxy(let trouble): .proxy(trouble)
                case .silent(let deadline): .silent(deadline)
                case .failed(let reason): .failed(reason)
                }
            },
            handlers: { channel in
                try channel.pipeline.syncOperations.addHandler(handler())
                try channel.pipeline.syncOperations.addHandler(
                    HandshakeWatch(outcome: promise, secondLook: secondLook, authority: authority))
            })
        let observation = try? await promise.futureResult.get()
        channel.whenSuccess { $0.close(promise: nil) }
        return observation ?? .failed("nothing was seen")
    }

    /// The agent's own.
    private func handler() throws -> @Sendable () throws -> NIOSSLClientHandler {
        let tls = try ServerTLS(to: route.url.host, isTunnelled: route.proxy != nil, configuration)
        return { try tls.handler() }
    }

    /// One that accepts everything, and shows it.
    private func handler(_ look: SecondLook) throws -> @Sendable () throws -> NIOSSLClientHandler {
        var configuration = configuration
        configuration.certificateVerification = .noHostnameVerification
        let context = try NIOSSLContext(configuration: configuration)
        let name = IPAddress(route.url.host) == nil ? route.url.host : nil
        return {
            try NIOSSLClientHandler(context: context, serverHostname: name) {
                (certificates: [NIOSSLCertificate], verdict: EventLoopPromise<NIOSSLVerificationResult>) in
                look.take(certificates.map(CertificateFacts.init))
                verdict.succeed(.certificateVerified)
            }
        }
    }
}

/// What is seen of a server that is not trusted.
private final class SecondLook: Sendable {
    private let seen = Mutex<(certificates: [CertificateFacts], serverTime: Timestamp?)>(([], nil))

    var certificates: [CertificateFacts] { seen.withLock { $0.certificates } }
    var serverTime: Timestamp? { seen.withLock { $0.serverTime } }

    func take(_ certificates: [CertificateFacts]) { seen.withLock { $0.certificates = certificates } }
    func take(_ serverTime: Timestamp?) { seen.withLock { $0.serverTime = serverTime } }
}

/// Tells how a handshake ends.
private final class HandshakeWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let outcome: EventLoopPromise<TLSObservation>
    private let secondLook: SecondLook?
    private let authority: String
    private var head = ByteBuffer()
    /// Of the addresses of a name, those that do not connect end without having said anything.
    private var isConnected = false

    init(outcome: EventLoopPromise<TLSObservation>, secondLook: SecondLook?, authority: String) {
        self.outcome = outcome
        self.secondLook = secondLook
        self.authority = authority
    }

    func channelActive(context: ChannelHandlerContext) {
        isConnected = true
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            if secondLook != nil {
                let question = "HEAD / HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n\r\n"
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: question)), promise: nil)
                return
            }
            let own = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            outcome.succeed(.trusted(own.map(CertificateFacts.init)))
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let secondLook else { return }
        var chunk = unwrapInboundIn(data)
        head.writeBuffer(&chunk)
        let bytes = head.readableBytesView
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            // No server says more than that before its time.
            if bytes.count > 64 << 10 { outcome.succeed(.closed) }
            return
        }
        let text = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        secondLook.take(AnswerHead(text)?.date)
        outcome.succeed(.closed)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        outcome.succeed(Self.observation(of: error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { end() }
    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        if isConnected { outcome.succeed(.closed) }
    }

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
