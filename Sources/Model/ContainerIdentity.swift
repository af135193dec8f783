/// How a container is looked for: by the ids in order, then by its marks unless the uuid is empty.
package struct ContainerIdentity: Sendable, Hashable {
    package var ids: [String]
    package var uuid: String
    package var marks: ContainerMarks

    package init(ids: [String], uuid: String, marks: ContainerMarks = .own) {
        self.ids = ids.filter { !$0.isEmpty }
        self.uuid = uuid
        self.marks = marks
    }
}

/// What ties a container to its instance, besides its id.
package enum ContainerMarks: String, Sendable, Hashable, Recordable {
    /// The label that this agent gives to every container.
    case own
    /// Also what older agents gave: another label, and before that the uuid as the container's name (PROTOCOL 5.0.3).
    case all
}
