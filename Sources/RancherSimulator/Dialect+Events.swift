package import LosslessJSON

extension RancherServer.Dialect {
    /// An event as the server writes it, with an id, a reply address and a time of its own (PROTOCOL.md 3.3).
    ///
    /// - Parameter timeoutMilliseconds: How long the server will wait; null for the usual time.
    package func makeEvent(
        name: String, resourceType: String?, resourceId: String?, data: JSON, timeoutMilliseconds: Int? = nil
    ) -> JSON {
        let event: JSON = [
            "id": .string(Identity.uuid()), "name": .string(name), "replyTo": .string(Identity.replyAddress()),
            "resourceId": JSON(resourceId), "resourceType": JSON(resourceType), "previousId": nil, "previousIds": nil,
            "previousNames": nil, "publisher": nil, "time": .integer(Identity.nowMilliseconds()),
            "timeoutMillis": .integer(timeoutMilliseconds ?? self.timeoutMilliseconds), "transitioning": nil,
            "transitioningMessage": nil, "data": data,
        ]
        guard self == .rancher16, var object = event.object else { return event }
        object["previousId"] = nil
        for (key, value) in [
            ("transitioningInternalMessage", JSON.null), ("transitioningProgress", .null), ("context", [:]),
        ] {
            object.append(key, value)
        }
        return .object(object)
    }

    /// A ping that wants an answer (PROTOCOL.md 10.1).
    package func ping(
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
    package func ping(agentID: String, number: Int) -> JSON {
        ping(
            agentID: agentID, stats: number % 24 == 0, resources: number % 12 == 0, instances: number % 3 == 0)
    }

    /// Asks for the inspection of a container by its Docker id or name (PROTOCOL.md 5.6).
    package func instanceInspect(id: String? = nil, name: String? = nil) -> JSON {
        makeEvent(
            name: "compute.instance.inspect", resourceType: "instanceInspect", resourceId: nil,
            data: ["instanceInspect": ["id": JSON(id), "name": JSON(name), "kind": "docker"]])
    }

    /// Pulls an image, or with `complete` ends that pull (PROTOCOL.md 5.7).
    package func instancePull(
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
                        "registryCredential": credential.map { nested($0) } ?? nil,
                    ],
                ]
            ])
    }

    /// Removes a volume (PROTOCOL.md 5.12).
    package func volumeRemove(
        name: String, driver: String? = "local", resourceId: String = "1v3", driverOpts: [String: String]? = nil
    ) -> JSON {
        remove(InstanceEvents.Volume(id: resourceId, name: name, driver: driver, driverOpts: driverOpts))
    }

    /// Removes a volume (PROTOCOL.md 5.12).
    package func remove(_ volume: InstanceEvents.Volume) -> JSON {
        switch self {
        case .rancher20:
            makeEvent(
                name: "storage.volume.remove", resourceType: "volume", resourceId: volume.id,
                data: ["volume": volume.syncRequestMember])
        case .rancher16: volumeEvent("storage.volume.remove", volume, state: "removing")
        }
    }

    // MARK: Of Rancher 1.6 alone

    /// Creates a volume before anybody uses it (PROTOCOL.md 5.11).
    package static func volumeActivate(_ volume: InstanceEvents.Volume) -> JSON {
        rancher16.volumeEvent("storage.volume.activate", volume, state: "activating")
    }

    private func volumeEvent(_ name: String, _ volume: InstanceEvents.Volume, state: String) -> JSON {
        let number = Identity.number(of: volume.id)
        return makeEvent(
            name: name, resourceType: "volumeStoragePoolMap", resourceId: "1vspm\(number)",
            data: [
                "volumeStoragePoolMap": [
                    "type": "volumeStoragePoolMap", "id": .integer(number), "volumeId": .integer(number),
                    "storagePoolId": 3, "volume": volume.nested(state: state), "storagePool": Self.storagePool,
                ]
            ])
    }

    /// Has an image pulled before an instance needs it (PROTOCOL.md 5.10).
    ///
    /// - Parameter isNoOp: The image already is as it should be.
    package static func imageActivate(
        _ image: String, credential: InstanceEvents.Credential? = nil, isNoOp: Bool = false
    ) -> JSON {
        let number = Identity.number(of: image)
        return rancher16.makeEvent(
            name: "storage.image.activate", resourceType: "imageStoragePoolMap", resourceId: "1ispm\(number)",
            data: [
                "imageStoragePoolMap": [
                    "type": "imageStoragePoolMap", "id": .integer(number), "imageId": .integer(number),
                    "storagePoolId": 3, "image": InstanceEvents.nested(image: image, credential: credential),
                    "storagePool": storagePool,
                ],
                "processData": ["containerNoOpEvent": .bool(isNoOp)],
            ])
    }

    /// Stops a container that runs although the server has removed its instance (PROTOCOL.md 5.5).
    ///
    /// - Parameter wantsAnswer: The real server publishes this event without waiting, and so without a reply address.
    package static func instanceForceStop(id: String?, wantsAnswer: Bool = false) -> JSON {
        let event = rancher16.makeEvent(
            name: "compute.instance.force.stop", resourceType: "instanceForceStop", resourceId: nil,
            data: ["instanceForceStop": ["id": JSON(id), "kind": "docker"]])
        guard !wantsAnswer, var object = event.object else { return event }
        object["replyTo"] = .null
        return .object(object)
    }

    /// Has the agent's script bring items of the configuration up to date (PROTOCOL.md 5.13).
    package static func configUpdate(items: [String], agentID: String = "1a1") -> JSON {
        rancher16.makeEvent(
            name: "config.update", resourceType: "agent", resourceId: agentID,
            data: ["items": .array(items.map { ["name": .string($0), "requestedVersion": 1] })])
    }

    private static let storagePool: JSON = [
        "id": 3, "type": "storagePool", "kind": "docker", "uuid": "simulated-host-pool", "name": "simulated pool",
        "data": ["fields": [:]],
    ]

    /// A login for a registry as it stands in an image.
    func nested(_ credential: InstanceEvents.Credential) -> JSON {
        var fields = JSONObject()
        fields.append("serverAddress", JSON(credential.serverAddress))
        if self == .rancher16 { fields.append("email", JSON(credential.email)) }
        return [
            "publicValue": .string(credential.publicValue), "secretValue": .string(credential.secretValue),
            "data": ["fields": .object(fields)],
        ]
    }
}
