import LosslessJSON
import Model

extension DialectB {
    /// What the answer of a success carries; `nil` for nothing (PROTOCOL 5.2.1, 5.10 to 5.12).
    static func data(of answer: Answer, to event: EventHeader, _ facts: AgentFacts, at time: Timestamp) -> JSON? {
        switch EventKind(eventName: event.name) {
        case .activate, .deactivate, .remove:
            guard case .instance(_, let inspection, let address, let externalID, let imagePorts) = answer else {
                return nil
            }
            let state = instance(
                inspection, address, externalID: externalID, imagePorts: imagePorts, facts, at: time)
            return keyed(event.resourceType ?? "instanceHostMap", ["instance": state])
        case .imageActivate: return keyed(event.resourceType ?? "imageStoragePoolMap", [:])
        case .volumeActivate, .volumeRemove:
            return keyed(event.resourceType ?? "volumeStoragePoolMap", ["volume": ["format": "docker"]])
        case .forceStop, .configUpdate, .imageRemove, .volumeDeactivate: return nil
        case .inspect, .pull, .ping, nil: return DialectA.data(of: answer, to: event)
        }
    }

    private static func keyed(_ key: String, _ value: JSON) -> JSON {
        .object(JSONObject([.init(key: key, value: value)]))
    }

    /// PROTOCOL 5.2.1. The inspection is handed on as it came; what else the engine would say of the container is
    /// worked out from it. A key with a plus is merged into what the server has.
    private static func instance(
        _ inspection: JSON?, _ address: String, externalID: String, imagePorts: [String]?, _ facts: AgentFacts,
        at time: Timestamp
    ) -> JSON {
        let hostAddress = JSON.string(facts.hostAddress())
        guard let inspection, !inspection.isNull else {
            return [
                "externalId": .string(externalID),
                "+data": [
                    "dockerContainer": nil, "dockerInspect": nil,
                    "+fields": ["dockerHostIp": hostAddress, "dockerPorts": nil, "dockerIp": nil],
                ],
            ]
        }
        let entry = ListEntry(inspection, at: time)
        var data = JSONObject()
        data.append("dockerContainer", entry.json)
        data.append("dockerInspect", inspection)
        if !inspection["Mounts"].isNull { data.append("dockerMounts", inspection["Mounts"]) }
        let address = address.isEmpty ? DialectA.primaryAddress(inspection) ?? "" : address
        data.append(
            "+fields",
            [
                "dockerHostIp": hostAddress, "dockerPorts": JSON(ports(entry, inspection, imagePorts)),
                "dockerIp": .string(address),
            ])
        return ["externalId": .string(inspection["Id"].text ?? externalID), "+data": .object(data)]
    }

    /// `address:public:private/protocol` each, or what the image exposes if there are none.
    private static func ports(_ entry: ListEntry, _ inspection: JSON, _ imagePorts: [String]?) -> [String] {
        let ports = entry.ports.map { port in
            let number = "\(port.number)/\(port.transport)"
            if port.address.isEmpty { return port.publicPort.isEmpty ? number : "\(port.publicPort):\(number)" }
            return "\(port.address):\(port.publicPort):\(number)"
        }
        guard ports.isEmpty else { return ports }
        return imagePorts ?? (inspection["Config"]["ExposedPorts"].object?.keys ?? []).sorted()
    }
}
