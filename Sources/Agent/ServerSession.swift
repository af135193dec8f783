internal import Health
internal import Logging
internal import Model
internal import RancherAPI
internal import Reconciler
internal import ServiceLifecycle

/// Registers with the server and holds the subscription, for as long as the process lives. Whatever the server does,
/// it is waited for.
struct ServerSession: Service {
    let configuration: AgentConfiguration
    let codec: RancherCodec
    let queue: InputQueue
    let link: ServerLink
    let pings: PingResponder
    let host: HostIdentity
    let http: ServerHTTP
    let instruments: Instruments
    let logger: Logger

    func run() async throws {
        try await ServiceLifecycle.cancelWhenGracefulShutdown {
            do {
                try await stayConnected()
            } catch is CancellationError {
                // The end was asked for.
            }
        }
    }

    /// A key that the server does not know any more is asked for again: the same host gets the same account. Where the
    /// key comes from the configuration it stays the same, so the pauses grow.
    private func stayConnected() async throws {
        let backoff = Backoff(base: .seconds(1), cap: .seconds(60))
        var random = SystemRandomNumberGenerator()
        var attempt = 0
        // Read once: a disk that fails later must not end what can do without it.
        let token = try configuration.registrationURL.map { _ in
            try RegistrationToken.load(directory: configuration.stateDirectory)
        }
        while !Task.isCancelled {
            let start = ContinuousClock.now
            try await connect(token)
            attempt = ContinuousClock.now - start > backoff.cap ? 0 : attempt + 1
            try await Task.sleep(for: backoff.delay(attempt: attempt, using: &random))
        }
    }

    private func connect(_ token: String?) async throws {
        // A server that is not there is waited for, for as long as it takes.
        instruments.eventStream.showsLife()
        let credentials = try await credentials(token)
        if !credentials.agentIP.isEmpty { host.learned(address: credentials.agentIP) }
        let client = RancherClient(url: credentials.url, key: credentials.key, httpClient: http)
        link.open(client, credentials)
        queue.push(.serverReached)
        let stream = EventStream(
            configuredURL: credentials.url, key: credentials.key, extraTrustRoots: configuration.authoritiesFile,
            proxies: configuration.proxies)
        let sinks = EventStream.Sinks(
            onClosed: {
                instruments.eventStream.showsLife()
                instruments.eventStream.isReady = false
            },
            onOpen: {
                instruments.eventStream.showsLife()
                instruments.eventStream.isReady = true
                instruments.metrics.count(.subscriptions)
                queue.push(.serverReached)
            },
            onFrame: {
                instruments.eventStream.showsLife()
                received($0)
            },
            onOversized: { oversized($0, limit: stream.limits.messageBytes) },
            onPong: { instruments.eventStream.showsLife() })
        await withDiscardingTaskGroup { group in
            group.addTask { await fetchCertificate(from: credentials.url) }
            await stream.runForever(client: client, sinks: sinks, logger: logger)
            group.cancelAll()
        }
    }

    private func credentials(_ token: String?) async throws -> Credentials {
        if let registrationURL = configuration.registrationURL, let token {
            let registration = Registration(
                registrationURL: try APIURL(registrationURL), token: token,
                url: configuration.url, agentIP: configuration.agentIP, orchestration: configuration.orchestration)
            logger.info("registering", metadata: ["server": "\(registration.registrationURL.authority)"])
            return try await registration.run(httpClient: http, logger: logger) {
                instruments.eventStream.showsLife()
            }
        }
        return Credentials(
            url: try APIURL(configuration.url),
            key: APIKey(accessKey: configuration.accessKey, secretKey: configuration.secretKey),
            agentIP: configuration.agentIP)
    }

    /// Until there is a key that can be used. One from an earlier start is kept meanwhile (PROTOCOL 12.1 no. 8).
    private func fetchCertificate(from url: APIURL) async {
        let certificate = APICertificate(url: url, path: configuration.apiCertificatePath)
        let backoff = Backoff(base: .seconds(1), cap: .seconds(60))
        var random = SystemRandomNumberGenerator()
        var attempt = 0
        while !Task.isCancelled {
            do {
                try await certificate.fetch(httpClient: http)
                logger.info("server's public key stored", metadata: ["path": "\(certificate.path)"])
                return
            } catch is CancellationError {
                return
            } catch {
                logger.warning("server's public key not fetched", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: backoff.delay(attempt: attempt, using: &random))
                attempt += 1
            }
        }
    }

    /// Called on the connection's event loop: only sorts, never waits.
    private func received(_ frame: String) {
        switch codec.read(frame: frame) {
        case .blank, .heartbeat: break
        case .event(let event):
            if case .ping(let options) = event.request {
                pings.received(event.header, options)
            } else if !queue.offer(.event(event)) {
                refuse(event.header, "The agent is too far behind to take the event")
            }
        case .malformed(let reason):
            logger.warning("frame ignored", metadata: ["error": "\(reason)", "bytes": "\(frame.utf8.count)"])
            _ = queue.offer(.malformedFrame(frame: frame, reason: reason))
        }
    }

    private func oversized(_ header: EventHeader?, limit: Int) {
        let reason = "The event is larger than \(limit >> 20) MiB"
        logger.error("frame too large", metadata: ["event": "\(header?.id ?? "-")", "limit": "\(limit)"])
        guard let header else { return }
        // Goes the way of every event, so that it is answered once, and again if it is sent again.
        let event = IncomingEvent(header: header, request: .unusable(reason: reason), frame: "")
        if !queue.offer(.event(event)) { refuse(header, reason) }
    }

    private func refuse(_ header: EventHeader, _ reason: String) {
        logger.error("event refused", metadata: ["event": "\(header.id)", "error": "\(reason)"])
        if !queue.offerRefusal(of: header, reason) {
            logger.error(
                "event lost: there are too many of those that were refused", metadata: ["event": "\(header.id)"])
        }
    }
}

extension ServerSession: CustomStringConvertible {
    /// What a log shows of it: nothing of keys, tokens and passwords.
    var description: String { "ServerSession" }
}
