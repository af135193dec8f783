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

    func run() async throws {
        await ServiceLifecycle.cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                let (lists, list) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                group.addTask { for await _ in lists { _ = try? await facts.learn() } }
                await observer.run { sight in
                    switch sight {
                    case .list(let containers):
                        queue.push(.containers(containers))
                        list.yield()
                    case .changed(let container): queue.push(.containerChanged(container))
                    case .gone(let id): queue.push(.containerGone(id: id))
                    case .lost: queue.push(.engineLost)
                    }
                }
                list.finish()
            }
        }
    }
}
