package import LosslessJSON

/// The container of the agent, as it is to be (PROTOCOL 1.9.2).
package struct AgentContainer: Sendable, Hashable {
    package var image: String
    package var environment: [String: String]
    package var privilege: LaunchSettings.Privilege
    /// The engine's socket on the host.
    package var socketOnHost: String
    /// What holds the agent's files: the host's directory, or a volume.
    package var stateOnHost: String

    /// What it is called while it runs.
    package static let name = "rancher-agent"
    /// What its predecessor is called until it has shown that it runs.
    package static let previousName = "rancher-agent-previous"
    /// What it is called before its predecessor has gone.
    package static let nextName = "rancher-agent-next"
    /// What servers call a container that upgrades the agent.
    package static let upgraderName = "rancher-agent-upgrade"
    package static let directory = "/var/lib/rancher"
    /// Where the state is in it.
    package static let stateDirectory = directory + "/state"
    /// The agent's home in it.
    package static let home = "/var/lib/cattle"
    package static let volume = "rancher-agent-state"

    package init(
        image: String, environment: [String: String], privilege: LaunchSettings.Privilege, socketOnHost: String,
        stateOnHost: String
    ) {
        self.image = image
        self.environment = environment
        self.privilege = privilege
        self.socketOnHost = socketOnHost
        self.stateOnHost = stateOnHost
    }

    /// That of a host that has just been registered.
    package init(own: OwnContainer, settings: LaunchSettings, host: HostReport, credentials: [String: String]) {
        self.init(
            image: own.image, environment: settings.passedOn.merging(credentials) { $1 },
            privilege: settings.privilege, socketOnHost: own.socketOnHost ?? OwnContainer.socketPath,
            stateOnHost: host.isVarLibWritable ? Self.directory : Self.volume)
    }

    /// The one that takes the place of another: as that is, but for the image and what is newly set.
    ///
    /// - Throws: ``BootstrapError`` if the other one has something in a place of its own that this one cannot have there.
    package init(
        own: OwnContainer, settings: LaunchSettings, replacing inspection: JSON
    ) throws(BootstrapError) {
        let before = Self.environment(of: inspection)
        if let fault = LaunchSettings.misplaced(in: before) {
            throw BootstrapError("The container that is to be replaced was started with other places. \(fault)")
        }
        var environment = LaunchSettings.passedOn(from: before)
        environment.merge(settings.passedOn) { $1 }
        // One that was given no keys has registered itself, and has to be able to do so again.
        if environment["CATTLE_ACCESS_KEY"] == nil, let url = before["CATTLE_REGISTRATION_URL"]?.nonEmpty {
            environment["CATTLE_REGISTRATION_URL"] = url
        }
        if !settings.url.isEmpty { environment["CATTLE_URL"] = settings.url }
        let isPrivileged = inspection["HostConfig"]["Privileged"].boolean ?? true
        self.init(
            image: own.image, environment: environment,
            privilege: settings.passedOn["CATTLE_AGENT_PRIVILEGED"] != nil
                ? settings.privilege : isPrivileged ? .full : .least,
            socketOnHost: own.socketOnHost ?? OwnContainer.source(of: [OwnContainer.socketPath], in: inspection)
                ?? OwnContainer.socketPath,
            stateOnHost: OwnContainer.source(of: [Self.directory], in: inspection) ?? Self.directory)
    }

    /// The environment of a container.
    package static func environment(of inspection: JSON) -> [String: String] {
        var environment: [String: String] = [:]
        for text in (inspection["Config"]["Env"].array ?? []).compactMap(\.text) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
        }
        return environment
    }

    /// What the engine is asked to create.
    package var createBody: JSON {
        var environment = environment
        environment["CATTLE_AGENT_PIDNS"] = privilege == .full ? "host" : nil
        environment["RANCHER_AGENT_IMAGE"] = image
        let host: JSON =
            switch privilege {
            case .full:
                [
                    "Binds": JSON(binds), "NetworkMode": "host", "PidMode": "host", "Privileged": true,
                    "OomScoreAdj": -500, "RestartPolicy": ["Name": "always"],
                ]
            case .least:
                [
                    "Binds": JSON(binds), "NetworkMode": "host", "Privileged": false, "CapDrop": ["ALL"],
                    "SecurityOpt": ["no-new-privileges", "label=disable"], "OomScoreAdj": -500,
                    "RestartPolicy": ["Name": "always"],
                ]
            }
        return [
            "Image": .string(image), "Cmd": ["run"],
            "Env": JSON(environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }),
            "HostConfig": host,
        ]
    }

    private var binds: [String] {
        let always = [
            "\(socketOnHost):\(OwnContainer.socketPath)", "/var/run/rancher/storage:/var/run/rancher/storage",
            "rancher-cni:/.r", "\(Self.volume):\(Self.home)", "\(stateOnHost):\(Self.directory)",
        ]
        switch privilege {
        case .full: return always + ["/lib/modules:/lib/modules:ro", "/proc:/host/proc", "/dev:/host/dev"]
        case .least: return always
        }
    }

    /// What will not work, for people.
    package var limitations: [String] {
        switch privilege {
        case .full: []
        case .least:
            [
                "The addresses that network plug-ins give to instances are only found where the plug-in writes them "
                    + "down: the network of a container cannot be looked into.",
                "Programs that servers of Rancher 1.6 have the agent run may not change the host.",
                "Figures of the host's devices may be missing in what is reported to the server.",
            ]
        }
    }
}
