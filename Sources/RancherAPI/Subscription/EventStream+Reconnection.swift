package import Logging
import Model

extension EventStream {
    /// How connections follow each other.
    package struct Reconnection: Sendable, Hashable {
        /// Between two connections.
        package var backoff = Backoff(base: .milliseconds(500), cap: .seconds(30))
        /// A connection that lived as long as this makes the failures before it forgotten.
        package var stableAfter = Duration.seconds(30)
        /// So many refusals in a row that are about the key, and the key counts as void.
        package var refusalsOfKey = 5

        /// 0.5 s to 30 s, forgotten after 30 s.
        package init() {}
    }

    /// Keeps the subscription up (PROTOCOL 12.2 no. 17): whatever ends a connection is logged and followed by another
    /// one. Returns when the task is cancelled, or when the server has refused the key again and again.
    ///
    /// - Parameter client: Asked for the `subscribe` schema. A server whose schema does not help is reached by the
    ///   configured URL.
    package func runForever(
        client: RancherClient, sinks: Sinks, logger: Logger, reconnection: Reconnection = Reconnection(),
        random: some RandomNumberGenerator = SystemRandomNumberGenerator()
    ) async {
        var random = random
        var failures = 0
        var linkFailed = false
        var refusals = 0
        while !Task.isCancelled {
            sinks.onClosed()
            let link = linkFailed ? nil : await subscribeLink(client, logger)
            var watched = sinks
            let place = subscriptionURL(link: link).withoutQuery
            watched.onOpen = { [onOpen = sinks.onOpen] in
                logger.info(
                    "Subscribed", metadata: ["url": "\(place)", "dialect": "\(client.dialect?.rawValue ?? "unknown")"])
                onOpen()
            }
            let start = ContinuousClock.now
            let reason: String
            do {
                reason = "\(try await run(link: link, dialect: client.dialect, sinks: watched))"
                linkFailed = false
                refusals = 0
                if ContinuousClock.now - start >= reconnection.stableAfter { failures = 0 }
            } catch {
                reason = "\(error)"
                refusals = Self.isAboutKey(error) ? refusals + 1 : 0
                // A link that leads nowhere may be wrong in the server's settings: take turns with the configured URL.
                linkFailed = link != nil
                client.forgetSchemas()
            }
            sinks.onClosed()
            if Task.isCancelled { break }
            if refusals >= reconnection.refusalsOfKey {
                logger.error("The server does not accept this host's key", metadata: ["reason": "\(reason)"])
                return
            }
            let delay = reconnection.backoff.delay(attempt: failures, using: &random)
            failures += 1
            logger.warning(
                "Subscription ended, connecting again",
                metadata: [
                    "url": "\(place)", "reason": "\(reason)", "attempt": "\(failures)", "delay": "\(delay.logged)",
                    "lived": "\((ContinuousClock.now - start).logged)",
                ])
            try? await Task.sleep(for: delay)
        }
        logger.info("Subscription closed")
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
