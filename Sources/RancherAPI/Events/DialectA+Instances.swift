import LosslessJSON
import Model

extension DialectA {
    /// PROTOCOL 5.1.
    static func activation(
        _ data: PayloadField, _ header: EventHeader
    ) throws(UnusablePayload) -> InstanceSpecification {
        let sync = try SyncRequest(data)
        var instance = try identity(sync, header)
        guard !instance.uuid.isEmpty else { throw UnusablePayload(reason: "\(sync.container.path).uuid: missing") }
        let process = data["processData"]
        instance.noop = try process["containerNoOpEvent"].boolean()
        instance.stopGraceSeconds = stopGraceSeconds(process["timeout"].value)
        if instance.noop {
            // Nothing is made of it, so nothing in it can be wrong.
            fillWhatIsReadable(&instance, sync)
            return instance
        }
        instance.container = try sync.containerSpecification(uuid: instance.uuid)
        instance.volumes = try sync.volumes()
        instance.credential = try sync.credential()
        return instance
    }

    /// PROTOCOL 5.3. Only the identity and the times are used: nothing else can make the event unusable.
    static func deactivation(
        _ data: PayloadField, _ header: EventHeader
    ) throws(UnusablePayload) -> InstanceSpecification {
        let sync = try SyncRequest(data)
        var instance = try identity(sync, header)
        guard !instance.uuid.isEmpty || !instance.externalID.isEmpty else {
            throw UnusablePayload(reason: "\(sync.container.path): neither uuid nor externalId")
        }
        let process = data["processData"]
        instance.noop = process["containerNoOpEvent"].value.boolean ?? false
        instance.stopGraceSeconds = stopGraceSeconds(process["timeout"].value)
        fillWhatIsReadable(&instance, sync)
        return instance
    }

    /// PROTOCOL 5.8. `noop` is not looked at: the server never sends it here.
    static func removal(_ data: PayloadField, _ header: EventHeader) throws(UnusablePayload) -> InstanceSpecification {
        let sync = try SyncRequest(data)
        var instance = try identity(sync, header)
        // A surplus copy carries the uuid of the instance that it copies, and that one must stay.
        if header.resourceID == nil, !instance.externalID.isEmpty { instance.uuid = "" }
        guard !instance.uuid.isEmpty || !instance.externalID.isEmpty else {
            throw UnusablePayload(reason: "\(sync.container.path): neither uuid nor externalId")
        }
        instance.stopGraceSeconds = stopGraceSeconds(data["processData"]["timeout"].value)
        fillWhatIsReadable(&instance, sync)
        return instance
    }

    private static func identity(
        _ sync: SyncRequest, _ header: EventHeader
    ) throws(UnusablePayload) -> InstanceSpecification {
        let container = sync.container
        var instance = InstanceSpecification(
            uuid: try container["uuid"].text(),
            name: container["name"].value.text ?? "",
            externalID: try container["externalId"].text())
        instance.rancherID = container["id"].value.nonEmptyText ?? header.resourceID ?? ""
        return instance
    }

    /// What the record may show to people, as far as it can be read.
    private static func fillWhatIsReadable(_ instance: inout InstanceSpecification, _ sync: SyncRequest) {
        if let container = try? sync.containerSpecification(uuid: instance.uuid) {
            instance.container = container
        } else {
            // They say what a removal spares.
            instance.container.labels = (try? sync.container["labels"].lenientTextMap()) ?? [:]
        }
        if let volumes = try? sync.volumes() { instance.volumes = volumes }
    }

    /// Seconds from a number or a numeric text, fractions rounded up; the default for anything else
    /// (PROTOCOL 12.3 no. 30).
    static func stopGraceSeconds(_ value: JSON) -> Int {
        let seconds: Double? =
            switch value {
            case .number, .string: value.double
            case .null, .bool, .array, .object: nil
            }
        guard let seconds, seconds.isFinite, seconds >= 0 else { return InstanceSpecification.defaultStopGraceSeconds }
        // The engine reads 32 bits.
        return Int(min(seconds.rounded(.up), Double(Int32.max)))
    }
}

/// `data.deploymentSyncRequest` (PROTOCOL 5.0.1): only the first container is acted upon, the others serve to
/// translate ids.
struct SyncRequest {
    let request: PayloadField
    let container: PayloadField
    /// The containers' ids at the engine by those at the server, as far as there are any.
    let externalIDs: [String: String]

    init(_ data: PayloadField) throws(UnusablePayload) {
        request = data["deploymentSyncRequest"]
        guard !request.isAbsent else { throw UnusablePayload(reason: "\(request.path): missing") }
        guard request.value.object != nil else { throw request.unusable("an object") }
        let containers = request["containers"]
        guard let all = containers.value.array ?? (containers.isAbsent ? [] : nil) else {
            throw containers.unusable("an array")
        }
        guard let first = all.first else {
            throw UnusablePayload(reason: "the number of instances for deploymentSyncRequest is zero")
        }
        container = PayloadField(path: "\(containers.path)[0]", value: first)
        guard first.object != nil else { throw container.unusable("an object") }
        var externalIDs: [String: String] = [:]
        for other in all {
            guard let id = other["id"].nonEmptyText, let externalID = other["externalId"].nonEmptyText else { continue }
            externalIDs[id] = externalID
        }
        self.externalIDs = externalIDs
    }

    /// The managed volumes of the whole request, each once (PROTOCOL 5.0.1, 7.1, 7.2).
    func volumes() throws(UnusablePayload) -> [VolumeSpecification] {
        var volumes: [VolumeSpecification] = []
        var names: Set<String> = []
        for field in try request["volumes"].elements() ?? [] {
            guard field.value.object != nil else { throw field.unusable("an object") }
            guard let volume = try VolumeSpecification(dialectA: field), volume.isManaged else { continue }
            if names.insert(volume.name).inserted { volumes.append(volume) }
        }
        return volumes
    }

    /// `nil` unless there are a user and a password. The registry's address follows from the image's name.
    func credential() throws(UnusablePayload) -> RegistryCredential? {
        let id = try container["registryCredentialId"].text()
        guard !id.isEmpty else { return nil }
        let all = try request["registryCredentials"].elements() ?? []
        guard let field = all.first(where: { $0.value["id"].text == id }) else { return nil }
        return try RegistryCredential(dialectA: field)
    }
}

extension RegistryCredential {
    init?(dialectA field: PayloadField) throws(UnusablePayload) {
        let user = try field["publicValue"].text()
        let password = try field["secretValue"].text()
        guard !user.isEmpty, !password.isEmpty else { return nil }
        self.init(user: user, password: password, email: field.value["data"]["fields"]["email"].text ?? "")
    }
}

extension VolumeSpecification {
    /// PROTOCOL 7.1; `nil` without a name.
    init?(dialectA field: PayloadField) throws(UnusablePayload) {
        let name = try field["name"].text()
        guard !name.isEmpty else { return nil }
        let driver = try field["driver"].text()
        self.init(
            name: name,
            driver: driver,
            driverOptions: driver.isEmpty ? [:] : try field["driverOpts"].lenientTextMap(),
            isHostPath: try field["isHostPath"].boolean(),
            uri: try field["uri"].text())
    }
}
