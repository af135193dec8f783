internal import Agent
internal import Model
internal import RancherAPI

/// The places that the server's links name, and the websocket.
extension Examination {
    mutating func subscribe(_ schemas: Schemas, _ dialect: Dialect?, _ credentials: Credentials) async {
        let failed = await walkLinks(schemas, from: credentials.url)
        let start = ContinuousClock.now
        var stream = EventStream(configuredURL: credentials.url, key: credentials.key)
        stream.eventNames = [WebSocketProbe.eventName]
        let linked = stream.subscriptionURL(link: schemas["subscribe"]?.collection, dialect: dialect)
        let configured = stream.subscriptionURL(link: nil, dialect: dialect)
        let first = failed ? nil : await openWebSocket(at: linked, credentials.key)
        if let first, first.ping != nil || linked == configured { return note(first, since: start) }
        // The agent takes turns with the configured URL where the link does not help.
        let second = await openWebSocket(at: configured, credentials.key)
        guard second.ping != nil else { return note(first ?? second, since: start) }
        let reason = first.map { ": \($0.handshake.finding().text)" } ?? "."
        note(
            second, since: start,
            .warning(
                "The websocket opens at \(configured.withoutQuery), as the URL is configured, but not where the server's "
                    + "link leads, at \(linked.withoutQuery)\(reason)",
                "The agent takes turns with both, so that events come late. \(Self.linkAdvice)"))
    }

    private static let linkAdvice =
        "Check api.host in the settings of the server, and the headers X-Forwarded-Host, X-Forwarded-Port and "
        + "X-Forwarded-Proto of what is in front of it: the server makes its links of these."

    /// Goes to the places of the links that the agent uses, where those are other places than the server's URL.
    ///
    /// - Returns: Whether that of the subscription cannot be reached.
    private mutating func walkLinks(_ schemas: Schemas, from url: APIURL) async -> Bool {
        let links = [
            ("subscribe", schemas["subscribe"]?.collection), ("publish", try? schemas.createURL("publish")),
        ]
        var places: [(url: APIURL, names: [String])] = []
        for case (let name, let link?) in links where !link.isSamePlace(as: url) {
            if let index = places.firstIndex(where: { $0.url.isSamePlace(as: link) }) {
                places[index].names.append(name)
            } else {
                places.append((link, [name]))
            }
        }
        var failed = false
        for (link, names) in places {
            // Where the other one does not help, the agent subscribes by the configured URL; answers have one way only.
            let isNeeded = names.contains("publish")
            let isOne = names.count == 1
            let links = "The server's \(isOne ? "link" : "links") \(names.joined(separator: " and "))"
            let fault = await reach(link) {
                Self.judged($0, "\(links) \(isOne ? "leads" : "lead")", to: link, isNeeded: isNeeded)
            }
            if fault != nil, names.contains("subscribe") { failed = true }
        }
        return failed
    }

    /// What is said of the way to a place that the server has named.
    ///
    /// - Parameters:
    ///   - finding: Of a step on that way.
    ///   - guide: What leads there: the beginning of a sentence, with its verb.
    ///   - link: The place.
    ///   - isNeeded: Whether the agent does nothing without it.
    static func judged(_ finding: Diagnosis, _ guide: String, to link: APIURL, isNeeded: Bool = true) -> Diagnosis {
        guard finding.verdict == .failure else { return finding }
        let text = "\(guide) to \(link.scheme)://\(link.authority). \(finding.text)"
        let advice = "\(linkAdvice) If that place is the right one: \(finding.advice)"
        return isNeeded ? .failure(text, advice) : .warning(text, advice)
    }

    private typealias Opening = (handshake: WebSocketObservation, ping: PingObservation?)

    private func openWebSocket(at url: APIURL, _ key: APIKey) async -> Opening {
        var limits = limits
        limits.websocket = time(for: limits.websocket)
        limits.ping = time(for: limits.ping)
        func open(_ route: Route) async -> Opening {
            await WebSocketProbe(route: route, key: key, configuration: tlsConfiguration, limits: limits).open()
        }
        let opening = await open(route(to: url))
        guard case .proxy(let trouble) = opening.handshake, !url.isEncrypted else { return opening }
        // The agent takes turns with the straight way, as long as the websocket is one without TLS.
        let straight = await open(Route(to: url, .none))
        guard case .open(let took) = straight.handshake else { return opening }
        return (.openPast(trouble, took: took), straight.ping)
    }

    private mutating func note(_ opening: Opening, since start: ContinuousClock.Instant, _ finding: Diagnosis? = nil) {
        note(.websocket, since: start, finding ?? opening.handshake.finding())
        guard let ping = opening.ping else { return skip([.ping], because: .websocket) }
        note(.ping, ping.finding())
    }
}
