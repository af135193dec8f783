/// Another instance that a container has to do with.
package struct RelatedInstance: Sendable, Hashable {
    package var uuid: String
    package var name: String
    /// Its container as the server knows it; empty if none.
    package var externalID: String

    package init(uuid: String, name: String = "", externalID: String = "") {
        self.uuid = uuid
        self.name = name
        self.externalID = externalID
    }

    /// How its container is found.
    package var identity: ContainerIdentity { ContainerIdentity(ids: [externalID], uuid: uuid, marks: .all) }

    /// The name that its container has if this agent makes it.
    package var containerName: String { ContainerName.of(uuid: uuid, name: name) }
}

extension RelatedInstance: Recorded {
    package init() { self.init(uuid: "") }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("uuid", &uuid)
        try record.member("name", &name)
        try record.member("externalID", &externalID)
    }
}
