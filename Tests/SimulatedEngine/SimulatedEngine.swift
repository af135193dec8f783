internal import LosslessJSON
package import Model

/// A Docker Engine in memory that does what it is asked, keeps count of it, and can be told to lie.
package struct SimulatedEngine: Sendable {
    package struct Container: Sendable, Hashable {
        package var id: String
        package var name: String
        package var uuid: String
        package var state: ContainerState
        package var startedAt = ""
        /// The number of the create call that made it; 0 for containers that were there before.
        package var creation = 0
        /// The states in which it was left when it was started, oldest first.
        package var starts = 0
        /// The volumes that it uses and that a plug-in has mounted.
        package var mounts: Set<String> = []
        /// The volumes of the engine that it uses, by name.
        package var volumes: Set<String> = []
        /// Since it was last started, somebody stopped it or asked for it to be stopped.
        package var wasStopped = true

        package var summary: ContainerSummary {
            ContainerSummary(
                id: id, name: name, state: state, instanceUUID: uuid, mountSources: mounts.map { "/mnt/\($0)" })
        }

        package var inspected: InspectedContainer {
            InspectedContainer(
                id: id, state: state, instanceUUID: uuid, startedAt: startedAt,
                raw: [
                    "Id": .string(id), "Name": .string("/\(name)"), "State": ["Status": .string(state.rawValue)],
                ])
        }
    }

    package struct Volume: Sendable, Hashable {
        package var driver: String
        package var mountpoint: String

        package init(driver: String, mountpoint: String) {
            self.driver = driver
            self.mountpoint = mountpoint
        }
    }

    /// How the engine treats one call.
    package enum Fault: Sendable, Hashable, CaseIterable {
        case none
        /// Not reached.
        case unavailable
        /// Never arrived, and nobody knows.
        case lostRequest
        /// Done, and nobody knows.
        case lostAnswer
        case refusedByUser
        case conflict
        case notFound
        case failedBefore
        /// Done, and then reported as failed.
        case failedAfter
    }

    package var containers: [String: Container] = [:]
    package var volumes: [String: Volume] = [:]
    package var images: Set<String> = []
    /// Images that the registry has; `nil` for all.
    package var registry: Set<String>?
    /// The state of a container after its start.
    package var stateAfterStart = ContainerState.running
    /// What a stop leaves behind; `nil` for a container that does not listen.
    package var stopWorks = true
    package var killWorks = true
    package var volumesInUse: Set<String> = []
    /// Drivers of storage plug-ins.
    package var plugins: Set<String> = []
    /// Those of them that leave the mount to the engine, and only attach.
    package var inflexible: Set<String> = []
    /// How the program for the host's configuration ends.
    package var configurationExitCode = 0
    /// Volumes that plug-ins keep, with what they are.
    package var kept: Set<String> = []
    package var mounted: Set<String> = []
    /// Volumes that the plug-in cannot mount.
    package var unmountable: Set<String> = []
    /// Volumes that were taken away from under a living container.
    package var tornAway: [String] = []
    /// What is found for a container without a network of the engine; `nil` if nothing ever comes.
    package var address: String? = "10.42.0.5"
    package var clock = 0
    package var creations = 0
    package var pulls = 0
    /// Containers that were started although they had been started and had ended since.
    package var runTwice: [String] = []
    /// A volume of the engine that a container uses is not removed.
    package var volumesAreHeld = false
    private var calls: [(operation: Operation, fault: Fault)] = []

    /// The last calls, in words.
    package var log: [String] { calls.map { "\($0.operation) \($0.fault)" } }

    package init() {}

    /// Puts a container there by hand.
    @discardableResult
    package mutating func add(
        _ id: String, uuid: String, name: String = "", _ state: ContainerState
    ) -> Container {
        clock += 1
        var container = Container(id: id, name: name.isEmpty ? "by-hand-\(id)" : name, uuid: uuid, state: state)
        if state != .created { container.startedAt = "t\(clock)" }
        containers[id] = container
        return container
    }

    package func containers(of uuid: String) -> [Container] {
        containers.values.filter { $0.uuid == uuid }.sorted { $0.id < $1.id }
    }

    package var summaries: [ContainerSummary] { containers.values.map(\.summary).sorted { $0.id < $1.id } }

    /// Does what is asked, as far as the fault lets it.
    package mutating func perform(_ operation: Operation, _ fault: Fault = .none) -> OperationOutcome {
        calls.append((operation, fault))
        if calls.count > 200 { calls.removeFirst(100) }
        switch fault {
        case .none: return honest(operation)
        case .unavailable: return .unavailable("cannot connect to the engine")
        case .lostRequest: return .unknown("no answer in time")
        case .lostAnswer:
            _ = honest(operation)
            return .unknown("no answer in time")
        case .refusedByUser: return .refused(Refusal(message: "bad parameter", status: 400))
        case .conflict: return .refused(Refusal(message: "conflict", status: 409))
        case .notFound: return .refused(Refusal(message: "no such thing", status: 404))
        case .failedBefore: return .refused(Refusal(message: "server error", status: 500))
        case .failedAfter:
            _ = honest(operation)
            return .refused(Refusal(message: "server error", status: 500))
        }
    }

    private mutating func honest(_ operation: Operation) -> OperationOutcome {
        clock += 1
        switch operation {
        case .findContainer(let identity): return .container(find(identity)?.inspected)
        case .inspectContainer(let id, let name):
            return .container((containers[id] ?? containers.values.first { $0.name == name })?.inspected)
        case .createContainer(let specification, let mountpoints): return create(specification, mountpoints)
        case .detectAddress(let id): return findAddress(of: id)
        case .startContainer(let id): return start(id)
        case .stopContainer(let id, _): return end(id, stopWorks)
        case .killContainer(let id): return end(id, killWorks)
        case .removeContainer(let id, _):
            guard let container = containers[id] else { return .container(nil) }
            if container.state.isAlive {
                return .refused(Refusal(message: "container \(id) is running", status: 409))
            }
            if container.state == .removing {
                return .refused(Refusal(message: "removal of container \(id) is in progress", status: 409))
            }
            containers[id] = nil
            return .removed
        case .inspectVolume(let specification):
            if plugins.contains(specification.driver), !inflexible.contains(specification.driver) {
                return .keptByPlugin
            }
            return .volume(volume(specification.name))
        case .callPlugin(let call, let specification): return perform(call, specification)
        case .createVolume(let specification):
            if volumes[specification.name] == nil {
                volumes[specification.name] = Volume(
                    driver: specification.driver, mountpoint: "/volumes/\(specification.name)")
            }
            return .volume(volume(specification.name))
        case .removeVolume(let name, _):
            let isHeld = volumesAreHeld && containers.values.contains { $0.volumes.contains(name) }
            if volumesInUse.contains(name) || isHeld {
                return .refused(Refusal(message: "remove \(name): volume is in use", status: 409))
            }
            volumes[name] = nil
            return .removed
        case .inspectImage(let reference): return .image(image(reference))
        case .pullImage(let reference, _):
            pulls += 1
            if let registry, !registry.contains(reference) {
                return .refused(Refusal(message: "manifest for \(reference) not found", status: 404))
            }
            images.insert(reference)
            return .image(image(reference))
        case .tagImage(let reference, let tagged):
            guard images.contains(reference) else { return .image(nil) }
            images.insert(tagged)
            return .image(image(tagged))
        case .removeImage(let reference):
            images.remove(reference)
            return .removed
        case .buildImage(let build):
            images.insert(build.tag)
            return .image(image(build.tag))
        case .updateConfiguration: return .configurationUpdated(exitCode: configurationExitCode, output: "said so")
        }
    }

    private func find(_ identity: ContainerIdentity) -> Container? {
        for id in identity.ids { if let container = containers[id] { return container } }
        return identity.uuid.isEmpty ? nil : containers(of: identity.uuid).first
    }

    private mutating func perform(_ call: PluginCall, _ volume: VolumeSpecification) -> OperationOutcome {
        guard plugins.contains(volume.driver) else { return .noPlugin }
        switch call {
        case .create: kept.insert(volume.name)
        case .attach: break
        case .mount:
            if unmountable.contains(volume.name) {
                return .refused(Refusal(message: "cannot mount \(volume.name)"))
            }
            mounted.insert(volume.name)
            return .pluginDone(mountpoint: "/mnt/\(volume.name)")
        case .unmount, .remove:
            // A container that was started while it was not mounted has nothing of it.
            let isUsed = containers.values.contains { $0.state.isAlive && $0.mounts.contains(volume.name) }
            if isUsed, mounted.contains(volume.name) {
                tornAway.append(volume.name)
            }
            mounted.remove(volume.name)
            if call == .remove { kept.remove(volume.name) }
        }
        return .pluginDone(mountpoint: "")
    }

    private func findAddress(of id: String) -> OperationOutcome {
        guard let container = containers[id] else { return .address("", nil) }
        guard container.state == .running || container.state == .paused else {
            return .address("", container.inspected)
        }
        return .address(address ?? "", container.inspected)
    }

    private mutating func create(
        _ specification: InstanceSpecification, _ mountpoints: [String: String]
    ) -> OperationOutcome {
        if let owner = containers.values.first(where: { $0.name == specification.containerName }) {
            return .nameTaken(by: owner.inspected)
        }
        guard images.contains(specification.container.image) else {
            return .imageMissing("Error: No such image: \(specification.container.image)")
        }
        creations += 1
        let id = "c\(creations)-\(specification.uuid)"
        containers[id] = Container(
            id: id, name: specification.containerName, uuid: specification.uuid, state: .created, creation: creations,
            mounts: Set(mountpoints.keys).intersection(specification.volumes.map(\.name)),
            volumes: Set(
                specification.container.dataVolumes.compactMap { $0.split(separator: ":").first }.map(String.init)))
        return .created(id: id)
    }

    private mutating func start(_ id: String) -> OperationOutcome {
        guard var container = containers[id] else {
            return .refused(Refusal(message: "No such container: \(id)", status: 404))
        }
        switch container.state {
        case .running, .paused, .restarting: return .container(container.inspected)
        case .removing, .dead:
            return .refused(Refusal(message: "container is marked for removal", status: 409))
        case .created, .exited: break
        }
        if container.starts > 0, !container.wasStopped { runTwice.append(id) }
        container.starts += 1
        container.wasStopped = false
        container.state = stateAfterStart
        container.startedAt = "t\(clock)"
        containers[id] = container
        return .container(container.inspected)
    }

    private mutating func end(_ id: String, _ works: Bool) -> OperationOutcome {
        guard var container = containers[id] else { return .container(nil) }
        container.wasStopped = true
        if works, container.state.isAlive { container.state = .exited }
        containers[id] = container
        return .container(container.inspected)
    }

    private func volume(_ name: String) -> InspectedVolume? {
        volumes[name].map { InspectedVolume(driver: $0.driver, mountpoint: $0.mountpoint) }
    }

    private func image(_ reference: String) -> JSON? {
        guard images.contains(reference) else { return nil }
        return ["Id": .string("sha256:\(reference)")]
    }
}
