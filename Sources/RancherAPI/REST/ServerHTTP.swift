package import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The HTTP clients for a Rancher server, one for each way there: straight, or through a proxy. Whoever makes it shuts
/// it down.
///
/// They follow no redirects by themselves: that would turn a `POST` into a `GET` and its refusal into a success.
package struct ServerHTTP: Sendable {
    /// For everything that goes straight to where it goes, whatever the proxy settings.
    package let straight: HTTPClient
    /// Which way a call takes.
    package let proxies: ProxySettings
    /// Has the proxy open a connection to the server, for TLS.
    private let tunnelled: HTTPClient?
    /// The same to a server that is known by its address: the library takes the other end of the connection for the
    /// server, and that is the proxy.
    private let tunnelledToAddress: HTTPClient?
    /// Hands the proxy whole requests. Not every proxy opens connections to another port than that of `https`.
    private let handedOn: HTTPClient?

    /// - Parameter extraTrustRoots: The path of a PEM file with certificates to trust besides the system's.
    /// - Throws: ``RancherError`` of the code `local` if that file cannot be read.
    package init(proxies: ProxySettings = .none, extraTrustRoots: String? = nil) throws(RancherError) {
        self.init(proxies, Self.configuration(try TLSConfiguration.rancher(extraTrustRoots: extraTrustRoots)))
    }

    /// One that takes any certificate for good: only for what is checked by other means.
    static func trustingAnybody(proxies: ProxySettings) -> ServerHTTP {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        return ServerHTTP(proxies, configuration(tls))
    }

    private init(_ proxies: ProxySettings, _ common: HTTPClient.Configuration) {
        self.proxies = proxies
        func client(_ change: (inout HTTPClient.Configuration) -> Void = { _ in }) -> HTTPClient {
            var configuration = common
            change(&configuration)
            return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
        }
        let tunnel = proxies.encrypted.map { proxy in
            HTTPClient.Configuration.Proxy.server(
                host: proxy.host, port: proxy.port,
                authorization: proxy.authorization.map { .basic(credentials: String($0.dropFirst("Basic ".count))) })
        }
        straight = client()
        tunnelled = tunnel.map { tunnel in client { $0.proxy = tunnel } }
        // Who trusts anybody asks for no name either.
        let checksNames = common.tlsConfiguration?.certificateVerification == .fullVerification
        tunnelledToAddress =
            !checksNames
            ? nil
            : tunnel.map { tunnel in
                client { configuration in
                    configuration.proxy = tunnel
                    configuration.tlsConfiguration?.certificateVerification = .noHostnameVerification
                    configuration.http1_1ConnectionDebugInitializer = {
                        $0.addingBehindEncoder(AddressCheckHandler.init)
                    }
                }
            }
        handedOn = proxies.plain.map { _ in
            client { configuration in
                configuration.http1_1ConnectionDebugInitializer = { $0.addingBehindEncoder(AbsoluteFormHandler.init) }
            }
        }
    }

    /// Ends all connections.
    package func shutdown() async throws {
        try await straight.shutdown()
        try await tunnelled?.shutdown()
        try await tunnelledToAddress?.shutdown()
        try await handedOn?.shutdown()
    }

    /// A request for the URL, and the client that takes it there.
    func request(_ url: APIURL) -> (request: HTTPClientRequest, client: HTTPClient, proxy: ProxySettings.Proxy?) {
        guard let proxy = proxies.proxy(for: url) else {
            return (HTTPClientRequest(url: url.description), straight, nil)
        }
        if url.isEncrypted, IPAddress(url.host) != nil, let tunnelledToAddress {
            var request = HTTPClientRequest(url: url.description)
            // What the check goes by, with the brackets of IPv6.
            request.headers.add(name: "Host", value: url.authority)
            return (request, tunnelledToAddress, proxy)
        }
        if url.isEncrypted, let tunnelled { return (HTTPClientRequest(url: url.description), tunnelled, proxy) }
        guard let handedOn else { return (HTTPClientRequest(url: url.description), straight, nil) }
        var place = url
        (place.host, place.port) = (proxy.host, proxy.port)
        var request = HTTPClientRequest(url: place.description)
        request.headers.add(name: "Host", value: url.authority)
        if let authorization = proxy.authorization {
            request.headers.add(name: "Proxy-Authorization", value: authorization)
        }
        return (request, handedOn, proxy)
    }

    private static func configuration(_ tls: TLSConfiguration) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.tlsConfiguration = tls
        configuration.timeout.connect = .seconds(10)
        configuration.httpVersion = .http1Only
        // Who calls has a back-off of its own and wants to know at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Each holds buffers, and after a burst there are many.
        configuration.connectionPool.idleTimeout = .seconds(10)
        // More than all answers, progress messages and pings that are ever sent at a time: a ping must not wait for a
        // connection behind requests that hang.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 128
        return configuration
    }
}

extension Channel {
    /// Adds a handler that sees requests before they become bytes.
    fileprivate func addingBehindEncoder(
        _ handler: @escaping @Sendable () -> some ChannelHandler
    ) -> EventLoopFuture<Void> {
        eventLoop.makeCompletedFuture {
            let pipeline = self.pipeline.syncOperations
            let encoder = try pipeline.handler(type: HTTPRequestEncoder.self)
            try pipeline.addHandler(handler(), position: .after(encoder))
        }
    }
}

/// Lets requests out only if the certificate of the other side is for the address that they are meant for.
private final class AddressCheckHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// For good, once it is true.
    private var isRefused = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if !isRefused, case .head(let head) = unwrapOutboundIn(data), !isMeant(head, context) {
            isRefused = true
            // Who writes is not done with it yet.
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.eventLoop.execute {
                bound.value.fireErrorCaught(NIOSSLExtraError.failedToValidateHostname)
                bound.value.close(promise: nil)
            }
        }
        guard !isRefused else {
            promise?.fail(NIOSSLExtraError.failedToValidateHostname)
            return
        }
        context.write(data, promise: promise)
    }

    private func isMeant(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> Bool {
        guard let place = head.headers.first(name: "Host"), let url = try? APIURL("https://\(place)"),
            let address = IPAddress(url.host),
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
        else { return false }
        return certificate.isFor(address)
    }
}

/// Writes whole URLs into the requests, as a proxy wants them that is to hand them on (RFC 9112, 3.2.2).
private final class AbsoluteFormHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), let host = head.headers.first(name: "Host") else {
            context.write(data, promise: promise)
            return
        }
        head.uri = "http://\(host)\(head.uri)"
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
