/// What the environment of the launching container says (PROTOCOL 1.9).
package struct LaunchSettings: Sendable, Hashable {
    /// What the container of the agent may do on this host.
    package enum Privilege: Sendable, Hashable {
        /// Everything, as agents of Rancher always could.
        case full
        /// What the engine's socket and the agent's own directories need.
        case least
    }

    /// Handed on to the agent as it is.
    package var passedOn: [String: String]
    package var privilege: Privilege
    /// `CA_FINGERPRINT`: that of the certificate which vouches for the server, SHA-1 in hexadecimal digits and colons;
    /// empty if not given.
    package var fingerprint: String
    /// `CATTLE_URL_OVERRIDE`: goes before what the registration script says. Empty if not given.
    package var override: String
    /// That, or else `CATTLE_URL`: goes before what an earlier container was told. Empty if not given.
    package var url: String
    /// What is wrong with them; `nil` if nothing is.
    package var fault: String?

    /// What is for the launch alone, or follows from it.
    private static let ownBusiness: Set = [
        "CATTLE_REGISTRATION_URL", "CATTLE_REGISTRATION_ACCESS_KEY", "CATTLE_REGISTRATION_SECRET_KEY",
        "CATTLE_URL_OVERRIDE", "CATTLE_STATE_DIR", "CATTLE_HOME", "CATTLE_EXEC_AGENT", "CATTLE_AGENT_PIDNS",
        "CATTLE_BOOT2DOCKER", "CATTLE_VAR_LIB_WRITABLE", "CATTLE_CA_CERTIFICATE",
    ]
    private static let others: Set = [
        "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "RANCHER_DEBUG",
        "DOCKER_API_VERSION", "NO_COLOR", "HOST_PROC", "HOST_SYS", "HOST_ETC",
    ]

    /// Reads the environment; an empty variable counts as not set.
    package init(environment: [String: String]) {
        passedOn = Self.passedOn(from: environment)
        privilege = passedOn["CATTLE_AGENT_PRIVILEGED"] ?? "true" == "true" ? .full : .least
        fingerprint = environment["CA_FINGERPRINT"] ?? ""
        override = environment["CATTLE_URL_OVERRIDE"] ?? ""
        url = override.isEmpty ? environment["CATTLE_URL"] ?? "" : override
        fault = Self.misplaced(in: environment)
        if let address = passedOn["CATTLE_AGENT_IP"], !Self.isIPv4(address) {
            fault = "CATTLE_AGENT_IP is '\(address)', and has to be an IPv4 address such as 192.0.2.7"
        }
    }

    /// The settings of the agent among all variables.
    package static func passedOn(from environment: [String: String]) -> [String: String] {
        environment.filter { name, value in
            !value.isEmpty && !ownBusiness.contains(name) && (name.hasPrefix("CATTLE_") || others.contains(name))
        }
    }

    /// Says what the container of the agent has in another place than these variables want it; `nil` if there is nothing
    /// of the kind.
    package static func misplaced(in environment: [String: String]) -> String? {
        if let engine = environment["DOCKER_HOST"]?.nonEmpty, !engine.hasPrefix("unix://") {
            return
                "DOCKER_HOST is '\(engine)'. The container of the agent works with the engine that it runs on, by its "
                + "socket. Run the agent without a container to have it work with an engine elsewhere."
        }
        for (name, place) in [
            ("CATTLE_STATE_DIR", AgentContainer.stateDirectory), ("CATTLE_HOME", AgentContainer.home),
        ] {
            guard var wanted = environment[name]?.nonEmpty else { continue }
            while wanted.count > 1, wanted.hasSuffix("/") { wanted.removeLast() }
            guard wanted != place else { continue }
            return "\(name) is '\(wanted)'. In the container of the agent that is \(place), which is kept on the host. "
                + "Leave \(name) away."
        }
        return nil
    }

    static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (48...57).contains($0) }
                    && (Int(part) ?? 256) < 256
            }
    }
}
