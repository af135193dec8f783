internal import NIOCore
internal import NIOPosix
internal import RancherAPI
internal import Synchronization

/// How to get to a server: straight or through a proxy, with or without TLS.
struct Route: Sendable {
    let url: APIURL
    let proxy: ProxySettings.Proxy?
    /// The variable that names the proxy.
    let variable: String

    init(to url: APIURL, _ proxies: ProxySettings) {
        self.url = url
        proxy = proxies.proxy(for: url)
        variable = proxies.variable(for: url)
    }

    /// Whom the connection is made to.
    var host: String { proxy?.host ?? url.host }
    var port: Int { proxy?.port ?? url.effectivePort }
    /// The proxy that may answer in the place of the server, which none can inside of TLS.
    var answeringProxy: ProxySettings.Proxy? { url.isEncrypted ? nil : proxy }
    var party: Party { proxy == nil ? .server : .proxy(variable: variable) }

    /// Why nothing was learned of the server.
    enum Hitch: Sendable, Hashable {
        case proxy(ProxyTrouble)
        /// The server, or what the proxy says is the server, has not brought us to the goal in time.
        case silent(Duration)
        case failed(String)
    }

    /// Opens a connection; a tunnel through the proxy is asked for in it. At the deadline it is closed, whatever is going
    /// on, unless the goal has been reached.
    ///
    /// - Parameters:
    ///   - goal: Succeeds with what was learned; with a hitch if that comes first. Its event loop is the one that the
    ///     connection and its handlers run on.
    ///   - deadline: The time for reaching the goal, from now on.
    ///   - outcome: What a hitch means to the goal.
    ///   - handlers: Adds what speaks on the connection.
    func open<Outcome: Sendable>(
        for goal: EventLoopPromise<Outcome>, within deadline: Duration,
        outcome: @escaping @Sendable (Hitch) -> Outcome,
        handlers: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let eventLoop = goal.futureResult.eventLoop
        let time = TimeAmount.nanoseconds(Int64(deadline / .nanoseconds(1)))
        let progress = Progress()
        let channel = ClientBootstrap(group: eventLoop)
            .connectTimeout(time)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let proxy {
                        let tunnel = ProxyTunnelHandler(to: url, through: proxy) { refusal in
                            let reason = ProxyTrouble.Reason.refused(status: refusal.status, refusal.error.message)
                            goal.succeed(outcome(.proxy(trouble(reason, proxy))))
                        }
                        try channel.pipeline.syncOperations.addHandlers(tunnel, TunnelWatch(progress))
                    }
                    try handlers(channel)
                }
            }
            .connect(host: host, port: port)
        channel.whenFailure { goal.succeed(outcome(.failed(HTTPCaller.describe($0)))) }
        let end = eventLoop.scheduleTask(in: time) {
            if let proxy, !progress.isThrough {
                goal.succeed(outcome(.proxy(trouble(.silent(deadline), proxy))))
            } else {
                goal.succeed(outcome(.silent(deadline)))
            }
            channel.whenSuccess { $0.close(promise: nil) }
        }
        goal.futureResult.whenComplete { _ in end.cancel() }
        return channel
    }

    private func trouble(_ reason: ProxyTrouble.Reason, _ proxy: ProxySettings.Proxy) -> ProxyTrouble {
        ProxyTrouble(
            proxy: "\(proxy)", variable: variable, host: url.host, port: url.effectivePort, reason: reason)
    }
}

/// How far a connection has come.
private final class Progress: Sendable {
    private let tunnelIsOpen = Mutex(false)

    var isThrough: Bool { tunnelIsOpen.withLock { $0 } }
    func tunnelOpened() { tunnelIsOpen.withLock { $0 = true } }
}

/// Behind the handler that asks for the tunnel: hears that there is a connection when the tunnel is there.
private final class TunnelWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let progress: Progress

    init(_ progress: Progress) { self.progress = progress }

    func channelActive(context: ChannelHandlerContext) {
        progress.tunnelOpened()
        context.fireChannelActive()
    }
}
