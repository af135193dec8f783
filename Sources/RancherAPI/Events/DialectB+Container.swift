import LosslessJSON
import Model

extension InstanceRequest {
    /// What the container is made of (PROTOCOL 6). Most of it is in `data.fields`, some on the instance itself; members
    /// that are not named here are not used, and so cannot spoil the event.
    func containerSpecification(uuid: String, name: String) throws(UnusablePayload) -> ContainerSpecification {
        var container = try ContainerFields(fields).specification()
        container.image = DialectB.imageReference(try fields["imageUuid"].text())
        container.command = try command()
        container.hostname = try instance["hostname"].text()
        let stopTimeout = try fields["stopTimeout"].optionalInteger(in: ContainerBounds.amountOrUnlimited)
        container.stopTimeoutSeconds = stopTimeout ?? 0
        container.stopsAtOnce = stopTimeout == 0
        container.milliCPUReservation = try instance["milliCpuReservation"].integer(in: ContainerBounds.amount)
        container.limits.cpuSet = try fields["cpuSet"].text()
        container.limits.memoryReservation = try instance["memoryReservation"].integer(in: ContainerBounds.amount)
        container.limits.cpuRealtimePeriod = try fields["cpuRealtimePeriod"].integer(in: ContainerBounds.amount)
        container.limits.cpuRealtimeRuntime = try fields["cpuRealtimeRuntime"].integer(in: ContainerBounds.amount)
        container.isolation.cgroup = try fields["cgroup"].text()
        container.restartPolicy.name = try fields["restartPolicy"].object()["name"].text()
        container.restartPolicy.maximumRetries =
            try fields["restartPolicy"]["maximumRetryCount"].integer(in: ContainerBounds.amountOrUnlimited)
        container.runInit = try fields["runInit"].optionalBoolean()
        container.ports = try ports()
        for other in try instance["dataVolumesFromContainers"].elements() ?? [] {
            container.volumesFromInstances.append(try RelatedInstance(other))
        }
        let nics = try Nics(instance)
        container.network = try network(nics)
        container.macAddress = nics.macAddress
        container.links = try nativeLinks()
        container.labels = labels(given: container.labels, uuid: uuid, name: name, nics)
        try complete(&container.environment, labels: container.labels)
        return container
    }

    /// A list, or a text of older days that is split at blanks and followed by `commandArgs` (PROTOCOL 6.6).
    private func command() throws(UnusablePayload) -> [String]? {
        let command = fields["command"]
        guard case .string(let text) = command.value else {
            guard !command.isAbsent else { return nil }
            guard let words = command.value.array else { throw command.unusable("an array or a text") }
            return words.map { $0.text ?? "" }
        }
        guard !text.isEmpty else { return nil }
        return text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            + (try fields["commandArgs"].texts() ?? [])
    }

    /// PROTOCOL 6.7.
    private func ports() throws(UnusablePayload) -> [PortBinding] {
        var ports: [PortBinding] = []
        var seen: Set<PortBinding> = []
        // An image may expose whole ranges, of which the server makes a port each.
        for field in try instance["ports"].elements(atMost: 131_072) ?? [] {
            guard field.value.object != nil else { throw field.unusable("an object") }
            let privatePort = try field["privatePort"].port()
            guard privatePort != 0 else { continue }
            let transport = try field["protocol"].text().lowercased()
            let port = PortBinding(
                privatePort: privatePort, publicPort: try field["publicPort"].port(),
                transport: transport.isEmpty ? "tcp" : transport,
                hostAddress: try field["data"]["fields"]["bindAddress"].text())
            if seen.insert(port).inserted { ports.append(port) }
        }
        return ports
    }

    /// PROTOCOL 6.8.
    private func network(_ nics: Nics) throws(UnusablePayload) -> NetworkMode {
        switch nics.networkKind {
        case "dockerHost": return .host
        case "dockerNone": return .none
        case "cni": return .cni
        case "dockerContainer":
            let other = instance["networkContainer"]
            return other.isAbsent ? .container(id: nil) : .instance(try RelatedInstance(other))
        default: return .bridge
        }
    }

    /// PROTOCOL 6.4: what the user has given wins over what is generated, except for what the container is found by.
    private func labels(given: [String: String], uuid: String, name: String, _ nics: Nics) -> [String: String] {
        var labels = [ContainerSummary.olderInstanceLabel: uuid]
        if !name.isEmpty { labels["io.rancher.container.name"] = name }
        if !nics.macAddress.isEmpty { labels["io.rancher.container.mac_address"] = nics.macAddress }
        if !nics.address.isEmpty { labels["io.rancher.container.ip"] = nics.address }
        if nics.networkKind == "cni" {
            labels["io.rancher.cni.wait"] = "true"
            if !nics.networkName.isEmpty { labels["io.rancher.cni.network"] = nics.networkName }
        }
        if let agentID { labels["io.rancher.container.agent_id"] = agentID }
        labels.merge(given) { _, given in given }
        if !uuid.isEmpty { labels[ContainerSummary.instanceLabel] = uuid }
        return labels
    }

    /// The agent that runs in the instance; `nil` if there is none.
    var agentID: String? {
        guard let id = instance["agentId"].value.nonEmptyText, id != "0" else { return nil }
        return id
    }
}

extension RelatedInstance {
    init(_ field: PayloadField) throws(UnusablePayload) {
        guard field.value.object != nil else { throw field.unusable("an object") }
        self.init(
            uuid: try field["uuid"].text(), name: field["name"].value.text ?? "",
            externalID: try field["externalId"].text())
    }
}

/// The network interfaces of an instance (PROTOCOL 6.8).
private struct Nics {
    /// Of the network that the first one is in; empty without one.
    private(set) var networkKind = ""
    private(set) var networkName = ""
    /// Of the one with the lowest number.
    private(set) var macAddress = ""
    /// The primary address of the first one with the size of its subnet, such as `10.42.1.2/16`.
    private(set) var address = ""

    init(_ instance: PayloadField) throws(UnusablePayload) {
        let nics = try instance["nics"].elements() ?? []
        guard let first = nics.first else { return }
        networkKind = try first["network"]["kind"].text()
        networkName = try first["network"]["name"].text()
        var lowest: Int?
        for nic in nics {
            let number = try nic["deviceNumber"].integer()
            if let known = lowest, number >= known { continue }
            lowest = number
            macAddress = try nic["macAddress"].text()
        }
        for field in try first["ipAddresses"].elements() ?? [] where try field["role"].text() == "primary" {
            let address = try field["address"].text()
            let size = try field["subnet"]["cidrSize"].integer()
            guard !address.isEmpty, size != 0 else { continue }
            self.address = "\(address)/\(size)"
            return
        }
    }
}
