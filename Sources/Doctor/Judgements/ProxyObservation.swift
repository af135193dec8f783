/// Which way calls to a URL take, as the agent understands the proxy variables.
enum ProxyObservation: Sendable, Hashable {
    /// No variable names a proxy for this scheme.
    case none
    /// Never sent to a proxy, for it is this host.
    case thisHost(proxy: String)
    /// A part of `no_proxy`.
    case excepted(by: String, proxy: String)
    case used(String)

    func finding(host: String, variable: String, warnings: [String]) -> Diagnosis {
        guard warnings.isEmpty else {
            return .warning(
                warnings.joined(separator: ". ") + ".", "Write the variable as http://HOST:PORT, or take it away.")
        }
        return switch self {
        case .none: .ok("\(variable) is not set: \(host) is reached without a proxy.")
        case .thisHost(let proxy): .ok("\(host) is this host, and is reached without the proxy \(proxy).")
        case .excepted(let part, let proxy): .ok("no_proxy has \(part): \(host) is reached without the proxy \(proxy).")
        case .used(let proxy): .ok("\(variable) is set: \(host) is reached through the proxy \(proxy).")
        }
    }
}

/// Whom a connection is made to.
enum Party: Sendable, Hashable {
    case server
    case proxy(variable: String)

    /// To stand in a sentence.
    var word: String {
        switch self {
        case .server: "server"
        case .proxy: "proxy"
        }
    }

    /// Where its name and port are written.
    var source: String {
        switch self {
        case .server: "the URL"
        case .proxy(let variable): "the variable \(variable)"
        }
    }
}

/// Why there is no connection through a proxy: the server has said nothing.
struct ProxyTrouble: Sendable, Hashable {
    enum Reason: Sendable, Hashable {
        /// It takes connections and does not answer what it is asked.
        case silent(Duration)
        /// With the status of its answer, if that was one, and with a sentence.
        case refused(status: Int?, String)
    }

    let proxy: String
    let variable: String
    /// Of the server.
    let host: String
    let port: Int
    let reason: Reason

    /// - Parameter purpose: What the connection is for, as ` for the websocket`.
    func finding(purpose: String = "") -> Diagnosis {
        let place = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
        switch reason {
        case .silent(let deadline):
            return .failure(
                "The proxy \(proxy) does not answer within \(deadline.words) when it is asked for a connection\(purpose) "
                    + "to \(place).",
                "Check \(variable), and whether the proxy reaches \(place): it hangs, or waits for a server that does "
                    + "not answer. If no proxy is needed there, add \(host) to no_proxy.")
        case .refused(let status, let reason):
            return .failure("There is no way through the proxy\(purpose): \(reason).", advice(status, place))
        }
    }

    private func advice(_ status: Int?, _ place: String) -> String {
        switch status {
        case 407: "Write user and password into \(variable): http://USER:PASSWORD@HOST:PORT."
        case 502, 503, 504:
            "The proxy does not reach \(place): check host and port in the URL, and whether the server runs."
        default: "Let the proxy open connections (CONNECT) to \(place), or add \(host) to no_proxy."
        }
    }
}
