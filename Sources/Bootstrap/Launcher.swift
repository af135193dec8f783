internal import Deadline
package import DockerEngine
package import Logging
internal import LosslessJSON
internal import RancherAPI

/// Brings the container of the agent to life, from a container of the same image that has the engine's socket
/// (PROTOCOL 1.9.2, 1.9.4). Runs the plans that ``AgentContainer`` and ``LaunchPlan`` make; decides nothing itself.
package struct Launcher: Sendable {
    let environment: [String: String]
    let settings: LaunchSettings
    let engine: EngineClient
    let logger: Logger
    let say: @Sendable (String) -> Void

    /// How often the server is tried, with a pause between.
    package var tries = 300
    package var pause = Duration.seconds(2)
    /// For the keys of this host, from the server's side a matter of seconds.
    package var registrationLimit = Duration.seconds(300)
    /// How long the old agent may take to end: it does within seconds, in the middle of anything.
    package var drainSeconds = 15
    /// How long the new agent must have run before the old one is given up.
    package var probation = Duration.seconds(5)
    /// How long after that the engine may tell nothing of it.
    package var patience = Duration.seconds(30)
    /// The certificates that this container trusts.
    package var trust = TrustStore()
    /// The table of mounts of this process.
    package var mountTable = "/proc/self/mountinfo"

    /// Called with false before what must not be left half done, and with true after it.
    package var allowInterruption: @Sendable (Bool) -> Void = { _ in }

    /// - Parameter say: Takes lines for people, one at a time.
    package init(
        environment: [String: String], engine: EngineClient, logger: Logger, say: @escaping @Sendable (String) -> Void
    ) {
        self.environment = environment
        settings = LaunchSettings(environment: environment)
        self.engine = engine
        self.logger = logger
        self.say = say
    }

    /// Registers this host at the URL, and starts the agent in the place of the one that is there.
    ///
    /// - Throws: ``BootstrapError``, with the old agent running as it did before; `CancellationError`.
    package func launch(url text: String) async throws {
        if let fault = settings.fault { throw BootstrapError(fault) }
        let url = try words { () throws(RancherError) in try APIURL(text) }
        let own = try await ownContainer()
        try refuseLoopback(url, own)
        let proxies = ProxySettings(variables: environment)
        for warning in proxies.warnings { say("WARN: \(warning)") }
        let isAuthorityKept = try trust.kept() != nil
        if isAuthorityKept { extendBundle() }
        let client = try ServerClient(authority: isAuthorityKept ? trust.authority : nil, proxies: proxies)
        let result: Result<[String: String], any Error>
        var host = HostReport(token: nil, isBoot2Docker: false, isVarLibWritable: true)
        do {
            let script = try await script(url, client)
            say("INFO: The server is there")
            // A registration with the wrong server would leave a host there that nobody ever sees.
            try await refuseOtherServer(than: script.server)
            allowInterruption(false)
            host = try await inspectHost(own, script: script.place, certificate: try TextFile.read(trust.authority))
            allowInterruption(true)
            result = .success(try await credentials(script, host, client))
        } catch {
            result = .failure(error)
        }
        await client.shutDown()
        let credentials = try result.get()
        try await replace(
            with: AgentContainer(own: own, settings: settings, host: host, credentials: credentials), from: own,
            present: try await present(watching: true))
    }

    /// Starts an agent of this image in the place of the one that is there, with its environment.
    ///
    /// - Throws: ``BootstrapError``, with the old agent running as it did before; `CancellationError`.
    package func upgrade() async throws {
        if let fault = settings.fault { throw BootstrapError(fault) }
        let own = try await ownContainer()
        let present = try await present(watching: true)
        guard let found = LaunchPlan(present: present).old, let old = try await inspection(of: found.id) else {
            throw BootstrapError(
                "There is no container \(AgentContainer.name) to upgrade. Launch one with the registration URL that "
                    + "the server's \"add host\" page shows.")
        }
        say("INFO: Upgrading from \(old["Config"]["Image"].text ?? "another image") to \(own.image)")
        try await replace(
            with: try AgentContainer(own: own, settings: settings, replacing: old), from: own, present: present)
    }

    // MARK: Who and where we are

    private func ownContainer() async throws -> OwnContainer {
        do throws(EngineError) {
            try await engine.ping()
        } catch {
            throw BootstrapError(
                "\(error) The engine's socket has to be mounted: docker run "
                    + "-v \(OwnContainer.socketPath):\(OwnContainer.socketPath) …")
        }
        if let own = try await inspectedContainer() { return own }
        guard let image = (environment["RANCHER_AGENT_IMAGE"] ?? "").nonEmpty else {
            throw BootstrapError(
                "This is no container of the agent's image that the engine at \(engine.endpoint) knows, so it is not "
                    + "known what image the agent is to be started from. Run it with docker run, in a network of its "
                    + "own or with --net=host, or name the image in RANCHER_AGENT_IMAGE.")
        }
        return OwnContainer(id: "", image: image, socketOnHost: nil, isInHostNetwork: true)
    }

    /// The container that this is, if the engine knows it as one of the agent's image.
    func inspectedContainer() async throws(BootstrapError) -> OwnContainer? {
        guard let id = OwnContainer.id(mountInfo: try TextFile.read(mountTable) ?? ""),
            let inspection = try await inspection(of: id)
        else { return nil }
        let socket = environment["DOCKER_HOST"].flatMap { $0.hasPrefix("unix://") ? String($0.dropFirst(7)) : nil }
        return OwnContainer(inspection: inspection, socket: socket?.nonEmpty ?? OwnContainer.socketPath)
    }

    private func refuseLoopback(_ url: APIURL, _ own: OwnContainer) throws(BootstrapError) {
        guard ProxySettings.isThisHost(url.host) else { return }
        guard own.isInHostNetwork else {
            throw BootstrapError(
                "\(url.host) means this container, not the server. Give the URL with an address of the server that "
                    + "other machines know it by, or add --net=host if the server runs on this very host.")
        }
        say("WARN: The server is only known as \(url.host): no other machine will find it there")
    }

    private func refuseOtherServer(than now: APIURL) async throws {
        for name in [AgentContainer.name, AgentContainer.previousName] {
            guard let old = try await inspection(of: name),
                let given = (AgentContainer.environment(of: old)["CATTLE_URL"] ?? "").nonEmpty,
                let before = try? APIURL(given), before.authority != now.authority
            else { continue }
            throw BootstrapError(
                "This host belongs to the server at \(before.authority): its container \(name) says so. "
                    + "To move the host to \(now.authority), remove it from the old server, then that container "
                    + "(docker rm -f \(name)), and run this again.")
        }
    }

    // MARK: The server

    /// A registration script that has been read.
    private struct Script {
        let place: APIURL
        let content: RegistrationScript
        /// The API that it leads to.
        let server: APIURL
    }

    private func script(_ url: APIURL, _ client: ServerClient) async throws -> Script {
        let source = RegistrationSource(
            url: url,
            key: APIKey(
                accessKey: environment["CATTLE_ACCESS_KEY"] ?? "", secretKey: environment["CATTLE_SECRET_KEY"] ?? ""))
        for attempt in 1... {
            do {
                let place = try await source.scriptURL(httpClient: client.current)
                let registration = registration(at: place)
                let content = try await registration.fetchScript(client.current)
                return Script(place: place, content: content, server: try registration.serverURL(content))
            } catch let error as RancherError {
                if error.code == .unreachable, url.scheme == "https", !settings.fingerprint.isEmpty,
                    !client.trustsAuthority, try await learnAuthority(of: url)
                {
                    try await client.trust(trust.authority)
                    continue
                }
                guard error.isRetryable else { throw BootstrapError("\(error)") }
                guard attempt < tries else {
                    throw BootstrapError("\(error). Given up after \(tries) tries.")
                }
                say("INFO: \(error). Trying again (\(attempt) of \(tries))")
            }
            try await Task.sleep(for: pause)
        }
        throw BootstrapError("The server was not tried")
    }

    /// - Returns: False if it could not be asked.
    /// - Throws: ``BootstrapError`` if it is not the right one.
    private func learnAuthority(of server: APIURL) async throws -> Bool {
        let text: String
        do {
            text = try await ServerAuthority(
                server: server, fingerprint: settings.fingerprint, proxies: ProxySettings(variables: environment)
            ).fetch()
        } catch let error as RancherError where error.code == .badAnswer {
            throw BootstrapError("\(error)")
        } catch let error as RancherError {
            say("WARN: The server's own certificate was not had: \(error)")
            return false
        }
        try trust.keep(text)
        extendBundle()
        say("INFO: The server's own certificate has the fingerprint that was asked for, and is trusted from now on")
        return true
    }

    /// The launch itself reads the kept certificate, so it can do without.
    private func extendBundle() {
        do throws(BootstrapError) {
            try trust.extend()
        } catch {
            say("WARN: Programs in this container do not trust the server's own certificate: \(error)")
        }
    }

    private func registration(at place: APIURL, host: HostReport? = nil) -> Registration {
        var registration = Registration(
            registrationURL: place, token: host?.token ?? "", url: settings.override,
            agentIP: settings.passedOn["CATTLE_AGENT_IP"] ?? host?.detectedAgentIP ?? "",
            orchestration: settings.passedOn["CATTLE_ORCHESTRATION"] ?? "")
        registration.deadline = .seconds(30)
        return registration
    }

    private func credentials(
        _ script: Script, _ host: HostReport, _ client: ServerClient
    ) async throws -> [String: String] {
        let registration = registration(at: script.place, host: host)
        if settings.passedOn["CATTLE_ACCESS_KEY"] != nil, settings.passedOn["CATTLE_SECRET_KEY"] != nil {
            return Self.variables(
                url: script.server.description,
                address: registration.agentIP.nonEmpty ?? script.content.detectedAgentIP, key: nil)
        }
        let (current, logger, limit) = (client.current, logger, registrationLimit)
        let found = try await withThrowingTaskGroup(of: Credentials.self) { group in
            group.addTask { try await registration.run(httpClient: current, logger: logger) }
            group.addTask {
                await pass(limit)
                try Task.checkCancellation()
                throw BootstrapError("The server has not registered this host within \(limit)")
            }
            defer { group.cancelAll() }
            guard let found = try await group.next() else { throw CancellationError() }
            return found
        }
        say("INFO: This host is registered with \(found.url.authority)")
        return Self.variables(url: found.url.description, address: found.agentIP, key: found.key)
    }

    private static func variables(url: String, address: String, key: APIKey?) -> [String: String] {
        var variables = ["CATTLE_URL": url]
        if !address.isEmpty { variables["CATTLE_AGENT_IP"] = address }
        if let key {
            variables["CATTLE_ACCESS_KEY"] = key.accessKey
            variables["CATTLE_SECRET_KEY"] = key.secretKey
        }
        return variables
    }

    private func words<Value>(_ body: () throws(RancherError) -> Value) throws(BootstrapError) -> Value {
        do throws(RancherError) {
            return try body()
        } catch {
            throw BootstrapError("\(error)")
        }
    }
}
