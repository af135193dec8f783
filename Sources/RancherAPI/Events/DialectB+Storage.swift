import LosslessJSON
import Model

extension DialectB {
    /// PROTOCOL 5.10.
    static func imageActivation(_ data: PayloadField) throws(UnusablePayload) -> Request {
        let image = try map(try map(data, "imageStoragePoolMap"), "image")
        if try data["processData"]["containerNoOpEvent"].boolean() { return .acknowledge }
        let name = try image["name"].text()
        // With its kind in front only where the identifier does not say that the name is `docker:…` itself.
        let reference = image["uuid"].value.text == "docker:\(name)" ? name : imageReference(name)
        guard !reference.isEmpty else { throw UnusablePayload(reason: "\(image.path).name: missing") }
        return .pullImage(
            ImageSpecification(
                reference: reference, credential: try RegistryCredential(dialectB: image["registryCredential"]),
                build: try ImageBuild(of: image, reference: reference)))
    }

    /// PROTOCOL 5.11.
    static func volumeActivation(_ data: PayloadField) throws(UnusablePayload) -> Request {
        let field = try map(try map(data, "volumeStoragePoolMap"), "volume")
        let volume = try VolumeSpecification(dialectB: field)
        // The drivers of Rancher's own keep nothing that has no name, and the server would take it for done.
        guard !volume.name.isEmpty || !VolumeKeeping.isRancherDriver(volume.driver) else {
            throw UnusablePayload(reason: "\(field.path).name: missing")
        }
        return volume.isManaged ? .createVolume(volume) : .acknowledge
    }

    /// PROTOCOL 5.12, 7.5. What is to be removed with a root volume is its container. The directory of one that nobody
    /// manages stays (PROTOCOL 12.3 no. 63).
    static func volumeRemoval(_ data: PayloadField) throws(UnusablePayload) -> Request {
        let field = try map(try map(data, "volumeStoragePoolMap"), "volume")
        let volume = try VolumeSpecification(dialectB: field, optionsMatter: false)
        // What a plug-in keeps is no root of a container, whatever its number.
        if volume.isManaged, VolumeKeeping.isRancherDriver(volume.driver) { return .removeVolume(volume) }
        // Without an instance, a missing number tells nothing: a volume with a driver is none of a container's root.
        let number = try field["deviceNumber"].optionalInteger()
        let owner = try field["instance"].object()
        guard number == 0 || number == nil && !owner.isAbsent else {
            return volume.isManaged ? .removeVolume(volume) : .acknowledge
        }
        var instance = InstanceSpecification(
            uuid: try owner["uuid"].text(), name: owner["name"].value.text ?? "",
            externalID: try owner["externalId"].text())
        guard !instance.uuid.isEmpty || !instance.externalID.isEmpty else { return .acknowledge }
        instance.marks = .all
        instance.rancherID = owner["id"].value.nonEmptyText ?? ""
        return .removeInstance(instance)
    }

    /// The engine's name for an image, from one with its kind in front.
    static func imageReference(_ text: String) -> String {
        text.hasPrefix("docker:") ? String(text.dropFirst("docker:".count)) : text
    }
}

extension VolumeSpecification {
    /// PROTOCOL 7.1. The name may be empty: then nobody manages it.
    ///
    /// - Parameter optionsMatter: What a volume was made with plays no part in its removal.
    init(dialectB field: PayloadField, optionsMatter: Bool = true) throws(UnusablePayload) {
        let fields = field["data"]["fields"]
        let driver = try fields["driver"].text()
        var options: [String: String] = [:]
        if !driver.isEmpty {
            options =
                optionsMatter
                ? try fields["driverOpts"].lenientTextMap() : (try? fields["driverOpts"].lenientTextMap()) ?? [:]
        }
        self.init(
            name: try field["name"].text(), driver: driver, driverOptions: options,
            isHostPath: try fields["isHostPath"].boolean(), uri: try field["uri"].text(), keeping: .byRancherPlugin)
    }
}

extension RegistryCredential {
    /// `nil` unless there are a user and a password (PROTOCOL 8).
    init?(dialectB field: PayloadField) throws(UnusablePayload) {
        let user = try field["publicValue"].text()
        let password = try field["secretValue"].text()
        guard !user.isEmpty, !password.isEmpty else { return nil }
        let fields = field.value["data"]["fields"]
        self.init(
            user: user, password: password, email: fields["email"].text ?? "",
            serverAddress: fields["serverAddress"].text ?? "")
    }
}

extension ImageBuild {
    /// `nil` unless the image says what it is built from (PROTOCOL 5.10).
    init?(of image: PayloadField, reference: String) throws(UnusablePayload) {
        let build = image["data"]["fields"]["build"]
        let context = try build["context"].text()
        var remote = try build["remote"].text()
        if context.isEmpty {
            let shell = "git@github.com:"
            if remote.hasPrefix(shell) { remote = "git://github.com/" + remote.dropFirst(shell.count) }
        } else if remote.isEmpty {
            // The engine fetches it by itself: there is no need for a copy of it here (PROTOCOL 12.3 no. 84).
            remote = context
        }
        guard !remote.isEmpty else { return nil }
        let tag = try build["tag"].text()
        self.init(remote: remote, tag: tag.isEmpty ? reference : tag)
    }
}
