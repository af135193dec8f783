/// What became of connecting to one address.
struct ConnectionObservation: Sendable, Hashable {
    enum Outcome: Sendable, Hashable {
        case connected(Duration)
        /// Somebody is there and says that nobody listens.
        case refused
        case silent(Duration)
        /// The system's words.
        case failed(String)
    }

    let address: String
    let outcome: Outcome

    static func finding(_ observations: [ConnectionObservation], port: Int, what: String) -> Diagnosis {
        let list = observations.map(\.words).joined(separator: "; ")
        let failed = observations.filter { !$0.isConnected }
        if failed.isEmpty { return .ok("Port \(port) of the \(what): \(list).") }
        guard failed.count == observations.count else {
            return .warning(
                "Port \(port) of the \(what): \(list).",
                "The agent goes on with the address that works, after waiting for the others. Take the dead address out "
                    + "of the DNS entry, or let it through.")
        }
        if observations.contains(where: { $0.outcome == .refused }) {
            return .failure(
                "Nobody listens on port \(port) of the \(what): \(list).",
                "Check the port in the URL, and whether the \(what) is running.")
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

    private var words: String {
        switch outcome {
        case .connected(let took): "\(address) connects in \(took.words)"
        case .refused: "\(address) refuses the connection"
        case .silent(let deadline): "\(address) does not answer within \(deadline.words)"
        case .failed(let reason): "\(address) cannot be reached (\(reason))"
        }
    }
}
