internal import FoundationEssentials
internal import Logging
internal import Model
internal import RancherAPI
internal import Runtime
internal import ServiceLifecycle
internal import Synchronization

/// Answers pings, from what is known already: no call to the engine, no look into the store, no waiting for anybody.
final class PingResponder: Service {
    private let configuration: AgentConfiguration
    private let codec: DialectACodec
    private let sources: Sources
    private let link: ServerLink
    private let limits: AgentLimits
    private let logger: Logger
    private let pings: AsyncStream<(EventHeader, PingOptions)>
    private let intake: AsyncStream<(EventHeader, PingOptions)>.Continuation
    private let inHand = Mutex<Set<String>>([])

    /// Who knows what a ping asks for. All of them answer at once.
    struct Sources: Sendable {
        let directory: ContainerDirectory
        let engine: EngineFacts
        let host: HostIdentity
        let figures: HostWatch
        let cloud: CloudWatch
    }

    init(
        configuration: AgentConfiguration, codec: DialectACodec, sources: Sources, link: ServerLink,
        limits: AgentLimits, logger: Logger
    ) {
        self.configuration = configuration
        self.codec = codec
        self.sources = sources
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
        let body = reply(to: event, options)
        let start = ContinuousClock.now
        while ContinuousClock.now - start < limits.pingAge, !Task.isCancelled {
            do {
                return try await link.send(body)
            } catch {
                logger.debug("ping not answered", metadata: ["event": "\(event.id)", "error": "\(error)"])
                // The next ping comes in seconds: one that the server refuses must not take the place of others.
                guard (error as? RancherError)?.isRetryable == true else { return }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// The whole answer, from what is known.
    func reply(to event: EventHeader, _ options: PingOptions) -> String {
        let report = report(options)
        return codec.pingReply(
            to: event, resources: report.resources, instancesComplete: report.isComplete, hashKey: report.digest,
            messageID: UUID().uuidString.lowercased(), at: .now)
    }

    /// The resources that a ping asks for, as they are known now.
    func report(_ options: PingOptions) -> PingReport {
        guard configuration.pingsWithResources else { return PingReport() }
        var report = PingReport()
        if options.resources {
            let facts = PingReport.KnownHost(
                hostname: sources.host.hostname, address: sources.host.address, engine: sources.engine.last,
                snapshot: sources.figures.snapshot, cloudLabels: sources.cloud.labels)
            report.add(host: facts, configuration, stats: options.stats)
            if options.stats { sources.figures.refresh() }
        }
        if options.instances {
            let (containers, isComplete) = sources.directory.contents
            // An incomplete list would make the server forget containers (PROTOCOL 10.2), so then there is none.
            if isComplete { report.add(all: containers) }
        }
        return report
    }
}
