import LosslessJSON
import Model

extension SyncRequest {
    /// What the first container is made of (PROTOCOL 6). Members that are not named here are not used, and so cannot
    /// spoil the event: `ports`, `networkMode`, `restartPolicy`, `healthCheck`, `data` and many more.
    func containerSpecification(uuid: String) throws(UnusablePayload) -> ContainerSpecification {
        var specification = try ContainerFields(container).specification()
        specification.image = try container["image"].text()
        specification.command = try container["command"].texts()
        specification.hostname = try container["hostname"].text()
        if !uuid.isEmpty { specification.labels[ContainerSummary.instanceLabel] = uuid }
        specification.network = try network()
        specification.ports = try ports()
        specification.volumesFrom = (try container["dataVolumesFrom"].texts() ?? []).compactMap { externalIDs[$0] }
        specification.stopTimeoutSeconds =
            try container["stopTimeout"].integer(in: ContainerBounds.amountOrUnlimited)
        specification.milliCPUReservation = try container["milliCpuReservation"].integer(in: ContainerBounds.amount)
        specification.limits.cpuSet = try container["cpuSetCpu"].text()
        specification.limits.memoryReservation = try container["memoryReservation"].integer(in: ContainerBounds.amount)
        return specification
    }

    /// PROTOCOL 6.8.
    private func network() throws(UnusablePayload) -> NetworkMode {
        let id = try container["primaryNetworkId"].text()
        guard !id.isEmpty else { return .bridge }
        let all = try request["networks"].elements() ?? []
        guard let network = all.first(where: { $0.value["id"].text == id }) else { return .bridge }
        // The earlier previews have the words of 1.6.
        switch try network["kind"].text() {
        case "host", "dockerHost": return .host
        case "none", "dockerNone": return .none
        case "cni": return .cni
        case "container", "dockerContainer":
            return .container(id: externalIDs[try container["networkContainerId"].text()])
        default: return .bridge
        }
    }

    /// PROTOCOL 6.7.
    private func ports() throws(UnusablePayload) -> [PortBinding] {
        var ports: [PortBinding] = []
        var seen: Set<PortBinding> = []
        for endpoint in try container["publicEndpoints"].elements(atMost: 131_072) ?? [] {
            guard endpoint.value.object != nil else { throw endpoint.unusable("an object") }
            let privatePort = try endpoint["privatePort"].port()
            guard privatePort != 0 else { continue }
            let transport = try endpoint["protocol"].text().lowercased()
            let port = PortBinding(
                privatePort: privatePort,
                publicPort: try endpoint["publicPort"].port(),
                transport: transport.isEmpty ? "tcp" : transport,
                hostAddress: try endpoint["bindIpAddress"].text())
            if seen.insert(port).inserted { ports.append(port) }
        }
        return ports
    }
}
