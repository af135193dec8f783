internal import RancherAPI

/// What the registration URL leads to, without registering.
enum RegistrationObservation: Sendable, Hashable {
    /// The key of this agent comes from the configuration.
    case notUsed(accessKey: String)
    /// Who was asked, and what went wrong.
    case failed(Question, Trouble)
    /// The state directory has no registration token, so this host was never registered.
    case noToken(directory: String)
    case tokenUnreadable(String)
    /// The server has no keys for this host's token.
    case notRegistered
    case registered(accessKey: String, server: String)

    enum Question: Sendable, Hashable {
        case script
        case keys
    }

    /// Whether somebody refused what was asked for as if there were no right to it. That may be any program: only where
    /// the API is, it is the server.
    var isRefusal: Bool {
        guard case .failed(_, .refused(let status, _)) = self else { return false }
        return [401, 403, 404].contains(status)
    }

    /// - Parameters:
    ///   - host: In the registration URL.
    ///   - proxy: Through which it was asked; `nil` for straight.
    func finding(host: String, through proxy: ProxySettings.Proxy? = nil) -> Diagnosis {
        switch self {
        case .notUsed(let accessKey):
            .ok("No registration URL is given: CATTLE_ACCESS_KEY is used, the key of \(accessKey).")
        case .failed(.script, .refused(let status, _)) where [401, 403, 404].contains(status):
            .failure(
                "The server refuses the registration URL with status \(status): its token is not valid.",
                "Take the URL anew from the \"add host\" page of the right environment.")
        case .failed(.script, let trouble): trouble.finding("the registration script of \(host)", through: proxy)
        case .failed(.keys, .refused(let status, _)) where [401, 403].contains(status):
            .failure(
                "The server refuses the keys of its own registration script with status \(status).",
                "The token of the registration URL was withdrawn: take the URL anew from the \"add host\" page.")
        case .failed(.keys, let trouble): trouble.finding("this host's keys", through: proxy)
        case .noToken(let directory):
            .warning(
                "The registration URL is good, but \(directory) has no registration token: this host was never "
                    + "registered from this state directory.",
                "Start the agent, which registers, or name the right state directory with --state-dir.")
        case .tokenUnreadable(let reason):
            .failure(
                "The registration token cannot be read: \(reason).", "Run this as root, or as the user of the agent.")
        case .notRegistered:
            .warning(
                "The registration URL is good, but the server has no keys for this host.",
                "Start the agent, which registers. If it runs: the server is still making the keys; look there for the "
                    + "state of the registration.")
        case .registered(let accessKey, let server):
            .ok("This host is registered at \(server), with the key of \(accessKey).")
        }
    }
}
