internal import FoundationEssentials
internal import Health
internal import HostInfo
internal import Logging
internal import Model
internal import RancherAPI
internal import Runtime
internal import ServiceLifecycle
internal import Synchronization

/// Answers pings, from what is known already: no call to the engine, no look into the store, no waiting for anybody.
final class PingResponder: Service {
    private let configuration: AgentConfiguration
    private let codec: RancherCodec
    private let sources: Sources
    private let link: ServerLink
    private let limits: AgentLimits
    private let metrics: Metrics
    private let part: Part?
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
        configuration: AgentConfiguration, codec: RancherCodec, sources: Sources, link: ServerLink,
        limits: AgentLimits, metrics: Metrics = Metrics(isKept: false), part: Part? = nil, logger: Logger
    ) {
        self.configuration = configuration
        self.codec = codec
        self.sources = sources
        self.link = link
        self.limits = limits
        self.metrics = metrics
        self.part = part
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
        let work = part?.began()
        defer {
            if let work { part?.ended(work) }
            _ = inHand.withLock { $0.remove(event.id) }
        }
        let start = ContinuousClock.now
        var written: String?
        while ContinuousClock.now - start < limits.pingAge, !Task.isCancelled {
            do {
                let body: String
                if let written { body = written } else { body = try await write(event, options) }
                written = body
                try await link.send(body)
                metrics.count(.pings)
                return
            } catch {
                logger.debug("ping not answered", metadata: ["event": "\(event.id)", "error": "\(error)"])
                // The next ping comes in seconds: one that the server refuses must not take the place of others.
                guard (error as? RancherError)?.isRetryable == true else { return }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// In the words of the server that asks.
    private func write(_ event: EventHeader, _ options: PingOptions) async throws -> String {
        switch try await link.knownDialect() {
        case .a: return reply(to: event, options)
        case .b:
            var uuids: HostUUIDs?
            do { uuids = try await sources.host.uuids() } catch {
                logger.error("this host's identity is not to be had", metadata: ["error": "\(error)"])
            }
            // Without its identity the server would take this for another host: it is told nothing then.
            return reply(to: event, uuids == nil ? PingOptions() : options, .b, uuids)
        }
    }

    /// The whole answer, from what is known.
    ///
    /// - Parameter uuids: What identifies this host, in dialect B.
    func reply(
        to event: EventHeader, _ options: PingOptions, _ dialect: Dialect = .a, _ uuids: HostUUIDs? = nil
    ) -> String {
        let report = report(options, uuids)
        return codec.pingReply(
            to: event, in: dialect, resources: report.resources, instancesComplete: report.isComplete,
            hashKey: report.digest,
            messageID: UUID().uuidString.lowercased(), at: .now)
    }

    /// The resources that a ping asks for, as they are known now.
    func report(_ options: PingOptions, _ uuids: HostUUIDs? = nil) -> PingReport {
        guard configuration.pingsWithResources else { return PingReport() }
        var report = PingReport(uuids: uuids)
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
