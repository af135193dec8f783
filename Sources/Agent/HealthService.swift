internal import Health
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// Looks every few seconds whether all parts get on, says in the log what does not, and answers those who ask.
struct HealthService: Service {
    let instruments: Instruments
    /// `nil` answers nobody.
    let address: ListenAddress?
    let logger: Logger

    static let interval = Duration.seconds(5)
    /// Before the next try to listen where somebody else does.
    private static let pause = Duration.seconds(15)

    func run() async throws {
        await ServiceLifecycle.cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await watch() }
                if let address { group.addTask { await listen(on: address) } }
            }
        }
    }

    /// Waits by itself and not with a timer of a thread that it watches.
    private func watch() async {
        var known: Set<String> = []
        while !Task.isCancelled {
            let complaints = instruments.vitals.report().complaints
            for complaint in complaints where !known.contains(complaint.part) {
                logger.error("stuck", metadata: ["part": "\(complaint.part)", "reason": "\(complaint.reason)"])
            }
            let stuck = Set(complaints.map(\.part))
            for part in known.subtracting(stuck).sorted() {
                logger.warning("goes on again", metadata: ["part": "\(part)"])
            }
            known = stuck
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func listen(on address: ListenAddress) async {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = HealthServer(instruments.vitals, instruments.metrics, group: group)
        while !Task.isCancelled {
            do {
                let channel = try await server.listen(on: address)
                let port = channel.localAddress?.port ?? address.port
                logger.info("health can be asked for", metadata: ["address": "\(address.host):\(port)"])
                await withTaskCancellationHandler {
                    try? await channel.closeFuture.get()
                } onCancel: {
                    channel.close(promise: nil)
                }
            } catch {
                logger.error("health cannot be asked for", metadata: ["address": "\(address)", "error": "\(error)"])
                try? await Task.sleep(for: Self.pause)
            }
        }
    }
}
