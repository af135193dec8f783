internal import AsyncHTTPClient
internal import ContainerNetwork
internal import DockerEngine
internal import FoundationEssentials
internal import Glibc
internal import Health
internal import HostInfo
internal import Logging
internal import Model
internal import NIOCore
internal import NIOPosix
internal import RancherAPI
internal import Reconciler
internal import Runtime
internal import ServiceLifecycle
internal import StoragePlugin
internal import Store
internal import UnixSignals

/// The daemon: all its parts, and the order in which they are started and stopped.
package enum AgentDaemon {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: ``AgentFault`` if it cannot even begin.
    package static func run(
        registrationURL: String?, listen: String? = nil, logFormat: String? = nil, version: String
    ) async throws {
        MemoryTrim.configureAllocator()
        // One loop does all the network's work but the engine's: it is little, and each more is a thread.
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 1
        // Otherwise the C library asks for every line of the log whether the host has moved to another time zone.
        setenv("TZ", ":/etc/localtime", 0)
        let configuration = AgentConfiguration(
            environment: ProcessInfo.processInfo.environment, registrationURL: registrationURL, listen: listen,
            logFormat: logFormat)
        let levels = LogLevels(debug: configuration.logsDebug)
        let output = LogOutput.standard(configuration.logFormat)
        // What is thrown from here on is told when all that was logged is told.
        defer { output.flush(within: lastWords) }
        LoggingSystem.bootstrap {
            AgentLogHandler(label: $0, format: configuration.logFormat, levels: levels, output: output)
        }
        let logger = Logger(label: "rancher-agent")
        if let fault = configuration.fault { throw AgentFault(fault) }
        for warning in configuration.warnings { logger.warning("setting ignored", metadata: ["reason": "\(warning)"]) }
        logger.info(
            "starting", metadata: ["version": "\(version)", "state": "\(configuration.stateDirectory)"])
        let directory = try StateDirectory(path: configuration.stateDirectory)
        try await run(configuration, directory, version, levels, output, logger)
    }

    /// How long the end of the process waits for somebody to read the rest of the log.
    private static let lastWords = Duration.seconds(1)

    private static func run(
        _ configuration: AgentConfiguration, _ directory: StateDirectory, _ version: String,
        _ levels: LogLevels, _ output: LogOutput, _ logger: Logger
    ) async throws -> Never {
        let limits = AgentLimits()
        // Three threads, so that none of them waits for another: the loop, the engine, and the server with all else.
        let loopGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let engineGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let executors = EffectExecutors(
            engine: EventLoopExecutor(engineGroup.next()),
            server: EventLoopExecutor(MultiThreadedEventLoopGroup.singleton.next()))
        let instruments = Instruments(
            .init(
                loop: loopGroup.next(), engine: engineGroup.next(),
                server: MultiThreadedEventLoopGroup.singleton.next()), cappedAt: configuration.healthLimit,
            isAsked: configuration.listenAddress != nil,
            databasePath: "\(configuration.stateDirectory)/\(Store.fileName)")
        let engine = try engineClient(configuration, engineGroup, instruments, logger)
        let http = try ServerHTTP(
            proxies: configuration.proxies, extraTrustRoots: configuration.authoritiesFile)
        let queue = InputQueue(limit: limits.queuedInputs, byteLimit: limits.queuedBytes)
        let link = ServerLink(limits: limits)
        let containers = ContainerDirectory()
        let facts = EngineFacts(engine: engine)
        let host = HostIdentity(configuration: configuration)
        let codec = RancherCodec(facts: agentFacts(configuration, link, host))
        let figures = HostWatch(
            configuration: configuration, engineDirectory: { facts.last?.rootDirectory ?? "" }, logger: logger)
        let cloud = CloudWatch(configuration: configuration, httpClient: http.straight, logger: logger)
        let pings = PingResponder(
            configuration: configuration, codec: codec,
            sources: .init(directory: containers, engine: facts, host: host, figures: figures, cloud: cloud),
            link: link, limits: limits, metrics: instruments.metrics, part: instruments.pings, logger: logger)
        let loop = MainLoop(
            group: loopGroup, queue: queue, link: link,
            runner: OperationRunner(
                engine: engine, facts: facts, surroundings: try surroundings(configuration, link)),
            executors: executors, limits: limits, instruments: instruments, logger: logger
        ) {
            Reconciler(
                store: try directory.openStore(logger), codec: codec, limits: configuration.reconcilerLimits,
                openStoreAgain: { try directory.openStore(logger) })
        }
        let watch = EngineWatch(
            observer: EngineObserver(
                engine: engine, directory: containers, logger: logger, wantsDetails: { link.dialect != .a },
                onWord: { instruments.engineObserver.showsLife() }),
            facts: facts, queue: queue, executor: executors.engine, instruments: instruments)
        let session = ServerSession(
            configuration: configuration, codec: codec, queue: queue, link: link, pings: pings, host: host,
            http: http, instruments: instruments, logger: logger)
        instruments.show(queue, version: version)
        let health = HealthService(instruments: instruments, address: configuration.listenAddress, logger: logger)
        // Started in this order and stopped in the reverse one: no event comes in any more when the loop ends.
        let levelSwitch = LogLevelSwitch(levels: levels, logger: logger)
        let services: [any Service] = [levelSwitch, health, loop, watch, host, figures, cloud, pings, session]
        var group = ServiceGroupConfiguration(
            services: services.map {
                .init(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        group.maximumGracefulShutdownDuration = .seconds(5)
        var failure: (any Error)?
        do { try await ServiceGroup(configuration: group).run() } catch { failure = error }
        // The process ends here and not by its parts being shut down: a client waits for connections that are being
        // opened, for longer than SIGTERM is given. All that matters is on the disk.
        if let failure {
            logger.critical("the agent cannot go on", metadata: ["error": "\(failure)"])
            output.flush(within: lastWords)
            let report = LogOutput(.error) { _ in "" }
            report.write("Error: \(failure)\n")
            report.flush(within: lastWords)
            exit(1)
        }
        logger.info("stopped")
        output.flush(within: lastWords)
        exit(0)
    }

    private static func agentFacts(
        _ configuration: AgentConfiguration, _ link: ServerLink, _ host: HostIdentity
    ) -> AgentFacts {
        var facts = AgentFacts()
        facts.proxyVariables = configuration.proxyVariables
        let given = [configuration.configurationURL, configuration.url].first { !$0.isEmpty }.map {
            // Where the schemas are, is where everything else is (PROTOCOL 1.3).
            $0.hasSuffix("/schemas") ? String($0.dropLast("schemas".count)) : $0
        }
        facts.configurationURL = { given ?? link.credentials?.url.description ?? "" }
        facts.proxyPort = configuration.apiProxyPort
        facts.hostAddress = { host.reportedAddress }
        facts.updatesAgent = configuration.updatesAgent
        return facts
    }

    private static func surroundings(
        _ configuration: AgentConfiguration, _ link: ServerLink
    ) throws -> Surroundings {
        var surroundings = Surroundings()
        surroundings.resolverFile = configuration.hostRoots.etc + "/resolv.conf"
        let stateDirectory = configuration.stateDirectory
        surroundings.tellsImagePorts = { link.dialect != .a }
        surroundings.defaultDisk = { IOPSInfo.defaultDisk(stateDirectory: stateDirectory) }
        var deadlines = StoragePluginDeadlines()
        if let deadline = configuration.dockerDeadline { deadlines = deadlines.capped(at: deadline) }
        surroundings.plugins = StoragePlugins(
            directory: configuration.storagePluginDirectory,
            httpClient: HTTPClient(configuration: StoragePlugins.clientConfiguration), deadlines: deadlines)
        // Network plug-ins know nothing of where this agent keeps its state.
        surroundings.addresses = AddressLookup(
            stateDirectories: [stateDirectory, AddressLookup.defaultStateDirectory],
            procRoot: configuration.hostRoots.proc)
        surroundings.configurationProgram = ConfigurationProgram(
            path: configuration.configurationProgram, directory: configuration.home
        ) {
            var environment = ProcessInfo.processInfo.environment
            environment["CATTLE_HOME"] = configuration.home
            // What is set twice would be taken as it was set first (PROTOCOL 12.3 no. 85).
            environment["CATTLE_ACCESS_KEY"] = link.credentials?.accessKey ?? configuration.accessKey
            environment["CATTLE_SECRET_KEY"] = link.credentials?.secretKey ?? configuration.secretKey
            if environment["CATTLE_URL"]?.isEmpty ?? true {
                environment["CATTLE_URL"] = link.credentials?.url.description
            }
            return environment
        }
        return surroundings
    }

    private static func engineClient(
        _ configuration: AgentConfiguration, _ group: MultiThreadedEventLoopGroup, _ instruments: Instruments,
        _ logger: Logger
    ) throws -> EngineClient {
        let endpoint = try EngineEndpoint(
            dockerHost: configuration.dockerHost, certificatePath: configuration.dockerCertificatePath,
            verifyTLS: configuration.dockerTLSVerify)
        let deadlines = configuration.dockerDeadline.map { Deadlines().capped(at: $0) } ?? Deadlines()
        return try EngineClient(
            endpoint: endpoint, deadlines: deadlines,
            preferredVersion: configuration.dockerAPIVersion.flatMap { APIVersion($0) }, logger: logger,
            eventLoopGroup: group, onCall: instruments.onEngineCall)
    }
}
