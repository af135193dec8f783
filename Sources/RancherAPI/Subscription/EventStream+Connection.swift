package import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

extension EventStream {
    /// Opens one connection and stays until it ends.
    ///
    /// - Parameters:
    ///   - link: The `subscribe` schema's collection, if the server names one.
    ///   - dialect: The server's, if it is known.
    /// - Returns: Why it ended. After a cancellation the close frame is sent and answered, or its deadline is over.
    /// - Throws: ``RancherError`` if it could not be opened, with the server's status and words if it refused;
    ///   `CancellationError` if that was cancelled.
    package func run(link: APIURL? = nil, dialect: Dialect? = nil, sinks: Sinks) async throws -> End {
        do {
            return try await connect(link: link, dialect: dialect, sinks: sinks)
        } catch let refusal as NoWay {
            throw refusal.reason
        }
    }

    /// The proxy cannot be reached, or opens no way to the server, which has said nothing.
    struct NoWay: Error, CustomStringConvertible {
        let reason: RancherError

        var description: String { reason.description }
    }

    /// The same; throws `NoWay` besides.
    func connect(link: APIURL?, dialect: Dialect?, sinks: Sinks) async throws -> End {
        let opening = Opening(eventLoop: MultiThreadedEventLoopGroup.singleton.any())
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            let url = subscriptionURL(link: link, dialect: dialect)
            do {
                try open(url, opening, sinks)
            } catch {
                opening.fail(Self.failure(error, place: url.withoutQuery))
            }
            return try await opening.outcome.get().get()
        } onCancel: {
            opening.cancel()
        }
    }

    private func open(_ url: APIURL, _ opening: Opening, _ sinks: Sinks) throws {
        // A websocket without TLS goes through a tunnel too (RFC 6455, 4.1).
        let proxy = proxies.proxy(for: url)
        let tls =
            url.isEncrypted
            ? try ServerTLS(to: url.host, isTunnelled: proxy != nil, .rancher(extraTrustRoots: extraTrustRoots)) : nil
        opening.failAfter(
            timing.handshakeDeadline,
            RancherError(.timedOut, "\(url.withoutQuery) did not open the websocket within \(timing.handshakeDeadline)")
        )
        ClientBootstrap(group: opening.eventLoop)
            .connectTimeout(TimeAmount(timing.connectDeadline))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let proxy {
                        let tunnel = ProxyTunnelHandler(to: url, through: proxy) {
                            opening.fail(NoWay(reason: $0.error))
                        }
                        try channel.pipeline.syncOperations.addHandler(tunnel)
                    }
                    if let tls { try channel.pipeline.syncOperations.addHandler(tls.handler()) }
                    let upgrade = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                        configuration: upgradeConfiguration(url, sinks))
                    opening.channelCreated(channel, upgrade: upgrade)
                }
            }
            .connect(host: proxy?.host ?? url.host, port: proxy?.port ?? url.effectivePort)
            .whenComplete { result in
                switch (result, proxy) {
                case (.success(let channel), _): opening.connected(channel, place: url.withoutQuery)
                case (.failure(let error), nil): opening.fail(Self.failure(error, place: url.withoutQuery))
                case (.failure(let error), let proxy?):
                    let reason = RancherError(
                        .unreachable, "the proxy \(proxy) cannot be reached: \(HTTPCaller.describe(error))")
                    opening.fail(NoWay(reason: reason))
                }
            }
    }

    private func upgradeConfiguration(
        _ url: APIURL, _ sinks: Sinks
    ) -> NIOUpgradableHTTPClientPipelineConfiguration<Upgrade> {
        var headers = HTTPHeaders()
        headers.add(name: "Host", value: url.authority)
        headers.add(name: "Authorization", value: key.authorization)
        headers.add(name: "Content-Length", value: "0")
        let path = (url.path.isEmpty ? "/" : url.path) + (url.query.isEmpty ? "" : "?\(url.query)")
        let (timing, limits) = (timing, limits)
        let upgrader = NIOTypedWebSocketClientUpgrader<Upgrade>(
            maxFrameSize: limits.skimmedMessageBytes, enableAutomaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let end = channel.eventLoop.makePromise(of: End.self)
                let handler = EventStreamHandler(sinks: sinks, timing: timing, limits: limits, end: end)
                do {
                    try channel.pipeline.syncOperations.addHandler(handler)
                } catch {
                    end.fail(error)
                    throw error
                }
                return .open(end: end.futureResult)
            }
        }
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration<Upgrade>(
                upgradeRequestHead: HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers),
                upgraders: [upgrader]
            ) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let refusal = channel.eventLoop.makePromise(of: RancherError.self)
                    do {
                        try channel.pipeline.syncOperations.addHandler(RefusalHandler(url: url, refusal: refusal))
                    } catch {
                        refusal.fail(error)
                        throw error
                    }
                    return .refused(refusal.futureResult)
                }
            })
        // The first heartbeat may come in one packet with the server's consent.
        configuration.leftOverBytesStrategy = .forwardBytes
        return configuration
    }

    private static func failure(_ error: any Error, place: APIURL) -> RancherError {
        switch error {
        case let error as RancherError: error
        case ChannelError.connectTimeout: RancherError(.timedOut, "\(place) cannot be reached in time")
        case ChannelError.inappropriateOperationForState, ChannelError.eof:
            RancherError(.unreachable, "\(place) closed the connection instead of answering")
        case let error as NIOHTTPClientUpgradeError:
            RancherError(.badAnswer, "\(place) opens no proper websocket: \(error)")
        default: RancherError(.unreachable, "\(place) cannot be reached: \(HTTPCaller.describe(error))")
        }
    }

    /// What became of the handshake.
    fileprivate enum Upgrade: Sendable {
        case open(end: EventLoopFuture<End>)
        case refused(EventLoopFuture<RancherError>)
    }

    /// A connection on its way to being open. Whatever happens first decides: success, failure, deadline, cancellation.
    ///
    /// Everything happens on the one event loop that the channels live on too.
    private final class Opening: Sendable {
        private enum State {
            /// Several channels while the addresses of a name are tried side by side. To `open` or `over`.
            case opening([ObjectIdentifier: (channel: any Channel, upgrade: EventLoopFuture<Upgrade>)])
            /// To `over`.
            case open(any Channel)
            /// For good.
            case over
        }

        let eventLoop: any EventLoop
        private let promise: EventLoopPromise<EventLoopFuture<End>>
        private let state: NIOLoopBoundBox<State>

        init(eventLoop: any EventLoop) {
            self.eventLoop = eventLoop
            promise = eventLoop.makePromise()
            state = .makeBoxSendingValue(.opening([:]), eventLoop: eventLoop)
        }

        /// Once it is open; the value is its end.
        var outcome: EventLoopFuture<EventLoopFuture<End>> { promise.futureResult }

        func failAfter(_ deadline: Duration, _ error: RancherError) {
            let task = eventLoop.scheduleTask(in: TimeAmount(deadline)) { self.fail(error) }
            promise.futureResult.whenComplete { _ in task.cancel() }
        }

        func channelCreated(_ channel: any Channel, upgrade: EventLoopFuture<Upgrade>) {
            switch state.value {
            case .opening(var attempts):
                attempts[ObjectIdentifier(channel)] = (channel, upgrade)
                state.value = .opening(attempts)
            case .open, .over: channel.close(promise: nil)
            }
        }

        func connected(_ channel: any Channel, place: APIURL) {
            guard case .opening(let attempts) = state.value, let (_, upgrade) = attempts[ObjectIdentifier(channel)]
            else {
                channel.close(promise: nil)
                return
            }
            upgrade.whenComplete { result in
                switch result {
                case .success(.open(let end)): self.opened(channel, end)
                case .success(.refused(let refusal)): refusal.whenSuccess { self.fail($0) }
                case .failure(let error): self.fail(EventStream.failure(error, place: place))
                }
            }
        }

        private func opened(_ channel: any Channel, _ end: EventLoopFuture<End>) {
            switch state.value {
            case .opening:
                state.value = .open(channel)
                promise.succeed(end)
            case .open, .over: channel.close(promise: nil)
            }
        }

        /// Can be called from anywhere.
        func fail(_ error: any Error) {
            eventLoop.execute {
                guard case .opening(let attempts) = self.state.value else { return }
                self.state.value = .over
                self.promise.fail(error)
                for (channel, _) in attempts.values { channel.close(promise: nil) }
            }
        }

        /// An open connection is closed in good manners, one on its way is dropped. Can be called from anywhere.
        func cancel() {
            fail(CancellationError())
            eventLoop.execute {
                guard case .open(let channel) = self.state.value else { return }
                self.state.value = .over
                channel.triggerUserOutboundEvent(EventStreamHandler.CloseRequest(), promise: nil)
            }
        }
    }
}
