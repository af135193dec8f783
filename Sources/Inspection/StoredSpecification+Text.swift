internal import Model

extension StoredSpecification {
    /// One line of the short form.
    typealias Field = (label: String, value: String)

    /// What differs from the defaults, in words and without secrets. Never a credential or a driver option, whose values
    /// are often secret; values of the environment only on request.
    func fields(showingEnvironment: Bool) -> [Field] {
        switch self {
        case .instance(let instance): Self.fields(instance, showingEnvironment)
        case .volume(let volume): Self.fields(volume)
        case .image(let image): Self.fields(image)
        }
    }

    private static func fields(_ instance: InstanceSpecification, _ showsEnvironment: Bool) -> [Field] {
        let container = instance.container
        var fields: [Field] = []
        func add(_ label: String, _ value: String) {
            if !value.isEmpty { fields.append((label, value)) }
        }
        func add(_ label: String, _ values: [String]) {
            add(label, values.map { Redaction.redacted($0) }.joined(separator: ", "))
        }
        add("Image", container.image)
        if let entryPoint = container.entryPoint { add("Entry point", entryPoint.isEmpty ? "none" : entryPoint.line) }
        if let command = container.command { add("Command", command.line) }
        add("Directory", container.workingDirectory)
        add("User", container.user)
        add("Host name", [container.hostname, container.domainName].filter { !$0.isEmpty }.joined(separator: "."))
        add("Network", container.network.words)
        add("Ports", container.ports.map(\.words))
        add("Mounts", container.dataVolumes)
        add("Volumes", instance.volumes.map { $0.driver.isEmpty ? $0.name : "\($0.name) (\($0.driver))" })
        add("Mounts from", container.volumesFrom + container.volumesFromInstances.map(\.containerName))
        add("Links", container.links)
        add("MAC address", container.macAddress)
        if container.memory > 0 { add("Memory", "\(container.memory) bytes") }
        if container.cpuShares > 0 { add("CPU shares", String(container.cpuShares)) }
        if container.milliCPUReservation > 0 { add("CPU reserved", "\(container.milliCPUReservation) m") }
        add("DNS", container.dns)
        add("DNS search", container.dnsSearch)
        add("Hosts", container.extraHosts)
        add(
            "Capabilities",
            container.capabilitiesAdded.map { "+\($0)" } + container.capabilitiesDropped.map { "-\($0)" })
        for (label, values) in container.settingsWords { add(label, values) }
        var traits: [String] = []
        if container.publishAllPorts { traits.append("all exposed ports published") }
        if container.privileged { traits.append("privileged") }
        if container.readOnlyRoot { traits.append("read-only root") }
        if container.tty { traits.append("tty") }
        if container.openStandardInput { traits.append("open standard input") }
        if instance.alwaysPull { traits.append("always pulled") }
        if instance.credential != nil { traits.append("registry credential (not shown)") }
        if instance.noop { traits.append("only to be reported") }
        add("Traits", traits)
        add("Stop", [container.stopSignal, "within \(instance.stopGraceSeconds) s"].filter { !$0.isEmpty })
        for (name, value) in container.environment.sorted(by: { $0.key < $1.key }) where showsEnvironment {
            fields.append(("Environment", "\(name)=\(value)"))
        }
        if !showsEnvironment, !container.environment.isEmpty {
            add("Environment", container.environment.keys.sorted().joined(separator: ", ") + " (values not shown)")
        }
        for words in container.labels.words { add("Label", words) }
        return fields
    }

    private static func fields(_ volume: VolumeSpecification) -> [Field] {
        var fields: [Field] = []
        if volume.isHostPath { fields.append(("Directory", volume.uri)) }
        if !volume.driver.isEmpty { fields.append(("Driver", volume.driver)) }
        if !volume.driverOptions.isEmpty {
            fields.append(("Driver options", "\(volume.driverOptions.count) (not shown)"))
        }
        return fields
    }

    private static func fields(_ image: ImageSpecification) -> [Field] {
        var fields: [Field] = [("Reference", image.reference)]
        if !image.temporaryTag.isEmpty { fields.append(("Temporary tag", image.temporaryTag)) }
        if let build = image.build { fields.append(("Built from", Redaction.redacted(build.place))) }
        if image.alwaysPull { fields.append(("Traits", "always pulled")) }
        if image.credential != nil { fields.append(("Credential", "given (not shown)")) }
        return fields
    }
}

extension [String] {
    /// The words of a command line without secrets, in quotes where they would fall apart.
    var line: String {
        Redaction.redacted(self).map { word in
            word.isEmpty || word.contains(where: { $0.isWhitespace || $0 == "'" })
                ? "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
                : word
        }.joined(separator: " ")
    }
}

extension [String: String] {
    /// The names with their values, which are left out where the name says that they are secret.
    var words: [String] {
        sorted { $0.key < $1.key }.map { name, value in
            value.isEmpty ? name : "\(name)=\(Redaction.redacted(value, named: name))"
        }
    }
}

extension NetworkMode {
    var words: String {
        switch self {
        case .bridge: "bridge"
        case .host: "host"
        case .none: "none"
        case .cni: "cni"
        case .container(let id): id.map { "that of container \($0)" } ?? "that of another container"
        case .instance(let other): "that of container \(other.containerName)"
        }
    }
}

extension PortBinding {
    /// As on a command line of the Docker client.
    var words: String {
        let address = hostAddress.contains(":") ? "[\(hostAddress)]:" : hostAddress.isEmpty ? "" : "\(hostAddress):"
        return "\(address)\(publicPort == 0 ? "any" : String(publicPort)):\(privatePort)/\(transport)"
    }
}
