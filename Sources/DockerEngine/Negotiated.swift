/// What was agreed upon with the engine.
struct Negotiated: Sendable {
    /// The version that calls are made in.
    var version: APIVersion
    /// The newest version that the engine knows.
    var engine: APIVersion
    /// Whether it is Docker's own engine. Podman's service says nothing at all to who asks for events by names that it
    /// does not know.
    var isDocker: Bool
}
