internal import Agent
internal import Model
internal import NIOHTTP1
internal import NIOSSL
internal import RancherAPI

extension Examination {
    /// Steps that need a way to the server.
    private static let behindTheWay: [Step] = [.registration, .api, .clock, .credentials, .schemas, .websocket, .ping]

    mutating func examineServer() async {
        guard let entry = entry(), let http = client() else {
            return skip([.proxy, .name, .connection, .tls] + Self.behindTheWay, because: .settings)
        }
        let failed = await reach(entry)
        if let failed {
            skip(Self.behindTheWay, because: failed)
        } else {
            await talk(to: entry, http)
        }
        // Its connections close by themselves; the process ends soon.
        try? await http.shutdown()
    }

    /// Where the agent goes first; `nil` after a failure of the settings.
    private mutating func entry() -> APIURL? {
        if let fault = configuration.fault {
            note(.settings, SettingsObservation.unusable(fault).finding())
            return nil
        }
        let given = configuration.registrationURL ?? configuration.url
        do throws(RancherError) {
            let url = try APIURL(given)
            let isRegistration = configuration.registrationURL != nil
            // The path of a registration URL is as good as a password.
            let shown = isRegistration ? "\(url.scheme)://\(url.authority)" : "\(url.withoutQuery)"
            let fault = authoritiesFault
            return note(
                .settings,
                (fault.map { .badAuthorities($0) }
                    ?? SettingsObservation.usable(server: shown, warnings: otherWarnings)).finding())
                ? url : nil
        } catch {
            note(.settings, SettingsObservation.unusable("The URL cannot be used: \(error.message).").finding())
            return nil
        }
    }

    private var authoritiesFault: String? {
        do throws(RancherError) {
            _ = try TLSConfiguration.rancher(extraTrustRoots: configuration.authoritiesFile)
            return nil
        } catch {
            return error.message
        }
    }

    /// Those of the proxies have a step of their own.
    private var otherWarnings: [String] {
        configuration.warnings.filter { !configuration.proxies.warnings.contains($0) }
    }

    private func client() -> ServerHTTP? {
        try? ServerHTTP(proxies: configuration.proxies, extraTrustRoots: configuration.authoritiesFile)
    }

    private var tlsConfiguration: TLSConfiguration {
        (try? TLSConfiguration.rancher(extraTrustRoots: configuration.authoritiesFile)) ?? .makeClientConfiguration()
    }

    private func route(to url: APIURL) -> Route {
        Route(url: url, proxy: configuration.proxies.proxy(for: url))
    }

    // MARK: The way

    /// From the name to TLS.
    ///
    /// - Returns: The step that has failed, if one has.
    private mutating func reach(_ url: APIURL) async -> Step? {
        let route = route(to: url)
        let what = route.proxy == nil ? "server" : "proxy"
        let variable = url.isEncrypted ? "https_proxy" : "http_proxy"
        note(
            .proxy, at: url.host,
            proxyObservation(url).finding(
                host: url.host, variable: variable, warnings: configuration.proxies.warnings))

        var start = ContinuousClock.now
        let name = await NameProbe(calls: calls, deadline: time(for: limits.name)).look(up: route.host)
        guard note(.name, at: url.host, since: start, name.finding(host: route.host, what: what)) else {
            skip([.connection, .tls], because: .name)
            return .name
        }
        let addresses: [String] =
            switch name {
            case .addresses(let addresses, _): addresses
            case .address, .unknown, .silent: [route.host]
            }

        start = .now
        let connections = await ConnectionProbe(deadline: time(for: limits.connection)).connect(
            to: addresses, port: route.port)
        let connection = ConnectionObservation.finding(connections, port: route.port, what: what)
        guard note(.connection, at: url.host, since: start, connection) else {
            skip([.tls], because: .connection)
            return .connection
        }

        start = .now
        let (tls, serverTime) = await TLSProbe(
            route: route, configuration: tlsConfiguration, deadline: time(for: limits.tls)
        )
        .shakeHands()
        let finding = tls.finding(
            host: url.host, port: url.effectivePort, now: now, authorities: configuration.authoritiesFile,
            clock: serverTime.map { .ahead(now - $0) } ?? .unknown)
        return note(.tls, at: url.host, since: start, finding) ? nil : .tls
    }

    private func proxyObservation(_ url: APIURL) -> ProxyObservation {
        let proxies = configuration.proxies
        guard let proxy = url.isEncrypted ? proxies.encrypted : proxies.plain else { return .none }
        if ProxySettings.isThisHost(url.host) { return .thisHost(proxy: "\(proxy)") }
        if let exception = proxies.exception(for: url) {
            return .excepted(by: "\(exception)", proxy: "\(proxy)")
        }
        return .used("\(proxy)")
    }

    // MARK: The talk

    private mutating func talk(to entry: APIURL, _ http: ServerHTTP) async {
        let start = ContinuousClock.now
        let (registration, credentials) = await lookUpRegistration(entry, http)
        let rest: [Step] = [.api, .clock, .credentials, .schemas, .websocket, .ping]
        guard note(.registration, since: start, registration.finding(host: entry.host)) else {
            return skip(rest, because: .registration)
        }
        guard let credentials else {
            // The server's API can be looked at all the same, as what the URL names is a part of it.
            if await askAPI(entry.droppingScript, http) {
                skip([.credentials, .schemas, .websocket, .ping], because: .registration)
            } else {
                skip([.credentials, .schemas, .websocket, .ping], because: .api)
            }
            return
        }
        if credentials.url.authority != entry.authority || credentials.url.scheme != entry.scheme {
            if let failed = await reach(credentials.url) { return skip(rest, because: failed) }
        }
        guard await askAPI(credentials.url, http) else {
            return skip([.credentials, .schemas, .websocket, .ping], because: .api)
        }
        await askWithKey(credentials, http)
    }

    private func lookUpRegistration(
        _ entry: APIURL, _ http: ServerHTTP
    ) async -> (RegistrationObservation, Credentials?) {
        guard configuration.registrationURL != nil else {
            let key = APIKey(accessKey: configuration.accessKey, secretKey: configuration.secretKey)
            return (.notUsed(accessKey: key.accessKey), Credentials(url: entry, key: key, agentIP: ""))
        }
        let token: String?
        do throws(RancherError) {
            token = try RegistrationToken.stored(directory: configuration.stateDirectory)
        } catch {
            return (.tokenUnreadable(error.message), nil)
        }
        var registration = Registration(
            registrationURL: entry, token: token ?? "", url: configuration.url, agentIP: configuration.agentIP,
            orchestration: configuration.orchestration)
        registration.deadline = time(for: limits.request)
        let script: RegistrationScript
        let url: APIURL
        do {
            script = try await registration.fetchScript(http)
            url = try registration.serverURL(script)
        } catch {
            return (.failed(.script, Trouble(error)), nil)
        }
        guard token != nil else { return (.noToken(directory: configuration.stateDirectory), nil) }
        do {
            guard let key = try await registration.existingKey(script, http) else { return (.notRegistered, nil) }
            return (
                .registered(accessKey: key.accessKey, server: "\(url)"), Credentials(url: url, key: key, agentIP: "")
            )
        } catch {
            return (.failed(.keys, Trouble(error)), nil)
        }
    }

    /// Asks for the root of the API without a key, and for the time.
    ///
    /// - Returns: Whether it is there.
    private mutating func askAPI(_ url: APIURL, _ http: ServerHTTP) async -> Bool {
        let start = ContinuousClock.now
        let caller = HTTPCaller(http: http, deadline: time(for: limits.request))
        var places: [APIObservation.Place] = []
        var clock = ClockObservation.unknown
        for root in APIRoot.candidates(for: url.droppingSchemas) {
            var answer: APIObservation.Answer
            do {
                let got = try await caller.call(.GET, root.url, limit: 1 << 20)
                if let date = got.headers.first(name: "Date").flatMap(HTTPDate.parse) { clock = .ahead(now - date) }
                let status = Int(got.status.code)
                answer = [401, 403].contains(status) ? .keyWanted(status: status) : .other(status: status)
                if status == 200, got.headers.first(name: "X-API-Schemas") != nil { answer = .schemas }
            } catch {
                answer = .trouble(Trouble(error))
            }
            places.append(APIObservation.Place(url: "\(root.url.withoutQuery)", answer: answer))
            // Who cannot be reached at one path cannot be at another.
            if case .trouble = answer { break }
            if answer == .schemas { break }
        }
        let finding = APIObservation(places: places).finding(took: .now - start)
        guard note(.api, since: start, finding) else {
            skip([.clock], because: .api)
            return false
        }
        note(.clock, clock.finding())
        return true
    }

    private mutating func askWithKey(_ credentials: Credentials, _ http: ServerHTTP) async {
        var start = ContinuousClock.now
        let client = RancherClient(
            url: credentials.url, key: credentials.key, httpClient: http, deadline: time(for: limits.request))
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
            note(.credentials, since: start, CredentialsObservation.failed(trouble).finding())
            return skip([.schemas, .websocket, .ping], because: .credentials)
        }
        let present = SchemasObservation.needed.filter { schemas[$0] != nil }
        let schemasFinding = SchemasObservation(present: present, dialect: client.dialect?.rawValue).finding()
        guard note(.schemas, schemasFinding) else { return skip([.websocket, .ping], because: .schemas) }

        start = .now
        var stream = EventStream(configuredURL: credentials.url, key: credentials.key)
        stream.eventNames = [WebSocketProbe.eventName]
        let url = stream.subscriptionURL(link: schemas["subscribe"]?.collection, dialect: client.dialect)
        var limits = limits
        limits.websocket = time(for: limits.websocket)
        limits.ping = time(for: limits.ping)
        let (handshake, ping) = await WebSocketProbe(
            route: route(to: url), key: credentials.key, configuration: tlsConfiguration, limits: limits
        ).open()
        note(.websocket, since: start, handshake.finding())
        guard let ping else { return skip([.ping], because: .websocket) }
        note(.ping, ping.finding())
    }
}

extension APIURL {
    /// The API that a registration URL, `…/v1/scripts/TOKEN`, is a part of.
    var droppingScript: APIURL {
        guard let scripts = path.firstRange(of: "/scripts/") else { return self }
        var url = self
        url.path = String(path[..<scripts.lowerBound])
        url.query = ""
        return url
    }
}
