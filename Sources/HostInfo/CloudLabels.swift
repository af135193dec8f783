internal import LosslessJSON

/// What the cloud says about this host, as labels, and the file that they are kept in (PROTOCOL 10.5, 10.9).
package struct CloudLabels: Sendable, Hashable {
    package var labels: [String: String]

    package init(labels: [String: String]) { self.labels = labels }

    /// The labels of an instance identity document of the provider `aws`.
    ///
    /// - Throws: ``HostInfoError`` if it is none: then there is no such cloud, or it is not ready.
    package init(identityDocument bytes: [UInt8]) throws(HostInfoError) {
        guard let document = try? JSON(parsing: bytes) else {
            throw HostInfoError("the identity document is no JSON")
        }
        guard let region = document["region"].nonEmptyText else {
            throw HostInfoError("the identity document names no region")
        }
        labels = ["io.rancher.host.provider": "aws", "io.rancher.host.region": region]
        if let zone = document["availabilityZone"].nonEmptyText { labels["io.rancher.host.zone"] = zone }
    }

    /// The labels of a machine of the provider `aliyun`, from the texts that it gives for its region and its zone.
    ///
    /// - Throws: ``HostInfoError`` if they are none.
    package init(aliyunRegion region: String, zone: String) throws(HostInfoError) {
        func isName(_ text: String) -> Bool {
            !text.isEmpty && text.utf8.count <= 64
                && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        }
        guard isName(region) else { throw HostInfoError("the metadata name no region") }
        labels = ["io.rancher.host.provider": "aliyun", "io.rancher.host.region": region]
        if isName(zone) { labels["io.rancher.host.zone"] = zone }
    }

    /// The labels that were stored, every key as it is; `nil` if there is no file that can be read. A label that is no
    /// text costs only itself.
    package init?(stateDirectory: String) {
        guard let bytes = HostFile.bytes(Self.path(stateDirectory)), let file = try? JSON(parsing: bytes),
            let object = file["label"].object
        else { return nil }
        labels = [:]
        for member in object {
            if let text = member.value.text, !member.key.isEmpty { labels[member.key] = text }
        }
    }

    /// Stores the labels for the next start.
    ///
    /// - Throws: ``HostInfoError``; an old file is as it was then.
    package func store(stateDirectory: String) throws(HostInfoError) {
        let file: JSON = ["label": JSON(labels)]
        try HostFile.replace(Self.path(stateDirectory), with: file.encoded, mode: 0o644)
    }

    private static func path(_ directory: String) -> String { directory + "/info.json" }
}
