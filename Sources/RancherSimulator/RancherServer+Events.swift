package import LosslessJSON
import Synchronization

extension RancherServer {
    /// Who is sent an event.
    package enum Recipients: Sendable, Hashable {
        /// Every open subscription, as the real server does for one agent.
        case all
        /// The subscription that was opened last.
        case newest
        /// The subscriptions of one agent.
        case agent(accessKey: String)
    }

    // MARK: Sending

    /// Sends an event to those who have subscribed to its name.
    ///
    /// Sending the same event again is what the real server does after 15 s without an answer.
    ///
    /// - Returns: False if there is nobody. A half-open websocket counts: the server cannot know.
    @discardableResult
    package func send(event: JSON, to recipients: Recipients = .all) -> Bool {
        let name = event["name"].text ?? ""
        let (targets, fragmentSize) = state.withLock { state -> ([Subscriber], Int?) in
            if let id = event["id"].nonEmptyText, let asked = Asked(event) { state.asked[id] = asked }
            let targets = Self.recipients(recipients, in: state).filter { $0.subscription.eventNames.contains(name) }
            if !targets.isEmpty { state.report(.sent(event: event, subscribers: targets.count)) }
            return (targets, state.faults.fragmentSizeBytes)
        }
        for target in targets where !target.isSilent {
            SubscriptionHandler.send(event.encoded, fragmentSize: fragmentSize, on: target.channel)
        }
        return !targets.isEmpty
    }

    /// Sends any text, such as a broken frame or a blank one, in one frame.
    ///
    /// - Returns: False if there is nobody.
    @discardableResult
    package func sendRaw(text: String, to recipients: Recipients = .all) -> Bool {
        sendRaw(bytes: Array(text.utf8), to: recipients)
    }

    /// Sends any bytes in one text frame, even such as are no UTF-8.
    ///
    /// - Returns: False if there is nobody.
    @discardableResult
    package func sendRaw(bytes: [UInt8], to recipients: Recipients = .all) -> Bool {
        let targets = state.withLock { Self.recipients(recipients, in: $0) }
        for target in targets where !target.isSilent {
            SubscriptionHandler.send(bytes, fragmentSize: nil, on: target.channel)
        }
        return !targets.isEmpty
    }

    private static func recipients(_ recipients: Recipients, in state: ServerState) -> [Subscriber] {
        switch recipients {
        case .all: state.subscribers
        case .newest: Array(state.subscribers.suffix(1))
        case .agent(let accessKey): state.subscribers.filter { $0.subscription.accessKey == accessKey }
        }
    }

    // MARK: What came

    /// The open subscriptions that are not half open, oldest first.
    package var subscriptions: [Subscription] {
        state.withLock { $0.subscribers.filter { !$0.isSilent }.map(\.subscription) }
    }

    /// How many subscriptions are open and not half open.
    package var subscriberCount: Int { subscriptions.count }

    /// How many subscriptions there have ever been.
    package var subscriptionsSoFar: Int { state.withLock { $0.subscriptionsSoFar } }

    /// How many websocket pings have come, those that a silenced websocket left without a pong included.
    package var pingFramesReceived: Int { state.withLock { $0.pingFramesReceived } }

    /// Every message that was taken, in order; of very many the newest 10,000 at least.
    package var published: [Published] { state.withLock { $0.published } }

    /// All final answers to an event, in order: more than one where an agent has repeated itself.
    package func replies(to eventID: String) -> [Published] { state.withLock { $0.finals[eventID] ?? [] } }

    /// All progress messages for an event, in order.
    package func progress(for eventID: String) -> [Published] { state.withLock { $0.progress[eventID] ?? [] } }

    /// The container events that were taken, in order.
    package var containerEvents: [JSON] { state.withLock { $0.containerEvents } }

    /// The bodies of the requests for a proxy token.
    package var hostAPIProxyTokenRequests: [JSON] { state.withLock { $0.hostAPIProxyTokenRequests } }

    /// The requests that were received, in order, whatever became of them.
    package var requests: [RequestRecord] { state.withLock { $0.requests } }

    /// The registration keys for which there is an account.
    package var registrationKeys: [String] { state.withLock { $0.accounts.keys.sorted() } }

    /// The keys that an agent with this registration key gets, for tests that leave the registration out.
    package static func credentials(registrationKey: String) -> (accessKey: String, secretKey: String) {
        let accessKey = Identity.accessKey(registrationKey: registrationKey)
        return (accessKey, Identity.secretKey(accessKey: accessKey))
    }

    /// The user name and password that a registration is made with.
    package var registrationCredentials: (accessKey: String, secretKey: String) { (Identity.registrationUser, token) }

    /// Forgets messages, container events and requests; accounts and subscriptions stay.
    package func forgetMessages() {
        state.withLock { state in
            state.published = []
            state.finals = [:]
            state.progress = [:]
            state.asked = [:]
            state.containerEvents = []
            state.requests = []
        }
    }

    /// What happens from now on, until the server stops. Of what a slow reader leaves the oldest is lost.
    package func observations(limit: Int = 4096) -> AsyncStream<Observation> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Observation.self, bufferingPolicy: .bufferingNewest(limit))
        let number: Int? = state.withLock { state in
            guard !state.hasStopped else { return nil }
            state.observersSoFar += 1
            state.observers[state.observersSoFar] = continuation
            return state.observersSoFar
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.observers.removeValue(forKey: number) }
        }
        return stream
    }

    // MARK: Waiting

    /// Waits until something is there.
    ///
    /// - Parameters:
    ///   - what: What is waited for, for the error.
    ///   - timeout: How long to wait at most; the probe is asked at least once.
    ///   - probe: Is asked every few milliseconds; returns the value once there is one.
    /// - Throws: ``SimulatorError/timedOut(_:)``, `CancellationError`.
    @discardableResult
    package func wait<Value>(
        for what: @autoclosure () -> String, timeout: Duration, probe: (RancherServer) throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let value = try probe(self) { return value }
            if ContinuousClock.now >= deadline { throw SimulatorError.timedOut(what()) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until an agent is subscribed and returns the newest subscription.
    ///
    /// - Parameters:
    ///   - number: Only a subscription with a higher number counts, to wait for a reconnection.
    ///   - timeout: How long to wait at most.
    /// - Throws: ``SimulatorError/timedOut(_:)``.
    @discardableResult
    package func waitForSubscriber(after number: Int = 0, timeout: Duration = .seconds(10)) async throws -> Subscription
    {
        try await wait(for: "a subscription", timeout: timeout) { server in
            server.subscriptions.last { $0.number > number }
        }
    }

    /// Waits for the final answer to an event and returns the first one.
    ///
    /// - Throws: ``SimulatorError/timedOut(_:)``.
    @discardableResult
    package func waitForReply(to eventID: String, timeout: Duration = .seconds(30)) async throws -> Published {
        try await wait(for: "the answer to event \(eventID)", timeout: timeout) { server in
            server.replies(to: eventID).first
        }
    }

    /// Sends an event and waits for its final answer.
    ///
    /// - Throws: ``SimulatorError/wrongState(_:)`` if nobody is subscribed, ``SimulatorError/timedOut(_:)``.
    package func ask(_ event: JSON, timeout: Duration = .seconds(30)) async throws -> Published {
        guard send(event: event) else { throw SimulatorError.wrongState("nobody is subscribed") }
        return try await waitForReply(to: event["id"].text ?? "", timeout: timeout)
    }
}
