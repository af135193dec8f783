internal import RancherAPI

/// What became of connecting to one address.
struct ConnectionObservation: Sendable, Hashable {
    enum Outcome: Sendable, Hashable {
        case connected(Duration)
        /// Somebody is there and says that nobody listens.
        case refused
        case silent(Duration)
        /// This host has no way to addresses of this kind, as to those of IPv6; with the system's words.
        case notForUs(String)
        /// The system's words.
        case failed(String)
    }

    let address: String
    let outcome: Outcome

    static func finding(_ observations: [ConnectionObservation], port: Int, of party: Party) -> Diagnosis {
        let what = party.word
        let list = observations.map(\.words).joined(separator: "; ")
        // What has no meaning for this host is no loss to it: an address of IPv6 where there is none, or that loopback on
        // which nobody listens.
        let isOwn = observations.contains { $0.isConnected && $0.isLoopback }
        let failed = observations.filter { !$0.isConnected && !$0.isNotForUs && !(isOwn && $0.isLoopback) }
        if failed.isEmpty, observations.contains(where: \.isConnected) {
            return .ok("Port \(port) of the \(what): \(list).")
        }
        guard !observations.contains(where: \.isConnected) else {
            let wait = failed.contains(where: \.isSilent) ? ", after waiting for the others" : ""
            return .warning(
                "Port \(port) of the \(what): \(list).",
                "The agent goes on with the address that works\(wait). Take the dead address out of the DNS entry, or let "
                    + "it through.")
        }
        if observations.contains(where: { $0.outcome == .refused }) {
            return .failure(
                "Nobody listens on port \(port) of the \(what): \(list).",
                "Check the port in \(party.source), and whether the \(what) is running.")
        }
        if observations.contains(where: \.isSilent) {
            return .failure(
                "Port \(port) of the \(what) cannot be reached: \(list).",
                "A firewall that drops what is sent there, or a host that is down: check both, and the route.")
        }
        return .failure(
            "Port \(port) of the \(what) cannot be reached: \(list).",
            "Check the routes and the firewall of this host.")
    }

    private var isConnected: Bool {
        guard case .connected = outcome else { return false }
        return true
    }

    private var isSilent: Bool {
        guard case .silent = outcome else { return false }
        return true
    }

    private var isNotForUs: Bool {
        guard case .notForUs = outcome else { return false }
        return true
    }

    private var isLoopback: Bool { ProxySettings.isThisHost(address) }

    private var words: String {
        switch outcome {
        case .connected(let took): "\(address) connects in \(took.words)"
        case .refused: "\(address) refuses the connection"
        case .silent(let deadline): "\(address) does not answer within \(deadline.words)"
        case .notForUs(let reason): "\(address) is not for this host (\(reason))"
        case .failed(let reason): "\(address) cannot be reached (\(reason))"
        }
    }
}
