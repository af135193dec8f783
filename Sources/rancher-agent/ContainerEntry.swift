import Agent
import Bootstrap
import DockerEngine
import FoundationEssentials
import Logging
import Model

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The entry point of the agent's image: `rancher-agent container …`, in front of the words of `docker run`.
enum ContainerEntry {
    /// The first argument that leads here.
    static let word = "container"

    /// Does what the words say.
    ///
    /// - Returns: The words for the command line, if they are meant for it; nothing is left to be done without.
    static func run(_ words: [String]) async throws -> [String]? {
        let environment = ProcessInfo.processInfo.environment
        switch EntryMode(words: words, environment: environment) {
        case .launch(let url):
            try await withEngine(environment) { engine, logger in
                try await launcher(environment, engine, logger).launch(url: url)
            }
        case .nothingToRegister:
            say("INFO: RANCHER_URL is not set: nothing to register")
        case .upgrade:
            try await withEngine(environment) { engine, logger in
                try await launcher(environment, engine, logger).upgrade()
            }
        case .inspectHost:
            for line in try await HostInspection(environment: environment).run().lines { say(line) }
        case .prepareState:
            let directory = AgentConfiguration(environment: environment).stateDirectory
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            say("INFO: The state directory is \(directory)")
        case .run(let flags):
            allowInterruption(true)
            let variables = try await withEngine(environment) { engine, logger in
                await Preparation(environment: environment, engine: engine, logger: logger, say: say).run()
            }
            for (name, value) in variables { setenv(name, value, 1) }
            // From its first instruction: the agent sets up the process as it needs it.
            try become("/proc/self/exe", [CommandLine.arguments[0], "run"] + flags)
        case .execute(let words):
            guard let program = words.first else { throw BootstrapError("No program stands behind the --") }
            try become(program, words)
        case .command(let words):
            return words
        }
        return nil
    }

    /// Does away with the agent's predecessor when the agent has run for a while, in its container; does nothing
    /// elsewhere.
    static func outlivePredecessor() async {
        let environment = ProcessInfo.processInfo.environment
        guard let own = environment[Outliving.variable], !own.isEmpty else { return }
        do {
            // The process is set up meanwhile, its log above all.
            try await Task.sleep(for: Outliving.after)
            try await withEngine(environment) { engine, _ in
                try await Outliving(own: own, engine: engine, logger: Logger(label: "rancher-agent")).run()
            }
        } catch is CancellationError {
            // So is the agent.
        } catch {
            Logger(label: "rancher-agent").warning("earlier agents not removed", metadata: ["error": "\(error)"])
        }
    }

    private static func launcher(_ environment: [String: String], _ engine: EngineClient, _ logger: Logger) -> Launcher
    {
        var launcher = Launcher(environment: environment, engine: engine, logger: logger, say: say)
        launcher.allowInterruption = allowInterruption
        allowInterruption(true)
        return launcher
    }

    /// The first process of a container only ends at signals that it asks for.
    @Sendable private static func allowInterruption(_ isAllowed: Bool) {
        for number in [SIGINT, SIGTERM] {
            signal(number, isAllowed ? { _exit(128 + $0) } : SIG_IGN)
        }
    }

    private static func withEngine<Value>(
        _ environment: [String: String], _ body: (EngineClient, Logger) async throws -> Value
    ) async throws -> Value {
        let configuration = AgentConfiguration(environment: environment)
        let logger = Logger(label: "rancher-agent") { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = configuration.logsDebug ? .debug : .warning
            return handler
        }
        let engine = try EngineClient(
            endpoint: try EngineEndpoint(
                dockerHost: configuration.dockerHost, certificatePath: configuration.dockerCertificatePath,
                verifyTLS: configuration.dockerTLSVerify),
            preferredVersion: configuration.dockerAPIVersion.flatMap { APIVersion($0) }, logger: logger)
        let result: Result<Value, any Error>
        do { result = .success(try await body(engine, logger)) } catch { result = .failure(error) }
        await engine.shutdown()
        return try result.get()
    }

    /// Goes on as another program.
    private static func become(_ program: String, _ words: [String]) throws {
        var texts: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execvp(program, &texts)
        throw BootstrapError("\(program) cannot be run: \(String(cString: strerror(errno)))")
    }

    /// At once, into a pipe as well.
    @Sendable private static func say(_ line: String) { StandardStream.output.writeLine(line) }
}
