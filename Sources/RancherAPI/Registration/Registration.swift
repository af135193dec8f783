package import Logging
import LosslessJSON
import NIOHTTP1

/// Brings a host and a server together: from the registration URL to the keys of the host's agent (PROTOCOL 2.4).
package struct Registration: Sendable {
    /// Where the registration script is.
    package var registrationURL: APIURL
    /// The host's own key, from ``RegistrationToken/load(directory:)``.
    package var token: String
    /// `CATTLE_URL` of the environment; wins over the script. Empty if not given.
    package var url: String
    /// `CATTLE_AGENT_IP` of the environment; wins over the script. Empty if not given.
    package var agentIP: String
    /// `CATTLE_ORCHESTRATION`; empty if not given.
    package var orchestration: String
    /// Between two tries, of whatever kind.
    package var backoff = Backoff(base: .milliseconds(500), cap: .seconds(10))
    /// For each request.
    package var deadline = Duration.seconds(30)
    /// When all of them have to be over; `nil` for never.
    package var end: ContinuousClock.Instant?

    /// A registration that asks nobody yet.
    package init(
        registrationURL: APIURL, token: String, url: String = "", agentIP: String = "", orchestration: String = ""
    ) {
        self.registrationURL = registrationURL
        self.token = token
        self.url = url
        self.agentIP = agentIP
        self.orchestration = orchestration
    }

    /// Registers, however long it takes: every failure is logged and followed by another try.
    ///
    /// - Parameters:
    ///   - httpClient: The way to the server.
    ///   - logger: Is told of each failure.
    ///   - random: For the pauses.
    ///   - onStep: Called before each of the few requests that a try consists of.
    /// - Throws: `CancellationError` only.
    package func run(
        httpClient: ServerHTTP, logger: Logger, random: some RandomNumberGenerator = SystemRandomNumberGenerator(),
        onStep: @Sendable () -> Void = {}
    ) async throws -> Credentials {
        var random = random
        var failures = 0
        while true {
            do {
                onStep()
                let script = try await fetchScript(httpClient)
                return try await keys(script, httpClient, logger, &random, onStep)
            } catch {
                try Task.checkCancellation()
                let delay = backoff.delay(attempt: failures, using: &random)
                failures += 1
                logger.warning(
                    "Registration failed, trying again",
                    metadata: ["error": "\(error)", "attempt": "\(failures)", "delay": "\(delay.logged)"])
                try await Task.sleep(for: delay)
            }
        }
    }

    /// Fetches the registration script, which changes nothing.
    ///
    /// - Throws: ``RancherError``, `CancellationError`.
    package func fetchScript(_ httpClient: ServerHTTP) async throws -> RegistrationScript {
        let http = HTTPCaller(http: httpClient, deadline: deadline, end: end, hidesPath: true)
        let answer = try await http.call(.GET, registrationURL, limit: 1 << 20)
        guard answer.status == .ok else { throw answer.refusal(from: registrationURL, hidesPath: true) }
        return try RegistrationScript(parsing: String(decoding: answer.body, as: UTF8.self))
    }

    /// Asks for the host's keys until they are there: a new registration and one that is just being made answer alike.
    private func keys(
        _ script: RegistrationScript, _ httpClient: ServerHTTP, _ logger: Logger,
        _ random: inout some RandomNumberGenerator, _ onStep: @Sendable () -> Void
    ) async throws -> Credentials {
        let serverURL = try serverURL(script)
        let client = RancherClient(url: serverURL, key: script.key, httpClient: httpClient, deadline: deadline)
        var attempts = 0
        var isCreated = false
        while true {
            onStep()
            let item = try await item(client)
            if let key = item.flatMap(Self.key) {
                logger.info("Registered", metadata: ["url": "\(serverURL)", "accessKey": "\(key.accessKey)"])
                return Credentials(
                    url: serverURL, key: key, agentIP: agentIP.isEmpty ? script.detectedAgentIP : agentIP)
            }
            if item == nil, !isCreated {
                onStep()
                try await client.create("register", newItem)
                isCreated = true
                continue
            }
            let delay = backoff.delay(attempt: attempts, using: &random)
            attempts += 1
            logger.info(
                "Waiting for the server to make the keys of this host",
                metadata: [
                    "url": "\(serverURL)", "attempt": "\(attempts)", "delay": "\(delay.logged)",
                    "state": "\(item?["state"].text ?? "not there yet")",
                    "transitioningMessage": "\(item?["transitioningMessage"].text ?? "")",
                ])
            try await Task.sleep(for: delay)
            // A registration that was made and is nowhere to be seen for long may have been lost.
            if item == nil, attempts % 20 == 0 { isCreated = false }
        }
    }

    /// The server's API: what the environment says, else the script.
    ///
    /// - Throws: ``RancherError``.
    package func serverURL(_ script: RegistrationScript) throws(RancherError) -> APIURL {
        let given = url.isEmpty ? script.url : url
        guard !given.isEmpty else {
            throw RancherError(.badAnswer, "the registration script does not set CATTLE_URL")
        }
        return try APIURL(given).droppingSchemas
    }

    /// Looks for the keys that the server has made for this host, and changes nothing.
    ///
    /// - Returns: `nil` if it has made none.
    /// - Throws: ``RancherError``, `CancellationError`.
    package func existingKey(_ script: RegistrationScript, _ httpClient: ServerHTTP) async throws -> APIKey? {
        let url = try serverURL(script)
        let client = RancherClient(url: url, key: script.key, httpClient: httpClient, deadline: deadline, end: end)
        return try await item(client).flatMap(Self.key)
    }

    private func item(_ client: RancherClient) async throws -> JSON? {
        let items = try await client.list("register", filters: [("key", token)])
        // A server that does not filter must not give us the keys of another host.
        return items.first { $0["key"].text == token } ?? items.first { $0["key"].isNull }
    }

    private static func key(in item: JSON) -> APIKey? {
        guard let accessKey = item["accessKey"].nonEmptyText, let secretKey = item["secretKey"].nonEmptyText else {
            return nil
        }
        return APIKey(accessKey: accessKey, secretKey: secretKey)
    }

    private var newItem: JSON {
        var item = JSONObject([.init(key: "type", value: "register"), .init(key: "key", value: .string(token))])
        if !orchestration.isEmpty { item.append("orchestration", .string(orchestration)) }
        return .object(item)
    }
}

extension Duration {
    /// For logs: seconds with two places.
    var logged: String {
        let hundredths = Int(components.seconds) * 100 + Int(components.attoseconds / 10_000_000_000_000_000)
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) s"
    }
}
