import Deadline
import DockerEngine
import LosslessJSON
import Model

extension OperationRunner {
    /// Creates the container. The engine is asked for no more than what this one depends on.
    ///
    /// - Parameter mountpoints: Where the flex volumes of the instance are mounted, by the volume's name.
    func create(
        _ instance: InstanceSpecification, mountpoints: [String: String] = [:],
        _ progress: @escaping @Sendable (String) -> Void
    ) async throws(EngineError) -> OperationOutcome {
        let container = instance.container
        var context = CreateContext()
        context.mountpoints = mountpoints
        if container.waitsForNetwork, (container.entryPoint ?? []).isEmpty, !container.image.isEmpty {
            guard let image = try await inspectImage(container.image) else { return Self.imageMissing(container) }
            context.learn(image: image)
        }
        if container.mountsEngineDirectory || container.stopTimeoutSeconds != 0 || container.stopsAtOnce
            || container.limits.kernelMemory != 0
        {
            let facts = try await facts.current()
            context.rootDirectory = facts.rootDirectory
            // The version of the call counts, and that may be an older one than the engine's.
            let version = engine.apiVersion ?? APIVersion(facts.apiVersion) ?? .oldest
            context.supportsStopTimeout = version >= APIVersion(1, 25)
            context.supportsKernelMemory = version < APIVersion(1, 42)
            if container.limits.kernelMemory != 0, !context.supportsKernelMemory {
                progress("This engine has no limit for the kernel's memory any more: it is left out")
            }
        }
        for other in container.relatedInstances {
            context.containers[other] = try await find(other.identity)?.id
        }
        if container.blockIO.devices[BlockIOLimits.defaultDisk] != nil {
            do throws(BlockingCallError) {
                context.defaultDisk = try await read(surroundings.defaultDisk)
            } catch {
                progress("The disk benchmark cannot be read: \(error)")
            }
            if context.defaultDisk == nil {
                progress("No disk of this host has been measured: its limits for reading and writing are left out")
            }
        }
        let body: JSON
        do {
            if container.needsHostSearchDomains {
                context.hostSearchDomains = try await hostSearchDomains()
            }
            body = try CreateBody.of(instance, context)
        } catch {
            return .refused(Refusal(message: String(describing: error)))
        }
        do throws(EngineError) {
            return .created(id: try await engine.createContainer(name: instance.containerName, body: body).id)
        } catch  where error.isConflict {
            let owner = try await look(instance.containerName)
            return .nameTaken(by: owner?.isNamed(instance.containerName) == true ? owner : nil)
        } catch  where error.isNotFound {
            // It was not there when it was needed, even if somebody else has pulled it by now.
            if error.message.lowercased().contains("no such image") { return Self.imageMissing(container) }
            // Other things than the image can be missing, a container to share with for instance. Who is to bring the
            // image looks himself, and more patiently: a look that fails here settles nothing.
            do throws(EngineError) {
                if try await inspectImage(container.image) != nil { return OperationOutcome(error) }
            } catch  where error.kind != .cancelled {}
            return Self.imageMissing(container)
        }
    }

    /// Reads something of the host where it may hang.
    private func read<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value
    ) async throws(BlockingCallError) -> Value {
        try await surroundings.reads.run(within: surroundings.readDeadline, body)
    }

    private func hostSearchDomains() async throws(SpecificationError) -> [String] {
        let path = surroundings.resolverFile
        let result: Result<[String], SpecificationError>
        do throws(BlockingCallError) {
            result = try await read {
                Result { () throws(SpecificationError) in try HostResolver.searchDomains(ofFile: path) }
            }
        } catch {
            throw HostResolver.unreadable(path, error)
        }
        return try result.get()
    }

    private static func imageMissing(_ container: ContainerSpecification) -> OperationOutcome {
        .imageMissing("Error: No such image: \(container.image)")
    }
}

extension ContainerSpecification {
    /// The instances whose containers have to be known before this one can be created.
    fileprivate var relatedInstances: [RelatedInstance] {
        if case .instance(let other) = network { return volumesFromInstances + [other] }
        return volumesFromInstances
    }
}
