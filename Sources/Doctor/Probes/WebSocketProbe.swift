internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import RancherAPI

/// Opens a websocket as the agent does, but by hand, so that an answer that no library would let pass is seen as it is;
/// sends a ping, and closes it.
struct WebSocketProbe: Sendable {
    let route: Route
    let key: APIKey
    let configuration: TLSConfiguration
    let limits: DoctorLimits

    /// What is subscribed to: the server has no event of this name, so none is taken away from the agent.
    static let eventName = "agent.doctor"

    /// The second is `nil` if no websocket was opened.
    func open() async -> (WebSocketObservation, PingObservation?) {
        let tls: ServerTLS?
        do {
            tls =
                try route.url.isEncrypted
                ? ServerTLS(to: route.url.host, isTunnelled: route.proxy != nil, configuration) : nil
        } catch {
            return (.failed("\(error)"), nil)
        }
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let outcome = WebSocketConversation.Outcome(
            handshake: eventLoop.makePromise(), ping: eventLoop.makePromise())
        let channel = route.open(
            for: outcome.handshake, within: limits.websocket,
            outcome: { hitch in
                switch hitch {
                case .proxy(let trouble): .proxy(trouble)
                case .silent(let deadline): .silent(deadline)
                case .failed(let reason): .failed(reason)
                }
            },
            handlers: { channel in
                if let tls { try channel.pipeline.syncOperations.addHandler(tls.handler()) }
                try channel.pipeline.syncOperations.addHandler(
                    WebSocketConversation(request: request, outcome: outcome))
            })
        let handshake = (try? await outcome.handshake.futureResult.get()) ?? .closed
        guard case .open = handshake else {
            outcome.ping.succeed(.closed)
            channel.whenSuccess { $0.close(promise: nil) }
            return (handshake, nil)
        }
        let pingEnd = eventLoop.scheduleTask(in: .nanoseconds(Int64(limits.ping / .nanoseconds(1)))) {
            outcome.ping.succeed(.silent(limits.ping))
        }
        let ping = (try? await outcome.ping.futureResult.get()) ?? .closed
        pingEnd.cancel()
        channel.whenSuccess { channel in
            // A close frame with code 1000, masked with zeros: in good manners, but nobody waits for the answer.
            let farewell = ByteBuffer(bytes: [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])
            channel.writeAndFlush(farewell).whenComplete { _ in channel.close(promise: nil) }
        }
        return (handshake, ping)
    }

    private var request: String {
        let url = route.url
        let query = url.query.isEmpty ? "" : "?\(url.query)"
        return [
            "GET \(url.path.isEmpty ? "/" : url.path)\(query) HTTP/1.1", "Host: \(url.authority)", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: cmFuY2hlci1hZ2VudCBkcg==",
            "Authorization: \(key.authorization)", "", "",
        ].joined(separator: "\r\n")
    }
}
