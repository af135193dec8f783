package import LosslessJSON
package import Model

extension DialectACodec {
    /// The body of the one final answer (PROTOCOL 4.2, 4.3). To be sent only if the event has a `replyTo`.
    package func reply(to event: EventHeader, _ answer: Answer, messageID: String, at time: Timestamp) -> String {
        switch answer {
        case .failure(let text):
            return Self.body([
                ("name", JSON.string(event.replyTo ?? "")),
                ("previousIds", [JSON.string(event.id)]),
                ("transitioning", "error"),
                ("transitioningMessage", JSON.string(Self.harmless(text))),
            ])
        case .done: return Self.success(event, data: nil, messageID: messageID, at: time)
        case .instance(let uuid, let inspection, let address):
            let status = Self.status(uuid: uuid, inspection: inspection, address: address)
            let data: JSON = ["deploymentSyncResponse": ["instanceStatus": [status]]]
            return Self.success(event, data: data, messageID: messageID, at: time)
        case .inspection(let inspection) where event.name != Kind.pull.rawValue:
            let data = JSONObject([
                .init(key: event.resourceType ?? "instanceInspect", value: inspection ?? Self.emptyInspection)
            ])
            return Self.success(event, data: .object(data), messageID: messageID, at: time)
        case .image(let inspection), .inspection(let inspection):
            let data: JSON = ["fields": ["dockerImage": inspection ?? Self.emptyImage]]
            return Self.success(event, data: data, messageID: messageID, at: time)
        }
    }

    /// The body of a progress message (PROTOCOL 4.4).
    package func progress(of event: EventHeader, text: String) -> String {
        var members: [(String, JSON)] = [
            ("name", .string(event.replyTo ?? "")),
            ("previousIds", [.string(event.id)]),
        ]
        members += Self.resource(event)
        members += [("transitioning", "yes"), ("transitioningMessage", .string(text))]
        return Self.body(members)
    }

    /// The answer to a ping (PROTOCOL 10.2).
    ///
    /// - Parameters:
    ///   - resources: What was asked for, in the order of PROTOCOL 10.2.
    ///   - instancesComplete: Whether every container of the host is among the resources. The server takes containers
    ///     that are missing from a complete list for gone, so this is true only after a listing that succeeded.
    package func pingReply(
        to event: EventHeader, resources: [JSON], instancesComplete: Bool, hashKey: String = "", messageID: String,
        at time: Timestamp
    ) -> String {
        let data: JSON = [
            "resources": .array(resources),
            "options": instancesComplete ? ["instances": true] : [:],
            "hashKey": .string(hashKey),
        ]
        return Self.success(event, data: data, messageID: messageID, at: time)
    }

    private static func success(
        _ event: EventHeader, data: JSON?, messageID: String, at time: Timestamp
    ) -> String {
        var members: [(String, JSON)] = [
            ("id", .string(messageID)),
            ("name", .string(event.replyTo ?? "")),
            ("previousIds", [.string(event.id)]),
        ]
        members += resource(event)
        members.append(("time", .integer(time.milliseconds)))
        if let data { members.append(("data", data)) }
        return body(members)
    }

    private static func resource(_ event: EventHeader) -> [(String, JSON)] {
        var members: [(String, JSON)] = []
        if let id = event.resourceID { members.append(("resourceId", .string(id))) }
        if let type = event.resourceType { members.append(("resourceType", .string(type))) }
        return members
    }

    private static func body(_ members: [(String, JSON)]) -> String {
        // Every body of the original agent ends with these two (PROTOCOL 2.3).
        let all = members + [("links", .null), ("actions", .null)]
        return JSON.object(JSONObject(all.map { JSONObject.Member(key: $0.0, value: $0.1) })).encodedText
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

    private static func primaryAddress(_ inspection: JSON) -> String? {
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
