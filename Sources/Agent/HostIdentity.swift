internal import Deadline
internal import HostInfo
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// The name and the address of this host. The resolver may take its time, or for ever; whoever asks here does not wait
/// for it and gets what was known last.
final class HostIdentity: Service {
    private struct Known {
        var hostname: String
        var address: String?
        /// The address that the server saw this host at, learned at registration.
        var seenByServer = ""
        var uuids: HostUUIDs?
    }

    private let configuration: AgentConfiguration
    private let known: Mutex<Known>
    private let isAsking = Atomic(false)
    private let (wishes, wish) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private static let refreshInterval = Duration.seconds(60)

    init(configuration: AgentConfiguration) {
        self.configuration = configuration
        known = Mutex(Known(hostname: configuration.hostname ?? HostFacts.plainHostname()))
    }

    var hostname: String { known.withLock { $0.hostname } }

    /// `nil` as long as it is unknown.
    var address: String? { known.withLock { $0.address } }

    /// The name or address by which this host is reported with the ports of a container; empty as long as it is unknown.
    var reportedAddress: String {
        let seenByServer = known.withLock { $0.seenByServer }
        return [configuration.dockerHostIP, configuration.agentIP, seenByServer].first { !$0.isEmpty } ?? ""
    }

    /// What identifies this host to servers of dialect B, read or made when it is first asked for.
    ///
    /// - Throws: `HostInfoError`, or `BlockingCallError` if the disk does not answer.
    func uuids() async throws -> HostUUIDs {
        if let uuids = known.withLock({ $0.uuids }) { return uuids }
        let place = configuration.uuids
        let uuids = try await uuidReads.run(within: Self.uuidDeadline) {
            // Two at once must not make two different ones.
            Self.making.withLock { _ in Result { () throws(HostInfoError) in try HostUUIDs(place) } }
        }.get()
        known.withLock { $0.uuids = uuids }
        return uuids
    }

    private let uuidReads = BlockingCalls(limit: 4)
    private static let making = Mutex(())
    /// A thousand times what a disk needs.
    private static let uuidDeadline = Duration.seconds(10)

    /// The server told at registration where it sees this host.
    func learned(address: String) {
        known.withLock { $0.seenByServer = address }
        wish.yield()
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while true {
                        self.wish.yield()
                        try await Task.sleep(for: Self.refreshInterval)
                    }
                }
                for await _ in self.wishes { self.refresh() }
                group.cancelAll()
            }
        }
    }

    /// Asks the resolver on a thread of its own, and waits for nothing: it blocks for as long as it likes.
    private func refresh() {
        guard !isAsking.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let seenByServer = known.withLock { $0.seenByServer }
        let names = [configuration.dockerHostIP, configuration.agentIP, seenByServer]
        let configured = configuration.hostname
        NIOThreadPool.singleton.submit { state in
            defer {
                self.isAsking.store(false, ordering: .releasing)
                // What was learned meanwhile has to be asked for as well.
                if self.known.withLock({ $0.seenByServer }) != seenByServer { self.wish.yield() }
            }
            guard case .active = state else { return }
            let address = names.first { !$0.isEmpty }.flatMap(HostFacts.address(of:))
            self.known.withLock { $0.address = address ?? $0.address }
            let hostname = configured ?? HostFacts.hostname()
            self.known.withLock { $0.hostname = hostname }
        }
    }
}
