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
