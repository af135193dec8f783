package import Model

/// The subscription to the server's events over a websocket (PROTOCOL 3).
package struct EventStream: Sendable {
    /// Who takes what comes. All are called on an event loop that reads the connection: they must return at once.
    package struct Sinks: Sendable {
        /// A connection is about to be made, or one has ended: the stream is not up.
        package var onClosed: @Sendable () -> Void
        /// A connection is up.
        package var onOpen: @Sendable () -> Void
        /// One text frame, put together from its fragments.
        package var onFrame: @Sendable (String) -> Void
        /// A message too large to be looked at, with whom to answer if that could be found out. The connection goes on.
        package var onOversized: @Sendable (EventHeader?) -> Void
        /// The server has answered a ping of ours.
        package var onPong: @Sendable () -> Void

        /// What is not of interest may be left out.
        package init(
            onClosed: @escaping @Sendable () -> Void = {},
            onOpen: @escaping @Sendable () -> Void = {},
            onFrame: @escaping @Sendable (String) -> Void,
            onOversized: @escaping @Sendable (EventHeader?) -> Void = { _ in },
            onPong: @escaping @Sendable () -> Void = {}
        ) {
            self.onClosed = onClosed
            self.onOpen = onOpen
            self.onFrame = onFrame
            self.onOversized = onOversized
            self.onPong = onPong
        }
    }

    /// Deadlines and intervals (PROTOCOL 3.1, 3.2).
    package struct Timing: Sendable, Hashable {
        /// For the TCP connection.
        package var connectDeadline = Duration.seconds(10)
        /// For everything up to the open websocket.
        package var handshakeDeadline = Duration.seconds(30)
        /// Between two of our pings.
        package var pingInterval = Duration.seconds(5)
        /// Without a pong for so long the server counts as dead.
        package var pongDeadline = Duration.seconds(60)
        /// How long a close waits for the server's.
        package var closeDeadline = Duration.seconds(1)

        /// The values of PROTOCOL.
        package init() {}
    }

    /// Sizes of messages, all their fragments together.
    package struct Limits: Sendable, Hashable {
        /// Larger messages are not handed on.
        package var messageBytes = 4 << 20
        /// Larger messages end the connection.
        package var skimmedMessageBytes = 64 << 20

        /// 4 MiB and 64 MiB.
        package init() {}
    }

    /// Why an open connection ended.
    package enum End: Sendable, Hashable, CustomStringConvertible {
        /// The server closed it, which it does as a matter of course every 12 hours. The code is that of RFC 6455.
        case closedByServer(code: Int?, text: String)
        case lost(String)
        /// The server did not answer our pings.
        case noPong
        /// A message beyond ``Limits/skimmedMessageBytes``.
        case excessiveMessage
        /// The server does not keep to RFC 6455.
        case violation(String)
        /// We closed it.
        case cancelled

        /// For the log.
        package var description: String {
            switch self {
            case .closedByServer(let code, let text):
                "closed by the server" + (code.map { ", code \($0)" } ?? "") + (text.isEmpty ? "" : ": \(text)")
            case .lost(let text): "connection lost: \(text)"
            case .noPong: "the server does not answer pings"
            case .excessiveMessage: "a message far too large"
            case .violation(let text): "no proper websocket: \(text)"
            case .cancelled: "closed by this agent"
            }
        }
    }

    /// `CATTLE_URL` as configured: the subscription goes there, not to the normalised URL (PROTOCOL 3.1).
    package var configuredURL: APIURL
    /// The keys of the host's agent.
    package var key: APIKey
    /// What to subscribe to (PROTOCOL 3.1); `nil` for what the server's dialect has.
    package var eventNames: [String]?
    /// The path of a PEM file with certificates to trust besides the system's.
    package var extraTrustRoots: String?
    /// Whether the connection goes through a proxy.
    package var proxies: ProxySettings
    /// Deadlines and intervals.
    package var timing = Timing()
    /// Sizes of messages.
    package var limits = Limits()

    /// A subscription that connects to nothing yet.
    package init(
        configuredURL: APIURL, key: APIKey, eventNames: [String]? = nil,
        extraTrustRoots: String? = nil, proxies: ProxySettings = .none
    ) {
        self.configuredURL = configuredURL
        self.key = key
        self.eventNames = eventNames
        self.extraTrustRoots = extraTrustRoots
        self.proxies = proxies
    }

    /// Where to subscribe (PROTOCOL 3.1; 12.2 no. 19).
    ///
    /// - Parameters:
    ///   - link: The `subscribe` schema's collection, if the server names one.
    ///   - dialect: The server's, if it is known.
    package func subscriptionURL(link: APIURL?, dialect: Dialect? = nil) -> APIURL {
        (link ?? configuredURL.droppingSchemas.appending("subscribe")).webSocket
            .adding(query: (eventNames ?? RancherCodec.eventNames(for: dialect)).map { ("eventNames", $0) })
    }
}
