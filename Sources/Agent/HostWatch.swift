internal import Deadline
internal import HostInfo
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// The figures of this host. They are collected at the start and again after each ping that took them, for the next
/// one: a ping waits for none of it, and an agent that nobody asks does nothing.
final class HostWatch: Service {
    private struct State {
        var snapshot: HostSnapshot?
        /// When the host key could not be had; `nil` if it was not tried yet.
        var keyFailure: ContinuousClock.Instant?
    }

    private let configuration: AgentConfiguration
    private let engineDirectory: @Sendable () -> String
    private let probe: FileSystemProbe
    private let limits: HostLimits
    private let logger: Logger
    private let state = Mutex(State())
    /// Both may hang on a disk; what hangs is not tried again meanwhile.
    private let figureReads = BlockingCalls(limit: 1)
    private let keyReads = BlockingCalls(limit: 1)
    private let (wishes, wish) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// - Parameter engineDirectory: Where the engine keeps its data; empty if unknown.
    init(
        configuration: AgentConfiguration, engineDirectory: @escaping @Sendable () -> String,
        probe: FileSystemProbe = FileSystemProbe(), limits: HostLimits = HostLimits(), logger: Logger
    ) {
        self.configuration = configuration
        self.engineDirectory = engineDirectory
        self.probe = probe
        self.limits = limits
        self.logger = logger
    }

    /// The newest figures; those that take a while are still missing in the first second.
    var snapshot: HostSnapshot? { state.withLock { $0.snapshot } }

    /// Asks for new figures and waits for nothing.
    func refresh() { wish.yield() }

    func run() async throws {
        // Pings without resources ask for nothing.
        if configuration.pingsWithResources { wish.yield() }
        await ServiceLifecycle.cancelWhenGracefulShutdown {
            for await _ in self.wishes {
                let start = ContinuousClock.now
                await self.collect()
                try? await Task.sleep(until: start + self.limits.refreshInterval, clock: .continuous)
            }
        }
    }

    /// Each part is shown as soon as it is there.
    private func collect() async {
        let start = ContinuousClock.now
        let before = CPUTimes(roots: configuration.hostRoots)
        guard var next = await figures() else { return }
        if let last = snapshot {
            next.cpu.percentages = last.cpu.percentages
            next.disk = last.disk
            next.freeStorageMiB = last.freeStorageMiB
            next.key = last.key
        }
        show(next)
        next.disk = await DiskInfo(roots: configuration.hostRoots, probe: probe)
        show(next)
        if next.key == nil { next.key = await key() }
        show(next)
        try? await Task.sleep(until: start + limits.cpuSample, clock: .continuous)
        guard !Task.isCancelled else { return }
        next.cpu.percentages = CPUTimes(roots: configuration.hostRoots).percentages(since: before)
        // Late, for the server keeps the first number that it is told: by now the engine has been met.
        next.freeStorageMiB = await DiskInfo.freeMiB(
            in: engineDirectory(), roots: configuration.hostRoots, probe: probe)
        show(next)
    }

    /// What can be read at once, unless a disk hangs.
    private func figures() async -> HostSnapshot? {
        let (roots, stateDirectory) = (configuration.hostRoots, configuration.stateDirectory)
        do throws(BlockingCallError) {
            return try await figureReads.run(within: limits.readDeadline) {
                HostSnapshot(roots: roots, stateDirectory: stateDirectory)
            }
        } catch {
            if case .timedOut = error { logger.warning("host not looked at", metadata: ["error": "\(error)"]) }
            return nil
        }
    }

    private func show(_ snapshot: HostSnapshot) { state.withLock { $0.snapshot = snapshot } }

    /// Read or made once; after a failure not at every ping.
    private func key() async -> HostKey? {
        let isDue = state.withLock { state in
            guard let failure = state.keyFailure else { return true }
            return .now - failure >= limits.keyInterval
        }
        guard isDue else { return nil }
        let path = configuration.hostKeyPath
        do {
            return try await keyReads.run(within: limits.keyDeadline) {
                Result { () throws(HostInfoError) in try HostKey(path: path) }
            }.get()
        } catch BlockingCallError.tooMany, BlockingCallError.cancelled {
            return nil
        } catch {
            logger.warning("host key not available", metadata: ["error": "\(error)", "path": "\(path)"])
        }
        state.withLock { $0.keyFailure = .now }
        return nil
    }
}

/// How long the collectors take, each with its reason.
struct HostLimits: Sendable {
    /// The time over which processors are watched.
    var cpuSample = Duration.seconds(1)
    /// From one collection to the next, however many pings come.
    var refreshInterval = Duration.seconds(2)
    /// For the files of the kernel and a few small ones to be read.
    var readDeadline = Duration.seconds(5)
    /// For the host key to be read or made: a thousand times what a disk and a processor need.
    var keyDeadline = Duration.seconds(10)
    /// Until a host key that was not to be had is tried again.
    var keyInterval = Duration.seconds(60)
}
