import LosslessJSON
import Model

extension DialectA {
    /// PROTOCOL 5.6. A request that names nothing is not refused: the answer to it is the empty inspection.
    static func inspection(_ data: PayloadField) throws(UnusablePayload) -> Request {
        let wanted = data["instanceInspect"]
        guard wanted.isAbsent || wanted.value.object != nil else { throw wanted.unusable("an object") }
        return .inspectInstance(id: try wanted["id"].text(), name: try wanted["name"].text())
    }

    /// PROTOCOL 5.7.
    static func pull(_ data: PayloadField) throws(UnusablePayload) -> Request {
        let pull = data["instancePull"]
        guard !pull.isAbsent else { throw UnusablePayload(reason: "\(pull.path): missing") }
        guard pull.value.object != nil else { throw pull.unusable("an object") }
        let image = pull["image"]
        let dockerImage = image["data"]["dockerImage"]
        let fullName = try dockerImage["fullName"].text()
        guard !fullName.isEmpty else { throw UnusablePayload(reason: "\(dockerImage.path).fullName: missing") }
        let server = try dockerImage["server"].text()
        let specification = ImageSpecification(
            reference: server.isEmpty ? fullName : "\(server)/\(fullName)",
            temporaryTag: try pull["tag"].text(),
            credential: try RegistryCredential(dialectA: image["registryCredential"]),
            alwaysPull: true)
        // Whatever else the mode says means a pull.
        if pull["mode"].value.text == "cached" { return .inspectImage(specification) }
        guard try pull["complete"].boolean() else { return .pullImage(specification) }
        // Without a temporary tag there is nothing to take off but the image's own name.
        return specification.temporaryTag.isEmpty ? .inspectImage(specification) : .releaseImage(specification)
    }

    /// PROTOCOL 5.12, 7.5. What nobody manages and has no name is not there.
    static func volumeRemoval(_ data: PayloadField) throws(UnusablePayload) -> Request {
        let field = data["volume"]
        guard !field.isAbsent else { throw UnusablePayload(reason: "\(field.path): missing") }
        guard field.value.object != nil else { throw field.unusable("an object") }
        let name = try field["name"].text()
        let driver = try field["driver"].text()
        guard !name.isEmpty else {
            guard driver.isEmpty else { throw UnusablePayload(reason: "\(field.path).name: missing") }
            return .acknowledge
        }
        // What a volume was made with plays no part in its removal.
        return .removeVolume(
            VolumeSpecification(
                name: name,
                driver: driver,
                driverOptions: (try? field["driverOpts"].lenientTextMap()) ?? [:],
                isHostPath: try field["isHostPath"].boolean(),
                uri: try field["uri"].text()))
    }

    /// PROTOCOL 10.1. A ping is answered whatever it says.
    static func pingOptions(_ data: PayloadField) -> PingOptions {
        let options = data.value["options"]
        return PingOptions(
            resources: options["resources"].boolean ?? false,
            stats: options["stats"].boolean ?? false,
            instances: options["instances"].boolean ?? false)
    }
}
