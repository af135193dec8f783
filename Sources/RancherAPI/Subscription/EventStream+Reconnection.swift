package import Logging
import Model

extension EventStream {
    /// How connections follow each other.
    package struct Reconnection: Sendable, Hashable {
        /// Between two tries to connect.
        package var backoff = Backoff(base: .milliseconds(500), cap: .seconds(30))
        /// The longest pause after a connection that was open, however briefly: there is a server, which loses what it
        /// sends meanwhile, and has always been come back to after 5 s (PROTOCOL 1.10).
        package var longestPauseOnceOpen = Duration.seconds(5)
        /// A connection that lived as long as this makes the failures before it forgotten.
        package var stableAfter = Duration.seconds(5)
        /// So many refusals in a row that are about the key, and the key counts as void.
        package var refusalsOfKey = 5

        /// 0.5 s to 30 s, 5 s after a connection that was open; forgotten after 5 s.
        package init() {}

        /// The pause before the next try.
        ///
        /// - Parameters:
        ///   - attempt: How many of the same kind there were in a row before the last one.
        ///   - wasOpen: Whether the last one was a connection that was open.
        package func pause(
            attempt: Int, wasOpen: Bool, using random: inout some RandomNumberGenerator
        ) -> Duration {
            var backoff = backoff
            if wasOpen { backoff.cap = min(backoff.cap, longestPauseOnceOpen) }
            return backoff.delay(attempt: attempt, using: &random)
        }
    }

    /// Keeps the subscription up (PROTOCOL 12.2 no. 17): whatever ends a connection is logged and followed by another
    /// one. Returns when the task is cancelled, or when the server has refused the key again and again.
    ///
    /// A proxy that opens no way for a websocket without TLS is left out every other time: agents of old never used one
    /// for it, and many proxies only open a way to the port of `https`.
    ///
    /// - Parameters:
    ///   - client: Asked for the `subscribe` schema. A server whose schema does not help is reached by the configured
    ///     URL.
    ///   - sinks: Take what comes.
    ///   - logger: For what becomes of the connections.
    ///   - reconnection: How they follow each other.
    ///   - random: For the pauses between them.
    package func runForever(
        client: RancherClient, sinks: Sinks, logger: Logger, reconnection: Reconnection = Reconnection(),
        random: some RandomNumberGenerator = SystemRandomNumberGenerator()
    ) async {
        var random = random
        // In a row: tries that have opened nothing, and connections that were open, but not for long.
        var failures = 0
        var briefLives = 0
        var linkFailed = false
        var refusals = 0
        var detour = Detour()
        while !Task.isCancelled {
            sinks.onClosed()
            let link = linkFailed ? nil : await subscribeLink(client, logger)
            var watched = sinks
            let url = subscriptionURL(link: link)
            let place = url.withoutQuery
            var way = self
            if detour.isStraight { way.proxies = .none }
            watched.onOpen = { [onOpen = sinks.onOpen] in
                logger.info(
                    "Subscribed", metadata: ["url": "\(place)", "dialect": "\(client.dialect?.rawValue ?? "unknown")"])
                onOpen()
            }
            let start = ContinuousClock.now
            let reason: String
            var wasOpen = false
            do {
                reason = "\(try await way.connect(link: link, dialect: client.dialect, sinks: watched))"
                wasOpen = true
                linkFailed = false
                refusals = 0
                failures = 0
                if ContinuousClock.now - start >= reconnection.stableAfter { briefLives = 0 }
            } catch {
                reason = "\(error)"
                refusals = Self.isAboutKey(error) ? refusals + 1 : 0
                // A link that leads nowhere may be wrong in the server's settings: take turns with the configured URL.
                if !(error is NoWay) { linkFailed = link != nil }
                if detour.failed(at: url, error), !Task.isCancelled {
                    logger.warning(
                        "The proxy opens no way for the websocket, trying straight",
                        metadata: ["url": "\(place)", "reason": "\(reason)"])
                }
                client.forgetSchemas()
            }
            sinks.onClosed()
            if Task.isCancelled { break }
            if refusals >= reconnection.refusalsOfKey {
                logger.error("The server does not accept this host's key", metadata: ["reason": "\(reason)"])
                return
            }
            let attempt = wasOpen ? briefLives : failures
            let delay = reconnection.pause(attempt: attempt, wasOpen: wasOpen, using: &random)
            if wasOpen { briefLives += 1 } else { failures += 1 }
            logger.warning(
                "Subscription ended, connecting again",
                metadata: [
                    "url": "\(place)", "reason": "\(reason)", "attempt": "\(attempt + 1)", "delay": "\(delay.logged)",
                    "lived": "\((ContinuousClock.now - start).logged)",
                ])
            try? await Task.sleep(for: delay)
        }
        logger.info("Subscription closed")
    }

    /// Whether the next connection leaves out the proxy.
    private struct Detour {
        private(set) var isStraight = false
        private var isSaid = false

        /// - Returns: Whether the proxy is left out for the first time.
        mutating func failed(at url: APIURL, _ error: any Error) -> Bool {
            isStraight = !isStraight && !url.isEncrypted && error is NoWay
            defer { isSaid = isSaid || isStraight }
            return isStraight && !isSaid
        }
    }

    private static func isAboutKey(_ error: any Error) -> Bool {
        guard case .refused(let status)? = (error as? RancherError)?.code else { return false }
        return status == 401 || status == 403
    }

    private func subscribeLink(_ client: RancherClient, _ logger: Logger) async -> APIURL? {
        do {
            return try await client.knownSchemas()["subscribe"]?.collection
        } catch {
            logger.debug("The schemas could not be had, using the configured URL", metadata: ["error": "\(error)"])
            return nil
        }
    }
}
