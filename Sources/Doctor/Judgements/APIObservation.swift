internal import RancherAPI

/// What the places answered where the API may be, asked without a key.
struct APIObservation: Sendable, Hashable {
    enum Answer: Sendable, Hashable {
        /// It has the header that names the schemas.
        case schemas
        /// Nothing is told without a key, as it should be, by what is a Rancher server.
        case keyWanted(status: Int)
        case other(status: Int)
        case trouble(Trouble)
    }

    struct Place: Sendable, Hashable {
        let url: String
        let answer: Answer
    }

    let places: [Place]

    /// The first place that has the API.
    var home: Place? {
        places.first { $0.answer == .schemas }
            ?? places.first {
                guard case .keyWanted = $0.answer else { return false }
                return true
            }
    }

    /// - Parameters:
    ///   - took: How long all of it took.
    ///   - proxy: Through which it was asked; `nil` for straight.
    func finding(took: Duration, through proxy: ProxySettings.Proxy? = nil) -> Diagnosis {
        if let home {
            switch home.answer {
            case .keyWanted(let status):
                return .ok("\(home.url) answers in \(took.words), and wants a key (status \(status)).")
            case .schemas, .other, .trouble: return .ok("\(home.url) answers in \(took.words).")
            }
        }
        for place in places {
            if case .trouble(let trouble) = place.answer { return trouble.finding(place.url, through: proxy) }
        }
        let list = places.map { place in
            if case .other(let status) = place.answer { return "\(place.url): status \(status)" }
            return place.url
        }.joined(separator: ", ")
        if places.contains(where: { $0.answer == .other(status: 407) }) {
            return Trouble.refused(status: 407, reason: "").finding("the API", through: proxy)
        }
        for place in places {
            if case .other(let status) = place.answer, status >= 500 {
                return Trouble.refused(status: status, reason: list + ".").finding("the API", through: proxy)
            }
        }
        return .failure(
            "There is no Rancher API there (\(list)).",
            "Check host, port and path of the URL: another program answers, or a proxy in front passes on other paths"
                + (proxy.map { "; or the proxy \($0) refuses it." } ?? "."))
    }
}

/// The server's clock as against ours.
enum ClockObservation: Sendable, Hashable {
    /// The answer had no date, or none that can be read.
    case unknown
    /// How far this host's clock is ahead of the server's; negative if it is behind.
    case ahead(Duration)

    /// Whether certificates may count as expired for it.
    var isFarApart: Bool { finding().verdict == .failure }

    func finding() -> Diagnosis {
        switch self {
        case .unknown: return .ok("The server does not tell its time.")
        case .ahead(let skew):
            let size = skew < .zero ? .zero - skew : skew
            // The server's date has whole seconds, and has been on its way.
            guard size > .seconds(5) else { return .ok("The clocks of this host and of the server agree.") }
            let text =
                "The clock of this host is \(size.words) \(skew < .zero ? "behind" : "ahead of") that of the server."
            let advice =
                "Let both keep their clocks by NTP: with clocks apart certificates and tokens count as expired."
            return size > .seconds(300) ? .failure(text, advice) : .warning(text, advice)
        }
    }
}

/// What the server lets this host's key do.
enum CredentialsObservation: Sendable, Hashable {
    case accepted(accessKey: String)
    case failed(Trouble)

    /// - Parameter proxy: Through which it was asked; `nil` for straight.
    func finding(through proxy: ProxySettings.Proxy? = nil) -> Diagnosis {
        switch self {
        case .accepted(let accessKey): .ok("The server knows the key of \(accessKey).")
        case .failed(.refused(status: 401, _)):
            .failure(
                "The server does not know this host's key: status 401.",
                "The host was removed at the server, or the key is wrong. Register it anew with the URL of the \"add host\" "
                    + "page, or set CATTLE_ACCESS_KEY and CATTLE_SECRET_KEY aright.")
        case .failed(.refused(status: 403, _)):
            .failure(
                "The server knows this host's key and does not let it in: status 403.",
                "The account of the agent is deactivated, or the key is that of another kind of account: look at the host "
                    + "at the server, and activate it or register it anew.")
        case .failed(let trouble): trouble.finding("the schemas", through: proxy)
        }
    }
}

/// The parts of the API that the agent needs, and whether this key may use them.
struct SchemasObservation: Sendable, Hashable {
    static let needed = ["subscribe", "publish"]

    let present: [String]
    /// What the server speaks; `nil` if that is not known.
    let dialect: String?

    func finding() -> Diagnosis {
        let missing = Self.needed.filter { !present.contains($0) }
        guard missing.isEmpty else {
            return .failure(
                "The server does not offer this key \(missing.joined(separator: " and ")).",
                "It is no key of an agent, but of a user or a registration: use that of the host's agent, or register.")
        }
        return .ok("subscribe and publish are there" + (dialect.map { " (dialect \($0))." } ?? "."))
    }
}
