package import LosslessJSON

/// Instances in the words of Rancher 1.6 (PROTOCOL.md 5.2, 6, appendix A.3): ids as raw numbers, one nested object in
/// another, and most of what makes up the container in `data.fields`.
extension InstanceEvents {
    /// The `instanceHostMap`.
    package func hostMap(state: String = "running") -> JSON {
        let number = Identity.number(of: id)
        return [
            "type": "instanceHostMap", "id": .integer(number), "hostId": 5, "instanceId": .integer(number),
            "state": .string(state == "removing" ? "removing" : "activating"), "removed": nil,
            "host": [
                "id": 5, "type": "host", "kind": "docker", "uuid": "simulated-host", "agentId": 1, "state": "active",
                "data": ["fields": [:]],
            ],
            "instance": instance(state: state),
        ]
    }

    private func instance(state: String) -> JSON {
        var object = reference(state: state)
        let set: [(String, JSON)] = [
            ("agentId", nil), ("firstRunning", firstRunning.map { .integer($0) } ?? nil), ("hostname", nil),
            ("image", Self.nested(image: image, credential: credential)), ("instanceLinks", []),
            ("memoryReservation", nil),
            ("milliCpuReservation", milliCPUReservation.map { .integer($0) } ?? nil), ("nativeContainer", false),
            ("networkContainer", networkPartner.first.map { .object($0.reference(state: "running")) } ?? nil),
            ("nics", networkKind.isEmpty ? [] : [nic]), ("ports", .array(ports.map(\.nested))), ("removed", nil),
            ("system", false), ("token", nil),
            ("dataVolumesFromContainers", .array(volumesFrom.map { .object($0.reference(state: "running")) })),
            ("volumesFromDataVolumeMounts", .array(volumes.map { $0.nested(state: "active") })),
        ]
        for (key, value) in set { object.append(key, value) }
        for member in extra where Self.instanceMembers.contains(member.key) { object[member.key] = member.value }
        var data = learnedData
        data["fields"] = .object(fields)
        object["data"] = .object(data)
        return .object(object)
    }

    /// What every place tells of an instance.
    private func reference(state: String) -> JSONObject {
        JSONObject([
            .init(key: "id", value: .integer(Identity.number(of: id))), .init(key: "type", value: "instance"),
            .init(key: "kind", value: "container"), .init(key: "uuid", value: .string(uuid)),
            .init(key: "name", value: .string(name)), .init(key: "state", value: .string(state)),
            .init(key: "externalId", value: JSON(externalID)),
        ])
    }

    /// What the user set, what the server has learned, and null for the rest.
    private var fields: JSONObject {
        let set: JSON = [
            "imageUuid": .string("docker:\(image)"), "command": command.map(JSON.init) ?? nil,
            "entryPoint": entryPoint.map(JSON.init) ?? nil, "environment": JSON(environment),
            "labels": JSON(serverLabels), "stdinOpen": false, "tty": false, "dataVolumes": JSON(dataVolumes),
            "memory": memoryBytes.map { .integer($0) } ?? nil, "privileged": false, "publishAllPorts": false,
            "readOnly": false, "restartPolicy": nil, "networkMode": "managed", "commandArgs": nil, "runInit": nil,
            "startOnCreate": true, "oomKillDisable": nil, "memorySwappiness": nil, "stopTimeout": nil,
        ]
        var object = set.object ?? JSONObject()
        for key in Self.nullMembers where !Self.instanceMembers.contains(key) { object[Self.fieldName(key)] = .null }
        for member in extra where !Self.instanceMembers.contains(member.key) {
            object[Self.fieldName(member.key)] = member.value
        }
        for member in learnedData["fields"]?.object ?? JSONObject() { object[member.key] = member.value }
        return object
    }

    private var nic: JSON {
        let kinds = ["host": "dockerHost", "none": "dockerNone", "container": "dockerContainer"]
        return [
            "id": .integer(Identity.number(of: "nic" + id)), "type": "nic", "deviceNumber": 0, "macAddress": nil,
            "state": "activating", "ipAddresses": [],
            "network": [
                "id": 4, "type": "network", "kind": .string(kinds[networkKind] ?? networkKind), "name": "primary",
                "data": ["fields": [:]],
            ],
        ]
    }

    /// The image object of an instance, or of one that is to be pulled.
    static func nested(image: String, credential: Credential?) -> JSON {
        [
            "id": .integer(Identity.number(of: image)), "type": "image", "kind": "docker", "name": .string(image),
            "uuid": .string("docker:\(image)"), "state": "active", "data": ["fields": ["build": nil]],
            "registryCredential": credential.map { RancherServer.Dialect.rancher16.nested($0) } ?? nil,
        ]
    }

    /// Members of the instance itself (PROTOCOL.md 6); everything else of a container is a field.
    static let instanceMembers: Set<String> = [
        "agentId", "hostname", "instanceLinks", "memoryReservation", "milliCpuReservation", "nativeContainer", "nics",
        "system",
    ]

    /// The field that is called otherwise in Rancher 2.0.
    private static func fieldName(_ name: String) -> String { name == "cpuSetCpu" ? "cpuSet" : name }
}

extension InstanceEvents.Volume {
    /// The volume object. Number 0 is the root volume of an instance; those with a name have none.
    func nested(state: String) -> JSON {
        [
            "id": .integer(Identity.number(of: id)), "type": "volume", "kind": "docker",
            "uuid": .string("volume-\(id)"), "name": rootOf.isEmpty ? .string(name) : nil, "state": .string(state),
            "uri": JSON(uri), "deviceNumber": rootOf.isEmpty ? -1 : 0, "format": nil, "sizeMb": nil,
            "instance": rootOf.first.map { $0.hostMap(state: "removing")["instance"] } ?? nil,
            "data": [
                "fields": [
                    "driver": JSON(driver), "driverOpts": driverOpts.map(JSON.init) ?? nil,
                    "isHostPath": .bool(isHostPath),
                ]
            ],
        ]
    }
}

extension InstanceEvents.Port {
    /// Public port 0 is one that the engine shall choose: none at all.
    var nested: JSON {
        [
            "type": "port", "privatePort": .integer(privatePort),
            "publicPort": publicPort == 0 ? nil : .integer(publicPort), "protocol": .string(transport),
            "data": ["fields": ["bindAddress": .string(bindAddress)]],
        ]
    }
}
