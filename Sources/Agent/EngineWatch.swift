internal import Health
internal import Logging
internal import Model
internal import Reconciler
internal import Runtime
internal import ServiceLifecycle

/// Tells the loop what the observer sees.
struct EngineWatch: Service {
    let observer: EngineObserver
    let facts: EngineFacts
    let queue: InputQueue
    /// The thread on which the engine's socket is read: an event comes to the queue without waking another one.
    let executor: EventLoopExecutor
    let instruments: Instruments

    func run() async throws {
        await withTaskExecutorPreference(executor) { await watch() }
    }

    private func watch() async {
        await ServiceLifecycle.cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                let (lists, list) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                group.addTask { for await _ in lists { _ = try? await facts.learn() } }
                instruments.engineObserver.showsLife()
                await observer.run { sight in
                    // A list, a change, or that there is none: it has got on.
                    instruments.engineObserver.showsLife()
                    switch sight {
                    case .list(let containers):
                        instruments.engineObserver.isReady = true
                        queue.push(.containers(containers))
                        list.yield()
                    case .changed(let container): queue.pushPatiently(.containerChanged(container))
                    case .gone(let id): queue.pushPatiently(.containerGone(id: id))
                    case .lost:
                        // Each failed try to watch it again is told as well.
                        if instruments.engineObserver.isReady { instruments.metrics.count(.engineLosses) }
                        instruments.engineObserver.isReady = false
                        queue.push(.engineLost)
                    }
                }
                list.finish()
            }
        }
    }
}
