import LosslessJSON
import Model

extension DialectA {
    /// What the answer of a success carries; `nil` for nothing.
    static func data(of answer: Answer, to event: EventHeader) -> JSON? {
        let kind = EventKind(eventName: event.name)
        switch answer {
        case .done, .failure, .configurationFailed: return nil
        case .instance where kind == .remove: return nil
        case .instance(let uuid, let inspection, let address, _, _):
            let status = status(uuid: uuid, inspection: inspection, address: address)
            return ["deploymentSyncResponse": ["instanceStatus": [status]]]
        case .inspection(let inspection) where kind != .pull:
            return .object(
                JSONObject([
                    .init(key: event.resourceType ?? "instanceInspect", value: inspection ?? emptyInspection)
                ]))
        case .image(let inspection), .inspection(let inspection):
            return ["fields": ["dockerImage": inspection ?? emptyImage]]
        }
    }

    /// PROTOCOL 5.1.1. The inspection is handed on as it came.
    private static func status(uuid: String, inspection: JSON?, address: String) -> JSON {
        var status = JSONObject()
        status.append("instanceUuid", .string(uuid))
        guard let inspection, !inspection.isNull else { return .object(status) }
        if let id = inspection["Id"].nonEmptyText { status.append("externalId", .string(id)) }
        status.append("dockerInspect", inspection)
        if let address = address.isEmpty ? primaryAddress(inspection) : address {
            status.append("primaryIpAddress", .string(address))
        }
        return .object(status)
    }

    /// The address that the engine gave to a container; `nil` if it gave none.
    static func primaryAddress(_ inspection: JSON) -> String? {
        let settings = inspection["NetworkSettings"]
        if let address = settings["IPAddress"].nonEmptyText { return address }
        // Newer engines have it per network only. Sorted, so that the same container always has the same address.
        let networks = (settings["Networks"].object ?? JSONObject()).sorted { $0.key < $1.key }
        return networks.lazy.compactMap { $0.value["IPAddress"].nonEmptyText }.first
    }

    /// PROTOCOL 5.6.
    private static let emptyInspection: JSON = ["Mounts": nil, "Config": nil, "NetworkSettings": nil]

    /// An image inspection of zero values (PROTOCOL 5.7 step 5).
    private static let emptyImage: JSON = [
        "Id": "", "RepoTags": nil, "RepoDigests": nil, "Parent": "", "Comment": "", "Created": "", "Container": "",
        "ContainerConfig": nil, "DockerVersion": "", "Author": "", "Config": nil, "Architecture": "", "Os": "",
        "Size": 0, "VirtualSize": 0, "GraphDriver": ["Data": nil, "Name": ""], "RootFS": ["Type": ""],
    ]
}
