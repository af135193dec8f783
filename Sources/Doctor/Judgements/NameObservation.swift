/// What the resolver said about a name.
enum NameObservation: Sendable, Hashable {
    /// It is an address already.
    case address
    /// All that it has, in its order.
    case addresses([String], took: Duration)
    /// The system's words, and whether they mean that there is no such name.
    case unknown(reason: String, isFinal: Bool)
    case silent(Duration)

    func finding(host: String, of party: Party) -> Diagnosis {
        switch self {
        case .address: return .ok("\(host) is an address.")
        case .addresses(let addresses, let took):
            let list = addresses.joined(separator: ", ")
            if took > .seconds(2) {
                return .warning(
                    "\(host) is \(list), but the resolver took \(took.words) to say so.",
                    "Look at the name servers in /etc/resolv.conf: the first of them seems not to answer.")
            }
            return .ok("\(host) is \(list).")
        case .unknown(let reason, true):
            return .failure(
                "The name \(host) of the \(party.word) is not known: \(reason).",
                "Check the spelling of the name in \(party.source). If it is right, its DNS entry, or the one in /etc/hosts, is "
                    + "missing for this host.")
        case .unknown(let reason, false):
            return .failure(
                "The name \(host) of the \(party.word) cannot be looked up: \(reason).",
                "Check the name servers in /etc/resolv.conf, whether this host reaches them, and the spelling of the name "
                    + "in \(party.source).")
        case .silent(let deadline):
            return .failure(
                "The resolver did not say within \(deadline.words) what \(host) is.",
                "Check the name servers in /etc/resolv.conf, and whether this host reaches them.")
        }
    }
}
