package import LosslessJSON

extension RancherServer {
    /// An event as the server writes it, with an id, a reply address and a time of its own (PROTOCOL.md 3.3).
    package static func makeEvent(
        name: String, resourceType: String?, resourceId: String?, data: JSON, timeoutMilliseconds: Int = 15_000
    ) -> JSON {
        [
            "id": .string(Identity.uuid()), "name": .string(name), "replyTo": .string(Identity.replyAddress()),
            "resourceId": JSON(resourceId), "resourceType": JSON(resourceType), "previousId": nil, "previousIds": nil,
            "previousNames": nil, "publisher": nil, "time": .integer(Identity.nowMilliseconds()),
            "timeoutMillis": .integer(timeoutMilliseconds), "transitioning": nil, "transitioningMessage": nil,
            "data": data,
        ]
    }

    /// The event with a new id, reply address and time: another event with the same content.
    package static func renewed(_ event: JSON) -> JSON {
        guard var object = event.object else { return event }
        object["id"] = .string(Identity.uuid())
        object["replyTo"] = .string(Identity.replyAddress())
        object["time"] = .integer(Identity.nowMilliseconds())
        return .object(object)
    }

    /// Reads the frame of an event from a file.
    ///
    /// - Throws: ``SimulatorError/badFile(_:)``.
    package static func readEvent(path: String) throws(SimulatorError) -> JSON {
        let bytes = try Files.read(path)
        let event: JSON
        do {
            event = try JSON(parsing: bytes)
        } catch {
            throw .badFile("\(path): \(error)")
        }
        guard event["name"].nonEmptyText != nil else { throw .badFile("\(path): no event, it has no name") }
        return event
    }

    /// Reads a text file.
    ///
    /// - Throws: ``SimulatorError/badFile(_:)``.
    package static func readText(path: String) throws(SimulatorError) -> String {
        String(decoding: try Files.read(path), as: UTF8.self)
    }

    /// The frame that says the server is alive. It needs no answer and has no reply address.
    static func heartbeat() -> JSON {
        [
            "id": .string(Identity.uuid()), "name": "ping", "replyTo": nil, "resourceId": nil, "resourceType": nil,
            "previousIds": nil, "time": .integer(Identity.nowMilliseconds()), "transitioning": nil, "data": [:],
        ]
    }

    /// A ping that wants an answer (PROTOCOL.md 10.1).
    package static func ping(
        agentID: String = "1a1", stats: Bool = false, resources: Bool = false, instances: Bool = false
    ) -> JSON {
        makeEvent(
            name: "ping", resourceType: "agent", resourceId: agentID,
            data: [
                "options": ["stats": .bool(stats), "resources": .bool(resources), "instances": .bool(instances)],
                "resources": [],
            ])
    }

    /// The n-th ping of the server, counted from 0: everything at first, then what the real server asks how often.
    package static func ping(agentID: String, number: Int) -> JSON {
        ping(
            agentID: agentID, stats: number % 24 == 0, resources: number % 12 == 0, instances: number % 3 == 0)
    }

    /// Removes a volume (PROTOCOL.md 5.12).
    package static func volumeRemove(
        name: String, driver: String = "local", resourceId: String = "1v3", driverOpts: [String: String]? = nil
    ) -> JSON {
        let volume = InstanceEvents.Volume(id: resourceId, name: name, driver: driver, driverOpts: driverOpts)
        return makeEvent(
            name: "storage.volume.remove", resourceType: "volume", resourceId: resourceId,
            data: ["volume": volume.json])
    }

    /// Asks for the inspection of a container by its Docker id or name (PROTOCOL.md 5.6).
    package static func instanceInspect(id: String? = nil, name: String? = nil) -> JSON {
        makeEvent(
            name: "compute.instance.inspect", resourceType: "instanceInspect", resourceId: nil,
            data: ["instanceInspect": ["id": JSON(id), "name": JSON(name), "kind": "docker"]])
    }

    /// Pulls an image, or with `complete` ends that pull (PROTOCOL.md 5.7).
    package static func instancePull(
        image: String, server: String? = "index.docker.io", mode: String? = "all", complete: Bool = false,
        tag: String? = "", credential: InstanceEvents.Credential? = nil
    ) -> JSON {
        makeEvent(
            name: "compute.instance.pull", resourceType: "resourcePull", resourceId: nil,
            data: [
                "instancePull": [
                    "kind": "docker", "mode": JSON(mode), "complete": .bool(complete), "tag": JSON(tag),
                    "image": [
                        "data": ["dockerImage": ["fullName": .string(image), "server": JSON(server)]],
                        "registryCredential": credential.map { credential in
                            [
                                "publicValue": .string(credential.publicValue),
                                "secretValue": .string(credential.secretValue),
                                "data": ["fields": ["serverAddress": JSON(credential.serverAddress)]],
                            ]
                        } ?? nil,
                    ],
                ]
            ])
    }
}
