package import LosslessJSON

/// An instance as the server knows it, and the events for it in the server's dialect.
///
/// What describes the instance is the same in both; how it is written is told by ``RancherServer/Dialect``.
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
        /// Where the volume is, such as `file:///srv/data`; null if its driver knows.
        package var uri: String?
        /// It is a directory of the host.
        package var isHostPath: Bool
        /// The instance whose root volume it is, if it is one: Rancher 1.6 has an object for those too.
        package var rootOf: [InstanceEvents]

        /// A named volume.
        package init(
            id: String = "1v3", name: String, driver: String? = "local", driverOpts: [String: String]? = nil,
            uri: String? = nil, isHostPath: Bool = false
        ) {
            self.id = id
            self.name = name
            self.driver = driver
            self.driverOpts = driverOpts
            self.uri = uri
            self.isHostPath = isHostPath
            rootOf = []
        }

        /// The root volume of an instance, which goes with its container.
        package init(rootOf instance: InstanceEvents) {
            self.init(id: "1v\(Identity.number(of: instance.uuid))", name: "", driver: nil)
            rootOf = [instance]
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
    }

    /// The login for a registry.
    package struct Credential: Sendable, Hashable {
        /// The user name.
        package var publicValue: String
        /// The password.
        package var secretValue: String
        /// The registry that it is for.
        package var serverAddress: String?
        /// The address of the user, which Rancher 1.6 keeps as well.
        package var email: String?

        /// A user name and its password.
        package init(publicValue: String, secretValue: String, serverAddress: String? = nil, email: String? = nil) {
            self.publicValue = publicValue
            self.secretValue = secretValue
            self.serverAddress = serverAddress
            self.email = email
        }
    }

    /// The language of the server.
    package var dialect: RancherServer.Dialect
    /// The server's id, `1i…`: in Rancher 2.0 the `resourceId` of the events.
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
    /// Further fields of the container, by their names in Rancher 2.0; they replace what would be there.
    package var extra: JSONObject
    /// Further containers of the deployment unit, of which only Rancher 2.0 tells.
    package var siblings: [JSON]
    /// The instance whose network it shares, if its ``networkKind`` is `container`.
    package private(set) var networkPartner: [InstanceEvents] = []
    /// The instances whose volumes it has too.
    package var volumesFrom: [InstanceEvents] = []
    /// What a server of Rancher 1.6 has merged from answers into `data` of the instance.
    package private(set) var learnedData = JSONObject()

    /// An instance that has never run.
    package init(
        dialect: RancherServer.Dialect = .rancher20, id: String = "1i20", uuid: String? = nil, name: String,
        image: String, command: [String]? = nil,
        entryPoint: [String]? = nil, environment: [String: String] = [:], labels: [String: String] = [:],
        dataVolumes: [String] = [], volumes: [Volume] = [], networkKind: String = "dockerBridge", ports: [Port] = [],
        memoryBytes: Int? = nil, milliCPUReservation: Int? = nil, credential: Credential? = nil,
        extra: JSONObject = JSONObject(), siblings: [JSON] = []
    ) {
        self.dialect = dialect
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

    /// The instance after the server has worked an answer in: with its Docker id and as one that has run, and in Rancher
    /// 1.6 with all that the answer has merged into its data.
    package func learned(from reply: Published) -> InstanceEvents {
        var known = self
        if dialect == .rancher16, case .object(let update)? = reply.mappedInstance.object?["+data"] {
            known.learnedData = learnedData.merging(update)
        }
        guard let id = reply.instanceStatus["externalId"].nonEmptyText else { return known }
        known.externalID = id
        known.firstRunning = firstRunning ?? reply.arrivalMilliseconds
        return known
    }

    /// Has it share the network of another instance.
    package mutating func shareNetwork(of other: InstanceEvents) {
        networkKind = "container"
        networkPartner = [other]
    }

    // MARK: Events

    /// Starts the instance (PROTOCOL.md 5.1, 5.2).
    ///
    /// - Parameter isNoOp: The container already is as it should be; only a report is wanted.
    package func activate(isNoOp: Bool = false) -> JSON {
        event("compute.instance.activate", state: "starting", processData: ["containerNoOpEvent": .bool(isNoOp)])
    }

    /// Stops the instance (PROTOCOL.md 5.3, 5.4).
    ///
    /// - Parameter timeoutSeconds: How long the container may take; null leaves the agent's 10 s.
    package func deactivate(timeoutSeconds: Int? = nil, isNoOp: Bool = false) -> JSON {
        var processData = JSONObject()
        processData.append("containerNoOpEvent", .bool(isNoOp))
        if let timeoutSeconds { processData.append("timeout", .integer(timeoutSeconds)) }
        return event("compute.instance.deactivate", state: "stopping", processData: .object(processData))
    }

    /// Removes the instance (PROTOCOL.md 5.8, 5.9).
    package func remove() -> JSON {
        event("compute.instance.remove", state: "removing", processData: nil)
    }

    /// Asks for the inspection of its container by the Docker id, if that is known, or else by the name.
    package func inspect() -> JSON {
        dialect.instanceInspect(id: externalID, name: externalID == nil ? dockerName : nil)
    }

    /// The name that the agent gives the container (PROTOCOL.md 5.1, step 4) if the instance's name is fit for it.
    package var dockerName: String { "r-\(name)-\(uuid.prefix { $0 != "-" })" }

    private func event(_ name: String, state: String, processData: JSON) -> JSON {
        var data = JSONObject()
        switch dialect {
        case .rancher20:
            if !processData.isNull { data.append("processData", processData) }
            data.append("deploymentSyncRequest", request(state: state))
        case .rancher16:
            data.append("instanceHostMap", hostMap(state: state))
            if !processData.isNull { data.append("processData", processData) }
        }
        return dialect.makeEvent(
            name: name, resourceType: resourceType, resourceId: resourceID, data: .object(data))
    }

    /// What the events are about.
    package var resourceType: String {
        switch dialect {
        case .rancher20: "instance"
        case .rancher16: "instanceHostMap"
        }
    }

    /// The `resourceId` of the events.
    package var resourceID: String {
        switch dialect {
        case .rancher20: id
        case .rancher16: "1ihm\(Identity.number(of: id))"
        }
    }
}
