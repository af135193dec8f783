package import LosslessJSON

/// An instance as the server knows it, and the events for it in dialect A (PROTOCOL.md 5.0.1 and appendix A.1).
package struct InstanceEvents: Sendable, Hashable {
    /// A volume object (PROTOCOL.md 7.1).
    package struct Volume: Sendable, Hashable {
        /// The server's id, `1v…`.
        package var id: String
        /// The name that Docker knows it by.
        package var name: String
        /// The Docker volume driver; without one the volume is not managed.
        package var driver: String?
        /// The driver's options.
        package var driverOpts: [String: String]?

        /// A named volume.
        package init(id: String = "1v3", name: String, driver: String? = "local", driverOpts: [String: String]? = nil) {
            self.id = id
            self.name = name
            self.driver = driver
            self.driverOpts = driverOpts
        }

        var json: JSON {
            [
                "id": .string(id), "type": "volume", "name": .string(name), "driver": JSON(driver),
                "driverOpts": driverOpts.map(JSON.init) ?? nil, "uri": nil, "isHostPath": false, "state": "active",
                "uuid": .string("volume-\(id)"), "sizeMb": nil, "accessMode": nil,
            ]
        }
    }

    /// A published port.
    package struct Port: Sendable, Hashable {
        /// The port in the container.
        package var privatePort: Int
        /// The port on the host; 0 takes a free one.
        package var publicPort: Int
        /// `tcp` or `udp`.
        package var transport: String
        /// The host's address to listen on; empty for all.
        package var bindAddress: String

        /// Publishes a container's port on the host; public port 0 takes a free one.
        package init(privatePort: Int, publicPort: Int, transport: String = "tcp", bindAddress: String = "") {
            self.privatePort = privatePort
            self.publicPort = publicPort
            self.transport = transport
            self.bindAddress = bindAddress
        }

        var json: JSON {
            [
                "privatePort": .integer(privatePort), "publicPort": .integer(publicPort),
                "protocol": .string(transport), "bindIpAddress": .string(bindAddress), "agentIpAddress": nil,
            ]
        }
    }

    /// The login for a registry.
    package struct Credential: Sendable, Hashable {
        /// The user name.
        package var publicValue: String
        /// The password.
        package var secretValue: String
        /// The registry that it is for.
        package var serverAddress: String?

        /// A user name and its password.
        package init(publicValue: String, secretValue: String, serverAddress: String? = nil) {
            self.publicValue = publicValue
            self.secretValue = secretValue
            self.serverAddress = serverAddress
        }
    }

    /// The `resourceId` of the events.
    package var id: String
    /// What identifies the instance for ever, also as a label of its container.
    package var uuid: String
    /// The name, part of the container's name.
    package var name: String
    /// The image reference.
    package var image: String
    /// Null leaves the image's.
    package var command: [String]?
    /// Null leaves the image's; an empty list is not the same.
    package var entryPoint: [String]?
    /// Environment variables.
    package var environment: [String: String]
    /// Without the labels that the server adds itself.
    package var labels: [String: String]
    /// Entries `path`, `source:path` or `source:path:mode`.
    package var dataVolumes: [String]
    /// The volume objects of the request; an agent creates each of them.
    package var volumes: [Volume]
    /// The `kind` of the primary network: `dockerBridge`, `host`, `none`, `container`, `cni`.
    package var networkKind: String
    /// The published ports.
    package var ports: [Port]
    /// The memory limit; null for none.
    package var memoryBytes: Int?
    /// The reserved thousandths of a processor; null for none.
    package var milliCPUReservation: Int?
    /// The Docker id, once the server has learned it from an answer.
    package var externalID: String?
    /// When the instance first ran, in milliseconds since the epoch; null before.
    package var firstRunning: Int?
    /// The login for the image's registry.
    package var credential: Credential?
    /// Further members of the container object; they replace what would be there.
    package var extra: JSONObject
    /// Further containers of the deployment unit.
    package var siblings: [JSON]

    /// An instance that has never run.
    package init(
        id: String = "1i20", uuid: String? = nil, name: String, image: String, command: [String]? = nil,
        entryPoint: [String]? = nil, environment: [String: String] = [:], labels: [String: String] = [:],
        dataVolumes: [String] = [], volumes: [Volume] = [], networkKind: String = "dockerBridge", ports: [Port] = [],
        memoryBytes: Int? = nil, milliCPUReservation: Int? = nil, credential: Credential? = nil,
        extra: JSONObject = JSONObject(), siblings: [JSON] = []
    ) {
        self.id = id
        self.uuid = uuid ?? Identity.uuid()
        self.name = name
        self.image = image
        self.command = command
        self.entryPoint = entryPoint
        self.environment = environment
        self.labels = labels
        self.dataVolumes = dataVolumes
        self.volumes = volumes
        self.networkKind = networkKind
        self.ports = ports
        self.memoryBytes = memoryBytes
        self.milliCPUReservation = milliCPUReservation
        self.credential = credential
        self.extra = extra
        self.siblings = siblings
    }

    /// The instance after the server has worked an answer in: with its Docker id and as one that has run.
    package func learned(from reply: Published) -> InstanceEvents {
        guard let id = reply.instanceStatus["externalId"].nonEmptyText else { return self }
        var known = self
        known.externalID = id
        known.firstRunning = firstRunning ?? reply.arrivalMilliseconds
        return known
    }

    // MARK: Events

    /// Starts the instance (PROTOCOL.md 5.1).
    ///
    /// - Parameter isNoOp: The container already is as it should be; only a report is wanted.
    package func activate(isNoOp: Bool = false) -> JSON {
        event("compute.instance.activate", state: "starting", processData: ["containerNoOpEvent": .bool(isNoOp)])
    }

    /// Stops the instance (PROTOCOL.md 5.3).
    ///
    /// - Parameter timeoutSeconds: How long the container may take; null leaves the agent's 10 s.
    package func deactivate(timeoutSeconds: Int? = nil, isNoOp: Bool = false) -> JSON {
        var processData = JSONObject()
        processData.append("containerNoOpEvent", .bool(isNoOp))
        if let timeoutSeconds { processData.append("timeout", .integer(timeoutSeconds)) }
        return event("compute.instance.deactivate", state: "stopping", processData: .object(processData))
    }

    /// Removes the instance (PROTOCOL.md 5.8).
    package func remove() -> JSON {
        event("compute.instance.remove", state: "removing", processData: nil)
    }

    /// Asks for the inspection of its container by the Docker id, if that is known, or else by the name.
    package func inspect() -> JSON {
        RancherServer.instanceInspect(id: externalID, name: externalID == nil ? dockerName : nil)
    }

    /// The name that the agent gives the container (PROTOCOL.md 5.1, step 4) if the instance's name is fit for it.
    package var dockerName: String { "r-\(name)-\(uuid.prefix { $0 != "-" })" }

    private func event(_ name: String, state: String, processData: JSON) -> JSON {
        var data = JSONObject()
        if !processData.isNull { data.append("processData", processData) }
        data.append("deploymentSyncRequest", request(state: state))
        return RancherServer.makeEvent(name: name, resourceType: "instance", resourceId: id, data: .object(data))
    }

    /// The `deploymentSyncRequest`.
    package func request(state: String = "running") -> JSON {
        let networkID: JSON = "1n4"
        return [
            "type": "deploymentSyncRequest", "revision": "6f3e1b7a", "nodeName": "node1", "namespace": "default",
            "clusterId": "1c1", "deploymentUnitUuid": .string("unit-\(uuid)"), "externalId": JSON(externalID),
            "containers": .array([container(state: state)] + siblings),
            "networks": [["id": networkID, "type": "network", "kind": .string(networkKind), "name": "primary"]],
            "volumes": .array(volumes.map(\.json)),
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

    /// The container object: what was set, what the server always adds, and null for the rest.
    private func container(state: String) -> JSON {
        var labels = labels
        labels["io.rancher.container.uuid"] = uuid
        labels["io.rancher.container.name"] = name
        let set: JSON = [
            "id": .string(id), "type": "container", "kind": "container", "uuid": .string(uuid), "name": .string(name),
            "state": .string(state), "image": .string(image), "externalId": JSON(externalID),
            "firstRunning": firstRunning.map { .integer($0) } ?? nil, "hostId": "1h1",
            "registryCredentialId": credential == nil ? nil : "1c7", "primaryNetworkId": "1n4",
            "networkContainerId": nil, "command": command.map(JSON.init) ?? nil,
            "entryPoint": entryPoint.map(JSON.init) ?? nil, "environment": JSON(environment), "labels": JSON(labels),
            "stdinOpen": false, "tty": false, "dataVolumes": JSON(dataVolumes), "dataVolumesFrom": nil,
            "publicEndpoints": .array(ports.map(\.json)), "memory": memoryBytes.map { .integer($0) } ?? nil,
            "milliCpuReservation": milliCPUReservation.map { .integer($0) } ?? nil, "privileged": false,
            "publishAllPorts": false, "readOnly": false,
        ]
        var object = set.object ?? JSONObject()
        for key in Self.nullMembers { object.append(key, nil) }
        for member in extra { object[member.key] = member.value }
        return .object(object)
    }

    /// The server writes what is not set as null, and an agent must not stumble over that.
    private static let nullMembers = [
        "capAdd", "capDrop", "cpuSetCpu", "cpuShares", "devices", "dns", "dnsSearch", "domainName", "extraHosts",
        "healthCmd", "hostname", "ipcMode", "logConfig", "memoryReservation", "memorySwap", "pidMode", "securityOpt",
        "stopSignal", "sysctls", "tmpfs", "ulimits", "user", "workingDir",
    ]
}
