internal import LosslessJSON
internal import Model

extension StoredSpecification {
    /// The specification for programs. Values of the environment are null unless they are asked for; of driver options
    /// only the number is told, of a registry credential only that there is one. Commands, labels and the like are
    /// whole: whoever shows them leaves the secrets out.
    func json(showingEnvironment: Bool) -> JSON {
        switch self {
        case .instance(let instance): Self.json(instance, showingEnvironment)
        case .volume(let volume): Self.json(volume)
        case .image(let image):
            [
                "reference": .string(image.reference),
                "temporaryTag": JSON(nonEmpty: image.temporaryTag),
                "alwaysPull": .bool(image.alwaysPull),
                "hasCredential": .bool(image.credential != nil),
                "builtFrom": JSON(image.build?.place),
            ]
        }
    }

    private static func json(_ instance: InstanceSpecification, _ showsEnvironment: Bool) -> JSON {
        let container = instance.container
        let environment = container.environment.sorted { $0.key < $1.key }
        let common: JSON = [
            "image": .string(container.image),
            "entryPoint": container.entryPoint.map { JSON($0) } ?? .null,
            "command": container.command.map { JSON($0) } ?? .null,
            "environment": .object(
                JSONObject(environment.map { .init(key: $0.key, value: showsEnvironment ? .string($0.value) : .null) })),
            "labels": JSON(container.labels),
            "workingDirectory": JSON(nonEmpty: container.workingDirectory),
            "user": JSON(nonEmpty: container.user),
            "tty": .bool(container.tty),
            "openStandardInput": .bool(container.openStandardInput),
            "hostname": JSON(nonEmpty: container.hostname),
            "domainName": JSON(nonEmpty: container.domainName),
            "network": JSON(container.network),
            "ports": .array(container.ports.map(JSON.init)),
            "dataVolumes": JSON(container.dataVolumes),
            "volumes": .array(instance.volumes.map(json)),
            "volumesFrom": JSON(container.volumesFrom),
            "volumesFromInstances": JSON(container.volumesFromInstances.map(\.uuid)),
            "links": JSON(container.links),
            "macAddress": JSON(nonEmpty: container.macAddress),
            "memoryBytes": .integer(container.memory),
            "cpuShares": .integer(container.cpuShares),
            "milliCPUReservation": .integer(container.milliCPUReservation),
            "dns": JSON(container.dns),
            "dnsSearch": JSON(container.dnsSearch),
            "extraHosts": JSON(container.extraHosts),
            "capabilitiesAdded": JSON(container.capabilitiesAdded),
            "capabilitiesDropped": JSON(container.capabilitiesDropped),
            "privileged": .bool(container.privileged),
            "readOnlyRoot": .bool(container.readOnlyRoot),
            "alwaysPull": .bool(instance.alwaysPull),
            "hasCredential": .bool(instance.credential != nil),
            "isReportOnly": .bool(instance.noop),
            "stopSignal": JSON(nonEmpty: container.stopSignal),
            "stopGraceSeconds": .integer(instance.stopGraceSeconds),
        ]
        var whole = common.object ?? JSONObject()
        for (key, value) in container.settingsJSON { whole.append(key, value) }
        return .object(whole)
    }

    private static func json(_ volume: VolumeSpecification) -> JSON {
        [
            "name": .string(volume.name),
            "driver": JSON(nonEmpty: volume.driver),
            "driverOptionCount": .integer(volume.driverOptions.count),
            "directory": volume.isHostPath ? .string(volume.uri) : .null,
        ]
    }
}

extension JSON {
    fileprivate init(_ network: NetworkMode) {
        self =
            switch network {
            case .bridge: ["mode": "bridge"]
            case .host: ["mode": "host"]
            case .none: ["mode": "none"]
            case .cni: ["mode": "cni"]
            case .container(let id): ["mode": "container", "container": JSON(id)]
            case .instance(let other): ["mode": "container", "instance": .string(other.uuid)]
            }
    }

    fileprivate init(_ port: PortBinding) {
        self = [
            "privatePort": .integer(port.privatePort),
            "publicPort": port.publicPort == 0 ? .null : .integer(port.publicPort),
            "transport": .string(port.transport),
            "hostAddress": JSON(nonEmpty: port.hostAddress),
        ]
    }
}
