package import DockerEngine
package import Model

/// Does the work that the reconciler asks for, and says how it ended. It decides nothing.
///
/// Every operation may be done again: what is there already, or gone already, counts as done.
package struct OperationRunner: Sendable {
    package let engine: EngineClient
    let facts: EngineFacts
    let surroundings: Surroundings
    private let gates: WorkGates

    /// - Parameter turns: How long one may keep the others waiting where the storage driver takes one at a time.
    package init(
        engine: EngineClient, facts: EngineFacts, surroundings: Surroundings = Surroundings(),
        turns: StorageTurns = StorageTurns()
    ) {
        self.engine = engine
        self.facts = facts
        self.surroundings = surroundings
        gates = WorkGates(turns: turns)
    }

    /// Does the work; `progress` hears what the user may want to know meanwhile.
    ///
    /// Never throws: a cancelled operation ends as unknown.
    package func run(_ operation: Operation, progress: @escaping @Sendable (String) -> Void) async -> OperationOutcome {
        do {
            return try await gates.withPlace(
                for: operation, takesTurns: { await isOneAtATime() }, body: { await perform(operation, progress) })
        } catch {
            return .unknown("The agent is shutting down")
        }
    }

    /// An engine that does not say what it is cannot be worked on either.
    private func isOneAtATime() async -> Bool { (try? await facts.current())?.storageDriver == "devicemapper" }

    private func perform(
        _ operation: Operation, _ progress: @escaping @Sendable (String) -> Void
    ) async -> OperationOutcome {
        do throws(EngineError) {
            switch operation {
            case .findContainer(let identity): return .container(try await find(identity))
            case .createContainer(let instance, let mountpoints):
                return try await create(instance, mountpoints: mountpoints, progress)
            case .startContainer(let id):
                let wasStarted = try await engine.startContainer(id)
                let container = try await lookPatiently(id)
                // Who has never run cannot have been running already.
                guard wasStarted || container?.state != .created else {
                    return .unknown("The engine says that container \(id) runs already, and shows that it never ran")
                }
                return .container(container)
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
            case .removeContainer(let id, let keepsVolumes): return try await remove(id, keepsVolumes: keepsVolumes)
            case .inspectContainer(let id, let name): return .container(try await inspect(id: id, name: name))
            case .detectAddress(let id): return try await detectAddress(of: id, progress)
            case .inspectVolume(let volume): return try await inspectVolume(volume)
            case .callPlugin(let call, let volume): return await callPlugin(call, volume)
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
            case .buildImage(let build): return try await self.build(build, progress)
            case .updateConfiguration(let items):
                return await surroundings.configurationProgram?.run(items)
                    ?? .configurationUpdated(exitCode: -1, output: "this agent has no program for its configuration")
            }
        } catch {
            return OperationOutcome(error)
        }
    }

    func untilGone(_ work: () async throws(EngineError) -> Void) async throws(EngineError) {
        do throws(EngineError) { try await work() } catch  where error.isNotFound {}
    }
}

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
