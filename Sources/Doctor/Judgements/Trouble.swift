internal import RancherAPI

/// How a request to the server went wrong.
enum Trouble: Error, Hashable {
    case refused(status: Int, reason: String)
    /// No answer in time.
    case silent(String)
    case unreachable(String)
    /// An answer that is none of a Rancher server.
    case strange(String)

    init(_ error: any Error) {
        guard let error = error as? RancherError else {
            self = .unreachable("\(error)")
            return
        }
        switch error.code {
        case .refused(let status): self = .refused(status: status, reason: error.message)
        case .timedOut: self = .silent(error.message)
        case .unreachable, .local: self = .unreachable(error.message)
        case .badAnswer, .noSchema, .badURL: self = .strange(error.message)
        }
    }

    /// - Parameters:
    ///   - what: What was asked for, to stand in the middle of a sentence.
    ///   - proxy: Through which it was asked for; `nil` for straight. It may be what answers, or does not.
    func finding(_ what: String, through proxy: ProxySettings.Proxy? = nil) -> Diagnosis {
        let orProxy = proxy.map { ", or the proxy \($0) on the way," } ?? ""
        let andProxy = proxy.map { ", and at the proxy \($0) on the way" } ?? ""
        return switch self {
        case .refused(let status, _) where status == 407:
            .failure(
                "The proxy wants to know who asks for \(what): status 407.",
                "Write user and password into the proxy variable: http://USER:PASSWORD@HOST:PORT.")
        case .refused(let status, let reason) where [502, 503, 504].contains(status):
            .failure(
                "There is something in front of the server that does not reach it: asked for \(what) it answers \(status). "
                    + reason,
                "Start the server, or wait until it has started; if it runs, look at the proxy or load balancer in front\(andProxy)."
            )
        case .refused(let status, let reason):
            .failure(
                "Asked for \(what), the server\(orProxy) answers with status \(status). \(reason)",
                "Check the path of the URL, and the log of the server.")
        case .silent(let reason):
            .failure(
                "The server\(orProxy) accepts connections and does not answer: \(reason).",
                "The server is hung or overloaded, or what listens there is none: look at its processes and its "
                    + "log\(andProxy).")
        case .unreachable(let reason):
            .failure(
                "There is no answer about \(what): \(reason).", "Look into the log of the server, and of the proxy.")
        case .strange(let reason):
            .failure(
                "The answer about \(what) is none of a Rancher server: \(reason).",
                "Check the URL: another program, or a login page of a proxy, answers there"
                    + (proxy.map { "; or the proxy \($0) refuses it." } ?? "."))
        }
    }
}
