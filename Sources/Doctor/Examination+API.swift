internal import Agent
internal import Model
internal import NIOHTTP1
internal import RancherAPI

/// What is said with the server: from the registration to the schemas.
extension Examination {
    /// Steps that need a key.
    private static let withKey: [Step] = [.credentials, .schemas, .websocket, .ping]

    mutating func talk(to entry: APIURL, _ http: ServerHTTP) async {
        guard configuration.registrationURL != nil else {
            let key = APIKey(accessKey: configuration.accessKey, secretKey: configuration.secretKey)
            note(.registration, RegistrationObservation.notUsed(accessKey: key.accessKey).finding(host: entry.host))
            let api = await lookForAPI(entry, http)
            guard note(api) else { return skip(Self.withKey, because: .api) }
            if let failed = await walkSchemas(from: entry, key, http) { return skip(Self.withKey, because: failed) }
            return await askWithKey(Credentials(url: entry, key: key, agentIP: ""), http)
        }
        let start = ContinuousClock.now
        switch await fetchScript(entry, http) {
        case .success(let invitation): await accept(invitation, from: entry, since: start, http)
        case .failure(let fault):
            let finding = fault.observation.finding(host: entry.host, through: route(to: entry).answeringProxy)
            guard fault.observation.isRefusal else {
                note(.registration, since: start, finding)
                return skip([.api, .clock] + Self.withKey, because: .registration)
            }
            let api = await lookForAPI(entry.droppingScript, http)
            // Whoever refuses where no API is, is no Rancher server and says nothing about a token.
            guard api.observation.home != nil else { return noteMissing(api) }
            note(.registration, since: start, finding)
            note(api)
            skip(Self.withKey, because: .registration)
        }
    }

    /// Looks for this host at the server that the registration script names.
    private mutating func accept(
        _ invitation: Invitation, from entry: APIURL, since start: ContinuousClock.Instant, _ http: ServerHTTP
    ) async {
        let url = invitation.url
        if !url.isSamePlace(as: entry) {
            // What the environment says instead is not the server's fault.
            let isOwn = !configuration.url.isEmpty
            let failed = await reach(url) { isOwn ? $0 : Self.judged($0, "The registration script leads", to: url) }
            if let failed { return skip([.registration, .api, .clock] + Self.withKey, because: failed) }
        }
        let api = await lookForAPI(url, http)
        guard api.observation.home != nil else { return noteMissing(api) }
        if let failed = await walkSchemas(from: url, invitation.script.key, http) {
            skip([.registration], because: failed)
            note(api)
            return skip(Self.withKey, because: failed)
        }
        let (registration, credentials) = await lookUpKeys(invitation, http)
        let finding = registration.finding(host: entry.host, through: route(to: url).answeringProxy)
        let isWell = note(.registration, since: start, finding)
        note(api)
        guard isWell, let credentials else { return skip(Self.withKey, because: .registration) }
        await askWithKey(credentials, http)
    }

    private mutating func noteMissing(_ api: APILook) {
        skip([.registration], because: .api)
        note(api)
        skip(Self.withKey, because: .api)
    }

    /// Goes where the server says that its schemas are, which it may say to those only who have a key.
    ///
    /// - Returns: The step that has failed, if one has. What is wrong with the key is found by the next step.
    private mutating func walkSchemas(from url: APIURL, _ key: APIKey, _ http: ServerHTTP) async -> Step? {
        let client = RancherClient(url: url, key: key, httpClient: http, deadline: limits.request, end: end)
        guard let link = try? await client.schemasURL(), !link.isSamePlace(as: url) else { return nil }
        return await reach(link) { Self.judged($0, "The server's link to its schemas leads", to: link) }
    }

    /// What the registration URL offers.
    private struct Invitation {
        var registration: Registration
        let script: RegistrationScript
        /// The server's API.
        let url: APIURL
        /// Whether this host has a token of its own.
        let hasToken: Bool
    }

    private struct Fault: Error {
        let observation: RegistrationObservation
    }

    private mutating func fetchScript(_ entry: APIURL, _ http: ServerHTTP) async -> Result<Invitation, Fault> {
        let token: String?
        do throws(RancherError) {
            token = try RegistrationToken.stored(directory: configuration.stateDirectory)
        } catch {
            return .failure(Fault(observation: .tokenUnreadable(error.message)))
        }
        if let token { hide(token) }
        var registration = Registration(
            registrationURL: entry, token: token ?? "", url: configuration.url, agentIP: configuration.agentIP,
            orchestration: configuration.orchestration)
        registration.deadline = limits.request
        registration.end = end
        do {
            let script = try await registration.fetchScript(http)
            hide(script.key)
            let url = try registration.serverURL(script)
            return .success(
                Invitation(registration: registration, script: script, url: url, hasToken: token != nil))
        } catch {
            return .failure(Fault(observation: .failed(.script, Trouble(error))))
        }
    }

    private mutating func lookUpKeys(
        _ invitation: Invitation, _ http: ServerHTTP
    ) async -> (RegistrationObservation, Credentials?) {
        guard invitation.hasToken else { return (.noToken(directory: configuration.stateDirectory), nil) }
        var registration = invitation.registration
        registration.end = end
        let url = invitation.url
        do {
            guard let key = try await registration.existingKey(invitation.script, http) else {
                return (.notRegistered, nil)
            }
            hide(key)
            return (
                .registered(accessKey: key.accessKey, server: "\(url)"), Credentials(url: url, key: key, agentIP: "")
            )
        } catch {
            return (.failed(.keys, Trouble(error)), nil)
        }
    }

    /// What answers where the API may be, and what time it is there.
    private struct APILook {
        let observation: APIObservation
        let clock: ClockObservation
        let proxy: ProxySettings.Proxy?
        let start: ContinuousClock.Instant
        let took: Duration
    }

    /// Asks for the root of the API without a key.
    private func lookForAPI(_ url: APIURL, _ http: ServerHTTP) async -> APILook {
        let start = ContinuousClock.now
        let caller = HTTPCaller(http: http, deadline: limits.request, end: end)
        var places: [APIObservation.Place] = []
        var clock = ClockObservation.unknown
        for root in APIRoot.candidates(for: url.droppingSchemas) {
            var answer: APIObservation.Answer
            do {
                let got = try await caller.call(.GET, root.url, limit: 1 << 20)
                if let date = got.headers.first(name: "Date").flatMap(HTTPDate.parse) { clock = .ahead(now - date) }
                let status = Int(got.status.code)
                answer = .other(status: status)
                // Any program and any proxy may refuse: only a Rancher server wants the key that is meant.
                if [401, 403].contains(status), got.isOfRancher { answer = .keyWanted(status: status) }
                if status == 200, got.headers.contains(name: "X-API-Schemas") { answer = .schemas }
            } catch {
                answer = .trouble(Trouble(error))
            }
            places.append(APIObservation.Place(url: "\(root.url.withoutQuery)", answer: answer))
            // Who cannot be reached at one path cannot be at another.
            if case .trouble = answer { break }
            if answer == .schemas { break }
        }
        return APILook(
            observation: APIObservation(places: places), clock: clock, proxy: route(to: url).answeringProxy,
            start: start,
            took: .now - start)
    }

    /// Notes whether the API is there, and its clock.
    @discardableResult
    private mutating func note(_ look: APILook) -> Bool {
        let finding = look.observation.finding(took: look.took, through: look.proxy)
        guard note(.api, since: look.start, finding) else {
            skip([.clock], because: .api)
            return false
        }
        note(.clock, look.clock.finding())
        return true
    }

    private mutating func askWithKey(_ credentials: Credentials, _ http: ServerHTTP) async {
        let start = ContinuousClock.now
        let client = RancherClient(
            url: credentials.url, key: credentials.key, httpClient: http, deadline: limits.request, end: end)
        let found: Result<Schemas, Trouble>
        do {
            found = .success(try await client.discover())
        } catch {
            found = .failure(Trouble(error))
        }
        let schemas: Schemas
        switch found {
        case .success(let all):
            schemas = all
            note(
                .credentials, since: start,
                CredentialsObservation.accepted(accessKey: credentials.accessKey).finding())
        case .failure(let trouble):
            let proxy = route(to: credentials.url).answeringProxy
            note(.credentials, since: start, CredentialsObservation.failed(trouble).finding(through: proxy))
            return skip([.schemas, .websocket, .ping], because: .credentials)
        }
        let present = SchemasObservation.needed.filter { schemas[$0] != nil }
        let schemasFinding = SchemasObservation(present: present, dialect: client.dialect?.rawValue).finding()
        guard note(.schemas, schemasFinding) else { return skip([.websocket, .ping], because: .schemas) }
        await subscribe(schemas, client.dialect, credentials)
    }
}

extension APIURL {
    /// The API that a registration URL, `…/v1/scripts/TOKEN`, is a part of.
    fileprivate var droppingScript: APIURL {
        guard let scripts = path.firstRange(of: "/scripts/") else { return self }
        var url = self
        url.path = String(path[..<scripts.lowerBound])
        url.query = ""
        return url
    }

    /// Whether the way to both is the same.
    func isSamePlace(as other: APIURL) -> Bool {
        host.lowercased() == other.host.lowercased() && effectivePort == other.effectivePort
            && isEncrypted == other.isEncrypted
    }
}
