internal import Agent
internal import Model
internal import NIOSSL
internal import RancherAPI

/// Where it is, and the way there: from the settings to TLS.
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
            // The path of a registration URL is as good as a password, also where the API's URL is expected.
            let isSecret = configuration.registrationURL != nil || Secrets.token(in: given) != nil
            let shown = isSecret ? "\(url.scheme)://\(url.authority)" : "\(url.withoutQuery)"
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

    var tlsConfiguration: TLSConfiguration {
        (try? TLSConfiguration.rancher(extraTrustRoots: configuration.authoritiesFile)) ?? .makeClientConfiguration()
    }

    func route(to url: APIURL) -> Route { Route(to: url, configuration.proxies) }

    /// From the name to TLS.
    ///
    /// - Parameters:
    ///   - url: Where the way leads.
    ///   - judging: Changes what is said of a step, for a way that is of less or of other importance.
    /// - Returns: The step that has failed, if one has.
    mutating func reach(_ url: APIURL, judging: (Diagnosis) -> Diagnosis = { $0 }) async -> Step? {
        let route = route(to: url)
        note(
            .proxy, at: url.host,
            proxyObservation(url).finding(
                host: url.host, variable: route.variable, warnings: configuration.proxies.warnings))

        var start = ContinuousClock.now
        let name = await NameProbe(calls: calls, deadline: time(for: limits.name)).look(up: route.host)
        let nameFinding = name.finding(host: route.host, of: route.party)
        note(.name, at: url.host, since: start, judging(nameFinding))
        guard nameFinding.verdict != .failure else {
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
        let connection = ConnectionObservation.finding(connections, port: route.port, of: route.party)
        note(.connection, at: url.host, since: start, judging(connection))
        guard connection.verdict != .failure else {
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
        note(.tls, at: url.host, since: start, judging(finding))
        return finding.verdict == .failure ? .tls : nil
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
}
