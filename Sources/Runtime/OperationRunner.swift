package import DockerEngine
internal import LosslessJSON
package import Model

/// Does the work that the reconciler asks for, and says how it ended. It decides nothing.
///
/// Every operation may be done again: what is there already, or gone already, counts as done.
package struct OperationRunner: Sendable {
    package let engine: EngineClient
    let facts: EngineFacts
    let surroundings: CreateSurroundings
    private let gates: Gates

    /// How much is done at a time, where the engine is known to get slow or to fail with too much of it.
    private struct Gates: Sendable {
        /// Creates and starts: each is work for the engine's storage and network drivers, which hold locks.
        let heavy = Gate(places: 16, lentFor: .seconds(10))
        /// Pulls: each opens up to three connections and writes to the disk as fast as it can.
        let pulls = Gate(places: 4)
        /// Stops and kills, which may take all the grace they are given.
        let stops = Gate(places: 256)
        /// Everything else, to bound the connections to the engine.
        let light = Gate(places: 128)
    }

    /// - Parameters:
    ///   - resolverFile: The host's resolv.conf, as this process sees it.
    ///   - defaultDisk: The device that `DEFAULT_DISK` stands for, as far as it is known at the moment of the call.
    package init(
        engine: EngineClient, facts: EngineFacts, resolverFile: String = "/etc/resolv.conf",
        defaultDisk: @escaping @Sendable () -> String? = { nil }
    ) {
        self.engine = engine
        self.facts = facts
        surroundings = CreateSurroundings(resolverFile: resolverFile, defaultDisk: defaultDisk)
        gates = Gates()
    }

    /// Does the work; `progress` hears what the user may want to know meanwhile.
    ///
    /// Never throws: a cancelled operation ends as unknown.
    package func run(_ operation: Operation, progress: @escaping @Sendable (String) -> Void) async -> OperationOutcome {
        let gate =
            switch operation {
            case .createContainer, .startContainer: gates.heavy
            case .pullImage: gates.pulls
            case .stopContainer, .killContainer: gates.stops
            case .findContainer, .removeContainer, .detectAddress, .inspectVolume, .callPlugin, .createVolume,
                .removeVolume, .inspectImage, .tagImage, .removeImage, .inspectContainer:
                gates.light
            }
        do {
            return try await gate.withPlace { await self.perform(operation, progress) }
        } catch {
            return .unknown("The agent is shutting down")
        }
    }

    private func perform(
        _ operation: Operation, _ progress: @escaping @Sendable (String) -> Void
    ) async -> OperationOutcome {
        do throws(EngineError) {
            switch operation {
            case .findContainer(let identity): return .container(try await find(identity))
            case .createContainer(let instance, let mountpoints):
                return try await create(instance, mountpoints: mountpoints, progress)
            case .startContainer(let id):
                _ = try await engine.startContainer(id)
                return .container(try await lookPatiently(id))
            case .stopContainer(let id, let grace):
                return try await afterwards(id) { () async throws(EngineError) in
                    _ = try await engine.stopContainer(id, graceSeconds: grace)
                }
            case .killContainer(let id):
                return try await afterwards(id) { () async throws(EngineError) in
                    do throws(EngineError) {
                        try await engine.killContainer(id)
                    } catch  where error.isConflict {
                        // Not running any more, which is what was wanted.
                    }
                }
            case .removeContainer(let id): return try await remove(id)
            case .inspectContainer(let id, let name): return .container(try await inspect(id: id, name: name))
            case .detectAddress(let id): return .address("", try await look(id))
            case .inspectVolume(let volume): return .volume(try await inspectVolume(volume.name))
            case .callPlugin: return .noPlugin
            case .createVolume(let volume): return .volume(try await createVolume(volume))
            case .removeVolume(let name, let force):
                try await untilGone { () async throws(EngineError) in
                    try await engine.removeVolume(name, force: force)
                }
                return .removed
            case .inspectImage(let reference): return .image(try await inspectImage(reference))
            case .pullImage(let reference, let credential):
                return try await pull(reference, credential, progress)
            case .tagImage(let reference, let tagged): return try await tag(reference, as: tagged)
            case .removeImage(let reference):
                try await untilGone { () async throws(EngineError) in
                    try await engine.removeImage(reference, force: true, noPrune: true)
                }
                return .removed
            }
        } catch {
            return OperationOutcome(error)
        }
    }

    private func untilGone(_ work: () async throws(EngineError) -> Void) async throws(EngineError) {
        do throws(EngineError) { try await work() } catch  where error.isNotFound {}
    }
}

// MARK: Containers

extension OperationRunner {
    func look(_ id: String) async throws(EngineError) -> InspectedContainer? {
        do throws(EngineError) {
            let raw = try await engine.inspectContainer(id)
            guard let container = InspectedContainer(raw) else {
                throw EngineError(.badAnswer, "an inspection without an id", call: "GET /containers/{id}/json")
            }
            return container
        } catch  where error.isNotFound {
            return nil
        }
    }

    /// A look at what has just been done. One that fails is repeated: what was done is known, and would be lost.
    private func lookPatiently(_ id: String) async throws(EngineError) -> InspectedContainer? {
        for _ in 0..<2 {
            if let seen = try? await look(id) { return seen }
        }
        return try await look(id)
    }

    private func afterwards(
        _ id: String, _ work: () async throws(EngineError) -> Void
    ) async throws(EngineError) -> OperationOutcome {
        try await untilGone(work)
        return .container(try await lookPatiently(id))
    }

    private func find(_ identity: ContainerIdentity) async throws(EngineError) -> InspectedContainer? {
        for id in identity.ids {
            if let container = try await look(id) { return container }
        }
        guard !identity.uuid.isEmpty else { return nil }
        let label = "\(ContainerSummary.instanceLabel)=\(identity.uuid)"
        let hits = try await engine.listContainers(all: true, labels: [label]).compactMap(ContainerSummary.init)
        // Of several copies the living one is the instance; then the order of ids, so that it is always the same one.
        let ordered = hits.sorted { left, right in
            left.state.isAlive == right.state.isAlive ? left.id < right.id : left.state.isAlive
        }
        for hit in ordered {
            if let container = try await look(hit.id) { return container }
        }
        return nil
    }

    private func remove(_ id: String) async throws(EngineError) -> OperationOutcome {
        do throws(EngineError) {
            // Anonymous volumes go with the container that they were made for; nobody could ever name them.
            try await engine.removeContainer(id, removeVolumes: true, force: false)
            return .removed
        } catch  where error.isNotFound {
            return .removed
        } catch  where error.isConflict {
            // Started again meanwhile, or being removed by somebody else.
            guard let container = try await look(id) else { return .removed }
            return container.state.isAlive || container.state == .removing
                ? .container(container) : OperationOutcome(error)
        }
    }

    private func inspect(id: String, name: String) async throws(EngineError) -> InspectedContainer? {
        if !id.isEmpty, let container = try await look(id) { return container }
        guard !name.isEmpty, let container = try await look(name), container.isNamed(name) else { return nil }
        return container
    }
}

extension InspectedContainer {
    /// The engine also finds containers by the beginning of their id; a name has to be the name.
    func isNamed(_ name: String) -> Bool { raw["Name"].text == "/\(name)" }
}

// MARK: Volumes

extension OperationRunner {
    private func inspectVolume(_ name: String) async throws(EngineError) -> InspectedVolume? {
        do throws(EngineError) {
            return InspectedVolume(try await engine.inspectVolume(name))
        } catch  where error.isNotFound {
            return nil
        }
    }

    private func createVolume(_ volume: VolumeSpecification) async throws(EngineError) -> InspectedVolume {
        InspectedVolume(
            try await engine.createVolume(name: volume.name, driver: volume.driver, options: volume.driverOptions))
    }
}

extension InspectedVolume {
    fileprivate init(_ raw: JSON) {
        self.init(driver: raw["Driver"].text ?? "", mountpoint: raw["Mountpoint"].text ?? "")
    }
}

// MARK: Images

extension OperationRunner {
    func inspectImage(_ reference: String) async throws(EngineError) -> JSON? {
        do throws(EngineError) {
            return try await engine.inspectImage(reference)
        } catch  where error.isNotFound {
            return nil
        }
    }

    private func pull(
        _ reference: String, _ credential: RegistryCredential?, _ progress: @escaping @Sendable (String) -> Void
    ) async throws(EngineError) -> OperationOutcome {
        let parsed: ImageReference
        do {
            parsed = try ImageReference(reference)
        } catch {
            return .refused(Refusal(message: String(describing: error)))
        }
        let report: @Sendable (JSON) -> Void = { object in
            if let status = object["status"].nonEmptyText { progress(status) }
        }
        do throws(EngineError) {
            try await engine.pullImage(
                name: parsed.familiarName, tag: parsed.pullTag, auth: credential?.auth(for: parsed.domain),
                onProgress: report)
        } catch let first where credential != nil && [401, 403, 404].contains(first.status) {
            // A public image may be refused because of a stale credential; the first error is the telling one.
            do throws(EngineError) {
                try await engine.pullImage(
                    name: parsed.familiarName, tag: parsed.pullTag, auth: nil, onProgress: report)
            } catch  where error.status != nil {
                throw first
            }
        } catch  where error.kind == .failedInStream {
            return .refused(Refusal(message: "Image [\(reference)] failed to pull: \(error.message)"))
        }
        return .image(try await inspectImage(reference))
    }

    private func tag(_ reference: String, as tagged: String) async throws(EngineError) -> OperationOutcome {
        let target: ImageReference
        do {
            target = try ImageReference(tagged)
        } catch {
            return .refused(Refusal(message: String(describing: error)))
        }
        guard target.digest == nil else {
            return .refused(Refusal(message: "An image named by its digest cannot be tagged: \(tagged)"))
        }
        do throws(EngineError) {
            try await engine.tagImage(reference, repo: target.familiarName, tag: target.tag ?? "latest")
        } catch  where error.isNotFound {
            // Somebody has removed it since it was pulled.
            return .image(nil)
        }
        return .image(try await inspectImage(tagged))
    }
}

extension RegistryCredential {
    /// The credential as the engine wants it; `nil` unless both user and password are there (PROTOCOL 8).
    fileprivate func auth(for domain: String) -> RegistryAuth? {
        guard !user.isEmpty, !password.isEmpty else { return nil }
        let given = serverAddress.isEmpty ? domain : serverAddress
        let isHub = given == "docker.io" || given == "index.docker.io" || given == "https://docker.io"
        return RegistryAuth(
            username: user, password: password, email: email.isEmpty ? nil : email,
            serverAddress: isHub ? "https://index.docker.io/v1/" : given)
    }
}

// MARK: Errors

extension OperationOutcome {
    /// What an error of the engine says about whether the thing was done.
    init(_ error: EngineError) {
        let text = String(describing: error)
        switch error.kind {
        case .unreachable: self = .unavailable(text)
        // No such thing can be asked of an engine, now or later.
        case .configuration: self = .refused(Refusal(message: text))
        case .cut, .timedOut, .badAnswer, .cancelled: self = .unknown(text)
        case .refused(let status): self = .refused(Refusal(message: text, status: status))
        case .failedInStream: self = .refused(Refusal(message: text))
        }
    }
}
