/// What became of the request for a websocket.
enum WebSocketObservation: Sendable, Hashable {
    case open(took: Duration)
    /// The proxy opens no way, and there is one without it.
    case openPast(ProxyTrouble, took: Duration)
    /// The server agreed in an answer that lacks these headers, without which no client may go on (RFC 6455, 4.1).
    case stripped(missing: [String], from: Sender)
    /// Another answer than the agreement.
    case answered(status: Int, reason: String, from: Sender)
    case proxy(ProxyTrouble)
    case closed
    case silent(Duration)
    case failed(String)

    /// Who says of itself in the headers that it has sent or passed on an answer.
    struct Sender: Sendable, Hashable {
        var server: String?
        var via: String?

        /// To stand in a sentence.
        var words: String {
            let parts = [server.map { "Server: \($0)" }, via.map { "Via: \($0)" }].compactMap { $0 }
            return parts.isEmpty ? "" : " (it says \(parts.joined(separator: ", ")))"
        }
    }

    private static let advice =
        "Let the proxy or load balancer in front of the server pass on the headers Upgrade and Connection, in HTTP/1.1 "
        + "and in both directions (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
        + "proxy_set_header Connection \"upgrade\"), or point the URL past it."

    func finding() -> Diagnosis {
        switch self {
        case .open(let took): return .ok("The server opens a websocket, in \(took.words).")
        case .openPast(let trouble, let took):
            let finding = trouble.finding(purpose: " for the websocket")
            return .warning(
                "\(finding.text) Without the proxy the server opens one, in \(took.words).",
                "The agent takes turns with both ways until one opens. \(finding.advice)")
        case .stripped(let missing, let sender):
            return .failure(
                "A proxy in front of the server strips the websocket upgrade from its answer: it agrees, but without "
                    + "\(missing.joined(separator: " and "))\(sender.words).",
                Self.advice)
        case .answered(status: 401, _, _), .answered(status: 403, _, _):
            return .failure(
                "The server refuses the websocket to this host's key.",
                "The key is not that of an agent, or its account is not active: look at the host at the server.")
        case .answered(let status, let reason, let sender) where [200, 400, 405, 426, 501].contains(status):
            let text =
                status == 426
                ? "the server got the request without the header Upgrade" : "the request was taken for an ordinary one"
            return .failure(
                "A proxy in front of the server swallows the websocket upgrade: \(text), and was answered "
                    + "\(status) \(reason)\(sender.words).",
                Self.advice)
        case .answered(status: 404, _, let sender):
            return .failure(
                "Nothing is at the place of the websocket\(sender.words): status 404.",
                "Check the path of CATTLE_URL, and that a proxy in front passes on all paths below it.")
        case .answered(let status, let reason, let sender) where [502, 503, 504].contains(status):
            return .failure(
                "A proxy in front of the server has no way to the websocket: \(status) \(reason)\(sender.words).",
                "Start the server; if the API answers, let the proxy pass websockets on to the same server.")
        case .answered(let status, let reason, let sender):
            return .failure(
                "The websocket is refused with \(status) \(reason)\(sender.words).", "Look into the log of the server.")
        case .proxy(let trouble): return trouble.finding(purpose: " for the websocket")
        case .closed:
            return .failure(
                "The connection is closed instead of an answer to the request for a websocket.",
                "A proxy or firewall that does not let websockets through: " + Self.advice)
        case .silent(let deadline):
            return .failure(
                "The request for a websocket is not answered within \(deadline.words), while the API answers.",
                "A proxy or firewall that holds websockets back: " + Self.advice)
        case .failed(let reason):
            return .failure("No websocket: \(reason).", "Look into the log of the server, and of the proxy.")
        }
    }
}

/// What became of a ping on an open websocket.
enum PingObservation: Sendable, Hashable {
    case pong(Duration)
    case silent(Duration)
    case closed

    func finding() -> Diagnosis {
        switch self {
        case .pong(let took) where took > .seconds(1):
            .warning(
                "The server answers a ping on the websocket after \(took.words).",
                "The server or the network is slow: events will be late.")
        case .pong(let took): .ok("The server answers a ping on the websocket in \(took.words).")
        case .silent(let deadline):
            .failure(
                "The websocket is open, but a ping on it is not answered within \(deadline.words).",
                "A proxy that opens websockets and carries nothing on them: raise its time limits for open connections, and "
                    + "have it pass on every frame. The agent gives such a connection up after a minute and connects again."
            )
        case .closed:
            .failure(
                "The websocket is opened and closed again at once.",
                "Look into the log of the server, and at the limits of the proxy in front of it.")
        }
    }
}
