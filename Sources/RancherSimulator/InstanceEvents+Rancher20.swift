package import LosslessJSON

/// Instances in the words of the 2.0 tech preview (PROTOCOL.md 5.0.1 and appendix A.1).
extension InstanceEvents {
    /// The `deploymentSyncRequest`.
    package func request(state: String = "running") -> JSON {
        let networkID: JSON = "1n4"
        let others = (networkPartner + volumesFrom).map(\.sibling)
        return [
            "type": "deploymentSyncRequest", "revision": "6f3e1b7a", "nodeName": "node1", "namespace": "default",
            "clusterId": "1c1", "deploymentUnitUuid": .string("unit-\(uuid)"), "externalId": JSON(externalID),
            "containers": .array([container(state: state)] + others + siblings),
            "networks": [["id": networkID, "type": "network", "kind": .string(networkKind), "name": "primary"]],
            "volumes": .array(volumes.map(\.syncRequestMember)),
            "registryCredentials": .array(
                credential.map { credential in
                    [
                        [
                            "id": "1c7", "type": "registryCredential", "publicValue": .string(credential.publicValue),
                            "secretValue": .string(credential.secretValue),
                        ]
                    ]
                } ?? []),
        ]
    }

    /// As another container of the deployment unit.
    private var sibling: JSON { ["id": .string(id), "uuid": .string(uuid), "externalId": JSON(externalID)] }

    /// The container object: what was set, what the server always adds, and null for the rest.
    private func container(state: String) -> JSON {
        let set: JSON = [
            "id": .string(id), "type": "container", "kind": "container", "uuid": .string(uuid), "name": .string(name),
            "state": .string(state), "image": .string(image), "externalId": JSON(externalID),
            "firstRunning": firstRunning.map { .integer($0) } ?? nil, "hostId": "1h1",
            "registryCredentialId": credential == nil ? nil : "1c7", "primaryNetworkId": "1n4",
            "networkContainerId": JSON(networkPartner.first?.id), "command": command.map(JSON.init) ?? nil,
            "entryPoint": entryPoint.map(JSON.init) ?? nil, "environment": JSON(environment),
            "labels": JSON(serverLabels), "stdinOpen": false, "tty": false, "dataVolumes": JSON(dataVolumes),
            "dataVolumesFrom": volumesFrom.isEmpty ? nil : .array(volumesFrom.map { .string($0.id) }),
            "publicEndpoints": .array(ports.map(\.publicEndpoint)), "memory": memoryBytes.map { .integer($0) } ?? nil,
            "milliCpuReservation": milliCPUReservation.map { .integer($0) } ?? nil, "privileged": false,
            "publishAllPorts": false, "readOnly": false,
        ]
        var object = set.object ?? JSONObject()
        for key in Self.nullMembers { object.append(key, nil) }
        for member in extra { object[member.key] = member.value }
        return .object(object)
    }

    /// The labels with those that the server always adds.
    var serverLabels: [String: String] {
        var labels = labels
        labels["io.rancher.container.uuid"] = uuid
        labels["io.rancher.container.name"] = name
        return labels
    }

    /// The server writes what is not set as null, and an agent must not stumble over that.
    static let nullMembers = [
        "capAdd", "capDrop", "cpuSetCpu", "cpuShares", "devices", "dns", "dnsSearch", "domainName", "extraHosts",
        "healthCmd", "hostname", "ipcMode", "logConfig", "memoryReservation", "memorySwap", "pidMode", "securityOpt",
        "stopSignal", "sysctls", "tmpfs", "ulimits", "user", "workingDir",
    ]
}

extension InstanceEvents.Volume {
    var syncRequestMember: JSON {
        [
            "id": .string(id), "type": "volume", "name": .string(name), "driver": JSON(driver),
            "driverOpts": driverOpts.map(JSON.init) ?? nil, "uri": JSON(uri), "isHostPath": .bool(isHostPath),
            "state": "active", "uuid": .string("volume-\(id)"), "sizeMb": nil, "accessMode": nil,
        ]
    }
}

extension InstanceEvents.Port {
    var publicEndpoint: JSON {
        [
            "privatePort": .integer(privatePort), "publicPort": .integer(publicPort),
            "protocol": .string(transport), "bindIpAddress": .string(bindAddress), "agentIpAddress": nil,
        ]
    }
}
