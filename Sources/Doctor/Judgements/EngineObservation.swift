internal import DockerEngine

/// What is found at the address of the engine, before anything is said.
enum EngineSocketObservation: Sendable, Hashable {
    case connected
    /// `DOCKER_HOST` names a port, whose connection is a part of the call.
    case notUnix
    case missing
    /// Something else is at this path.
    case noSocket
    case notPermitted
    /// The socket is left over from an engine that has ended.
    case nobodyListens
    case silent(Duration)
    case failed(String)
    /// `DOCKER_HOST`, or the certificates, cannot be used.
    case misconfigured(String)

    func finding(endpoint: String) -> Diagnosis {
        let start = "Start the engine (systemctl start docker), or say in DOCKER_HOST where it listens"
        let mount = "; in a container, mount the socket: -v /var/run/docker.sock:/var/run/docker.sock."
        return switch self {
        case .connected: .ok("\(endpoint) takes connections.")
        case .notUnix: .ok("The engine is at \(endpoint).")
        case .missing: .failure("There is no Docker socket at \(endpoint).", start + mount)
        case .noSocket:
            .failure(
                "What is at \(endpoint) is no socket.",
                "A container that was started before the engine has a directory there: remove it, start the engine, and "
                    + "start the container anew.")
        case .notPermitted:
            .failure(
                "This user may not use the Docker socket at \(endpoint).",
                "Run this as root, or as a member of the group docker.")
        case .nobodyListens: .failure("Nobody listens on the Docker socket at \(endpoint).", start + ".")
        case .silent(let deadline):
            .failure(
                "The Docker socket at \(endpoint) does not take a connection within \(deadline.words).",
                "The engine hangs: look at its log (journalctl -u docker), and start it anew.")
        case .failed(let reason): .failure("The Docker socket at \(endpoint) cannot be used: \(reason).", start + ".")
        case .misconfigured(let reason):
            .failure("\(reason).", "Correct DOCKER_HOST, DOCKER_CERT_PATH and DOCKER_TLS_VERIFY.")
        }
    }
}

/// What the engine says of itself.
enum EngineObservation: Sendable, Hashable {
    case version(engine: String, api: String, took: Duration)
    /// It speaks no version of the API that the agent speaks.
    case tooOld(engine: String, api: String)
    case silent(Duration)
    case unreachable(String)
    /// It answers, and not as an engine does.
    case strange(String)

    func finding(endpoint: String) -> Diagnosis {
        switch self {
        case .version(let engine, let api, let took) where took > .seconds(1):
            .warning(
                "Docker \(engine) (API \(api)) answers, but only after \(took.words).",
                "The engine is overloaded: look at the load of the host and at its disk.")
        case .tooOld(let engine, let api):
            .failure(
                "Docker \(engine) is too old: it speaks API \(api), and the agent needs at least \(APIVersion.oldest).",
                "Install a newer Docker Engine on this host.")
        case .version(let engine, let api, let took): .ok("Docker \(engine) (API \(api)) answers in \(took.words).")
        case .silent(let deadline):
            .failure(
                "The engine at \(endpoint) takes the connection and does not answer within \(deadline.words).",
                "The engine hangs: look at its log (journalctl -u docker), and start it anew. The agent waits for it.")
        case .unreachable(let reason):
            .failure(
                "The engine at \(endpoint) cannot be reached: \(reason).",
                "Check DOCKER_HOST and the engine's own settings.")
        case .strange(let reason):
            .failure(
                "What answers at \(endpoint) is no Docker Engine: \(reason).",
                "Check DOCKER_HOST; at least API \(APIVersion.oldest) is needed.")
        }
    }
}
