import LosslessJSON
import Model

extension DialectB {
    /// PROTOCOL 5.2.
    static func activation(_ data: PayloadField, _ facts: AgentFacts) throws(UnusablePayload) -> InstanceSpecification {
        let request = try InstanceRequest(data, facts)
        var instance = try request.identity()
        guard !instance.uuid.isEmpty else { throw UnusablePayload(reason: "\(request.instance.path).uuid: missing") }
        instance.noop = try data["processData"]["containerNoOpEvent"].boolean()
        if instance.noop {
            // Nothing is made of it, so nothing in it can be wrong.
            request.fillWhatIsReadable(&instance)
            return instance
        }
        try request.fill(&instance)
        return instance
    }

    /// PROTOCOL 5.4. Only the identity and the times are used: nothing else can make the event unusable.
    static func deactivation(
        _ data: PayloadField, _ facts: AgentFacts
    ) throws(UnusablePayload) -> InstanceSpecification {
        let request = try InstanceRequest(data, facts)
        var instance = try request.certainIdentity()
        instance.noop = data["processData"]["containerNoOpEvent"].value.boolean ?? false
        request.fillWhatIsReadable(&instance)
        return instance
    }

    /// PROTOCOL 5.9.
    static func removal(_ data: PayloadField, _ facts: AgentFacts) throws(UnusablePayload) -> InstanceSpecification {
        let request = try InstanceRequest(data, facts)
        var instance = try request.certainIdentity()
        request.fillWhatIsReadable(&instance)
        return instance
    }

    /// PROTOCOL 5.5: a container that runs although the server has removed its instance. It is given the usual time to
    /// stop (PROTOCOL 12.3 no. 75).
    static func forcedStop(_ data: PayloadField) throws(UnusablePayload) -> InstanceSpecification {
        let field = try map(data, "instanceForceStop")
        let id = try field["id"].text()
        guard !id.isEmpty else { throw UnusablePayload(reason: "\(field.path).id: missing") }
        var instance = InstanceSpecification(uuid: "", externalID: id)
        instance.marks = .all
        return instance
    }
}

/// `data.instanceHostMap.instance`, and what belongs to it.
struct InstanceRequest {
    let instance: PayloadField
    let fields: PayloadField
    let process: PayloadField
    let facts: AgentFacts

    init(_ data: PayloadField, _ facts: AgentFacts) throws(UnusablePayload) {
        let field = try DialectB.map(data, "instanceHostMap")
        instance = try DialectB.map(field, "instance")
        fields = instance["data"]["fields"]
        process = data["processData"]
        self.facts = facts
    }

    func identity() throws(UnusablePayload) -> InstanceSpecification {
        var specification = InstanceSpecification(
            uuid: try instance["uuid"].text(), name: instance["name"].value.text ?? "",
            externalID: try instance["externalId"].text())
        specification.marks = .all
        specification.isMadeAnew = true
        specification.rancherID = instance["id"].value.nonEmptyText ?? ""
        specification.stopGraceSeconds = DialectA.stopGraceSeconds(process["timeout"].value)
        return specification
    }

    /// Of an instance that there is something to look for of.
    func certainIdentity() throws(UnusablePayload) -> InstanceSpecification {
        let identity = try identity()
        guard !identity.uuid.isEmpty || !identity.externalID.isEmpty else {
            throw UnusablePayload(reason: "\(instance.path): neither uuid nor externalId")
        }
        return identity
    }

    func fill(_ specification: inout InstanceSpecification) throws(UnusablePayload) {
        specification.container = try containerSpecification(uuid: specification.uuid, name: specification.name)
        specification.volumes = try volumes()
        let image = instance["image"]
        specification.credential = try RegistryCredential(dialectB: image["registryCredential"])
        specification.build = try ImageBuild(of: image, reference: specification.container.image)
    }

    /// What the record may show to people, as far as it can be read.
    func fillWhatIsReadable(_ specification: inout InstanceSpecification) {
        if let container = try? containerSpecification(uuid: specification.uuid, name: specification.name) {
            specification.container = container
        } else {
            // They say what a removal spares.
            specification.container.labels = (try? fields["labels"].lenientTextMap()) ?? [:]
        }
        if let volumes = try? volumes() { specification.volumes = volumes }
    }

    /// The managed volumes of the instance, each once (PROTOCOL 6.10, 7.1, 7.2).
    private func volumes() throws(UnusablePayload) -> [VolumeSpecification] {
        var volumes: [VolumeSpecification] = []
        var names: Set<String> = []
        for field in try instance["volumesFromDataVolumeMounts"].elements() ?? [] {
            guard field.value.object != nil else { throw field.unusable("an object") }
            let volume = try VolumeSpecification(dialectB: field)
            if volume.isManaged, names.insert(volume.name).inserted { volumes.append(volume) }
        }
        return volumes
    }
}
