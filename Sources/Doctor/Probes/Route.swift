internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import RancherAPI

/// How to get to a server: straight or through a proxy, with or without TLS.
struct Route: Sendable {
    let url: APIURL
    let proxy: ProxySettings.Proxy?

    /// Whom the connection is made to.
    var host: String { proxy?.host ?? url.host }
    var port: Int { proxy?.port ?? url.effectivePort }

    /// Opens a connection; a tunnel through the proxy is asked for in it. The deadline closes it whatever is going on.
    ///
    /// - Parameters:
    ///   - eventLoop: The one that the connection and its handlers run on.
    ///   - deadline: The time for connecting to the server or the proxy.
    ///   - isTunnelled: Whether a proxy is asked for a connection of our own.
    ///   - onRefusal: Called if the proxy does not let us through.
    ///   - handlers: What speaks on the connection.
    func open(
        on eventLoop: any EventLoop, within deadline: Duration, isTunnelled: Bool,
        onRefusal: @escaping @Sendable (RancherError) -> Void,
        handlers: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: eventLoop)
            .connectTimeout(.nanoseconds(Int64(deadline / .nanoseconds(1))))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let proxy, isTunnelled {
                        try channel.pipeline.syncOperations.addHandler(
                            ProxyTunnelHandler(to: url, through: proxy, onRefusal: onRefusal))
                    }
                    try handlers(channel)
                }
            }
            .connect(host: host, port: port)
    }
}
