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

    func run() async throws {
        await withTaskExecutorPreference(executor) { await watch() }
    }

    private func watch() async {
        await ServiceLifecycle.cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                let (lists, list) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                group.addTask { for await _ in lists { _ = try? await facts.learn() } }
                await observer.run { sight in
                    switch sight {
                    case .list(let containers):
                        queue.push(.containers(containers))
                        list.yield()
                    case .changed(let container): queue.pushPatiently(.containerChanged(container))
                    case .gone(let id): queue.pushPatiently(.containerGone(id: id))
                    case .lost: queue.push(.engineLost)
                    }
                }
                list.finish()
            }
        }
    }
}
