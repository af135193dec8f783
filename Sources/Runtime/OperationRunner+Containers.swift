import DockerEngine
import LosslessJSON
import Model

extension OperationRunner {
    func look(_ id: String) async throws(EngineError) -> InspectedContainer? {
        do throws(EngineError) {
            let raw = await withImageName(try await engine.inspectContainer(id))
            guard var container = InspectedContainer(raw) else {
                throw EngineError(.badAnswer, "an inspection without an id", call: "GET /containers/{id}/json")
            }
            container.imagePorts = await imagePorts(of: container)
            return container
        } catch  where error.isNotFound {
            return nil
        }
    }

    /// What the image exposes, if the container, which does not run, cannot tell it: its inspection shows the ports of
    /// the image and those that were to be published as one (PROTOCOL 5.2.1). `nil` also if the image cannot be looked at:
    /// then both are told, for nobody waits for a list of ports.
    private func imagePorts(of container: InspectedContainer) async -> [String]? {
        let raw = container.raw
        let exposed = raw["Config"]["ExposedPorts"].object?.keys ?? []
        guard !container.state.isAlive, exposed.contains(where: { !raw["HostConfig"]["PortBindings"][$0].isNull }),
            surroundings.tellsImagePorts(), let id = raw["Image"].nonEmptyText,
            let image = try? await inspectImage(id)
        else { return nil }
        return (image["Config"]["ExposedPorts"].object?.keys ?? []).sorted()
    }

    /// A container that was made of an image's id shows this id as the name of its image, which tells people nothing: it
    /// gets the first name that the image has (PROTOCOL 5.0.6). A name that was asked for is left as it is, whatever
    /// other names the image has, and all else of the inspection anyway.
    private func withImageName(_ raw: JSON) async -> JSON {
        guard let shown = raw["Config"]["Image"].nonEmptyText, let id = raw["Image"].nonEmptyText,
            Self.isImageID(shown, of: id), let image = try? await inspectImage(id),
            let name = (image["RepoTags"].array ?? []).compactMap(\.nonEmptyText).first,
            case .object(var container) = raw, case .object(var configuration) = raw["Config"]
        else { return raw }
        configuration["Image"] = .string(name)
        container["Config"] = .object(configuration)
        return .object(container)
    }

    /// Whether the text is the whole id or its beginning, at least the twelve digits that people are shown.
    private static func isImageID(_ text: String, of id: String) -> Bool {
        let digits = id.drop { $0 != ":" }.dropFirst()
        return text == id || text.utf8.count >= 12 && digits.hasPrefix(text)
    }

    /// A look at what has just been done. One that fails is repeated: what was done is known, and would be lost.
    func lookPatiently(_ id: String) async throws(EngineError) -> InspectedContainer? {
        for _ in 0..<2 {
            if let seen = try? await look(id) { return seen }
        }
        return try await look(id)
    }

    func afterwards(
        _ id: String, _ work: () async throws(EngineError) -> Void
    ) async throws(EngineError) -> OperationOutcome {
        try await untilGone(work)
        return .container(try await lookPatiently(id))
    }

    func find(_ identity: ContainerIdentity) async throws(EngineError) -> InspectedContainer? {
        for id in identity.ids {
            if let container = try await look(id) { return container }
        }
        guard !identity.uuid.isEmpty else { return nil }
        if let container = try await find(ContainerSummary.instanceLabel, identity.uuid) { return container }
        guard identity.marks == .all else { return nil }
        // The marks of older agents.
        if let container = try await find(ContainerSummary.olderInstanceLabel, identity.uuid) { return container }
        guard let container = try await look(identity.uuid), container.isNamed(identity.uuid) else { return nil }
        return container
    }

    private func find(_ label: String, _ uuid: String) async throws(EngineError) -> InspectedContainer? {
        let hits = try await engine.listContainers(all: true, labels: ["\(label)=\(uuid)"])
            .compactMap { ContainerSummary($0) }
        // Of several copies the living one is the instance; then the order of ids, so that it is always the same one.
        let ordered = hits.sorted { left, right in
            left.state.isAlive == right.state.isAlive ? left.id < right.id : left.state.isAlive
        }
        for hit in ordered {
            if let container = try await look(hit.id) { return container }
        }
        return nil
    }

    func remove(_ id: String, keepsVolumes: Bool) async throws(EngineError) -> OperationOutcome {
        do throws(EngineError) {
            try await engine.removeContainer(id, removeVolumes: !keepsVolumes, force: false)
            return .removed
        } catch  where error.isNotFound {
            // Perhaps it is not the engine that says so.
            return try await look(id) == nil ? .container(nil) : OperationOutcome(error)
        } catch  where error.isConflict {
            // Started again meanwhile, or being removed by somebody else.
            guard let container = try await look(id) else { return .container(nil) }
            return container.state.isAlive || container.state == .removing
                ? .container(container) : OperationOutcome(error)
        }
    }

    func inspect(id: String, name: String) async throws(EngineError) -> InspectedContainer? {
        if !id.isEmpty, let container = try await look(id) { return container }
        guard !name.isEmpty, let container = try await look(name), container.isNamed(name) else { return nil }
        return container
    }
}

extension InspectedContainer {
    /// The engine also finds containers by the beginning of their id; a name has to be the name.
    func isNamed(_ name: String) -> Bool { raw["Name"].text == "/\(name)" }
}
