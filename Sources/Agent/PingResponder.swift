internal import FoundationEssentials
internal import HostInfo
internal import Logging
internal import LosslessJSON
internal import Model
internal import RancherAPI
internal import Runtime
internal import ServiceLifecycle
internal import Synchronization

/// Answers pings, from what is known already: no call to the engine, no look into the store, no waiting for anybody.
final class PingResponder: Service {
    private let configuration: AgentConfiguration
    private let codec: DialectACodec
    private let directory: ContainerDirectory
    private let engineFacts: EngineFacts
    private let host: HostIdentity
    private let link: ServerLink
    private let limits: AgentLimits
    private let logger: Logger
    private let pings: AsyncStream<(EventHeader, PingOptions)>
    private let intake: AsyncStream<(EventHeader, PingOptions)>.Continuation
    private let inHand = Mutex<Set<String>>([])

    init(
        configuration: AgentConfiguration, codec: DialectACodec, directory: ContainerDirectory,
        engineFacts: EngineFacts, host: HostIdentity, link: ServerLink, limits: AgentLimits, logger: Logger
    ) {
        self.configuration = configuration
        self.codec = codec
        self.directory = directory
        self.engineFacts = engineFacts
        self.host = host
        self.link = link
        self.limits = limits
        self.logger = logger
        // Of more pings than this the oldest are void by now.
        (pings, intake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(limits.pings))
    }

    /// Takes a ping; a copy of one that is being answered is dropped.
    func received(_ event: EventHeader, _ options: PingOptions) {
        let isNew = inHand.withLock { $0.count < limits.pings && $0.insert(event.id).inserted }
        guard event.replyTo != nil, isNew else { return }
        if case .dropped(let (old, _)) = intake.yield((event, options)) {
            _ = inHand.withLock { $0.remove(old.id) }
        }
    }

    func run() async throws {
        await withDiscardingTaskGroup { group in
            for await (event, options) in pings.cancelOnGracefulShutdown() {
                group.addTask { await self.answer(event, options) }
            }
            group.cancelAll()
        }
    }

    private func answer(_ event: EventHeader, _ options: PingOptions) async {
        defer { _ = inHand.withLock { $0.remove(event.id) } }
        let (resources, isComplete) = report(options)
        let body = codec.pingReply(
            to: event, resources: resources, instancesComplete: isComplete,
            messageID: UUID().uuidString.lowercased(), at: .now)
        let start = ContinuousClock.now
        while ContinuousClock.now - start < limits.pingAge, !Task.isCancelled {
            do {
                return try await link.send(body)
            } catch {
                logger.debug("ping not answered", metadata: ["event": "\(event.id)", "error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// The resources that a ping asks for, and whether all containers are among them (PROTOCOL 10.2).
    func report(_ options: PingOptions) -> (resources: [JSON], isComplete: Bool) {
        guard configuration.pingsWithResources else { return ([], false) }
        var resources: [JSON] = []
        if options.resources { resources += hostResources() }
        guard options.instances else { return (resources, false) }
        let (containers, isComplete) = directory.contents
        // An incomplete list would make the server forget containers (PROTOCOL 10.2), so then there is none.
        guard isComplete else { return (resources, false) }
        // Created containers are reported as well: the server takes those it knows and does not find for gone.
        resources += containers.map { container in
            [
                "type": "instance", "state": .string(container.state.isReportedRunning ? "running" : "stopped"),
                "externalId": .string(container.id),
            ]
        }
        return (resources, true)
    }

    private func hostResources() -> [JSON] {
        let hostname = self.host.hostname
        var host = JSONObject()
        host["type"] = "host"
        host["kind"] = "docker"
        host["hostname"] = .string(hostname)
        if !configuration.nodeName.isEmpty { host["nodeName"] = .string(configuration.nodeName) }
        let createLabels = configuration.hostLabels.merging(configuration.schedulerLabels) { _, scheduler in scheduler }
        if !createLabels.isEmpty { host["createLabels"] = JSON(createLabels) }
        host["labels"] = JSON(labels())
        if !configuration.hostAPIProxy.isEmpty { host["apiProxy"] = .string(configuration.hostAPIProxy) }
        if let memory = configuration.memoryOverride { host["memory"] = .integer(memory) }
        if let milliCPU = configuration.milliCPUOverride { host["milliCpu"] = .integer(milliCPU) }
        if let storage = configuration.localStorageOverride { host["localStorageMb"] = .integer(storage) }
        if !configuration.physicalHostUUID.isEmpty {
            host["machineServiceRegistrationUuid"] = .string(configuration.physicalHostUUID)
        }
        let pool: JSON = ["type": "storagePool", "kind": "docker", "name": .string("\(hostname) Storage Pool")]
        guard let address = self.host.address else { return [.object(host), pool] }
        // The misspelled key is the one that old servers were sent (PROTOCOL 12.4 no. 92).
        let ip: JSON = [
            "type": "ipAddress", "uuid": .string(address), "addresss": .string(address), "address": .string(address),
        ]
        return [.object(host), pool, ip]
    }

    private func labels() -> [String: String] {
        var labels = ["io.rancher.host.agent_image": configuration.agentImage]
        if let version = engineFacts.last?.version, !version.isEmpty {
            labels["io.rancher.host.docker_version"] = HostFacts.shortVersion(version)
        }
        let kernel = HostFacts.kernelRelease()
        if !kernel.isEmpty { labels["io.rancher.host.linux_kernel_version"] = HostFacts.shortVersion(kernel) }
        if HostFacts.hasKVM() { labels["io.rancher.host.kvm"] = "true" }
        return labels
    }
}

extension ContainerState {
    /// How the server is told (PROTOCOL 10.2): a paused container counts as running, a restarting one as stopped.
    fileprivate var isReportedRunning: Bool {
        switch self {
        case .running, .paused: true
        case .created, .restarting, .removing, .exited, .dead: false
        }
    }
}
