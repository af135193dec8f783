internal import Health
internal import Logging
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Reconciler
internal import Runtime
internal import ServiceLifecycle
internal import Store
internal import Synchronization

/// The one loop: takes what has happened, has it decided and written down, and then sees that it is done.
///
/// It has a thread of its own, because the store is synchronous and a slow disk must not hold up anybody else.
actor MainLoop: Service {
    private nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: any SerialExecutor
    private let queue: InputQueue
    private let link: ServerLink
    private let runner: OperationRunner
    private let executors: EffectExecutors
    private let limits: AgentLimits
    private let instruments: Instruments
    private let logger: Logger
    private var reconciler: Reconciler?
    private let openReconciler: @Sendable () throws -> Reconciler

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter openReconciler: Opens the store, on the loop's own thread, where it then stays.
    init(
        group: MultiThreadedEventLoopGroup, queue: InputQueue, link: ServerLink, runner: OperationRunner,
        executors: EffectExecutors, limits: AgentLimits, instruments: Instruments, logger: Logger,
        openReconciler: @escaping @Sendable () throws -> Reconciler
    ) {
        eventLoop = group.next()
        executor = eventLoop.executor
        self.queue = queue
        self.link = link
        self.runner = runner
        self.executors = executors
        self.limits = limits
        self.instruments = instruments
        self.logger = logger
        self.openReconciler = openReconciler
    }

    func run() async throws {
        reconciler = try openReconciler()
        let stop = StopSign()
        // Where an actor's task goes on after a wait is not the actor's executor but the task's, and from there the
        // actor's: with the same thread for both, whoever puts in wakes this one and no other.
        await withTaskExecutorPreference(EventLoopExecutor(eventLoop)) {
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup { group in
                    group.addTask { [queue] in
                        try? await gracefulShutdown()
                        stop.raise()
                        queue.poke()
                    }
                    await drive(&group, stop)
                    group.cancelAll()
                }
            } onCancel: {
                queue.poke()
            }
        }
        logger.info("loop ended", metadata: ["unanswered": "\(reconciler?.openEventCount ?? 0)"])
        // Closes the store.
        reconciler = nil
    }

    private func drive(_ group: inout DiscardingTaskGroup, _ stop: StopSign) async {
        guard let reconciler else { return }
        var memory = MemoryTrim()
        var gate = FloodGate<ContinuousClock.Instant>(patience: limits.floodPatience)
        dispatch(process([.tick], by: reconciler), in: &group)
        while !Task.isCancelled, !isDone(reconciler, stop.since) {
            var wakeUp = reconciler.nextWakeUp
            if let due = memory.due {
                let time = Timestamp.now + (due - .now)
                wakeUp = wakeUp.map { min($0, time) } ?? time
            }
            let batch = await nextBatch(until: wakeUp, isStopping: stop.since != nil)
            if batch.isEmpty { memory.trimIfDue(reconciler.releaseMemory) } else { memory.postpone() }
            let effects = process(batch + [.tick], by: reconciler)
            // With so much waiting the next batch is there at once, so nothing that is kept back is forgotten.
            dispatch(gate.pass(effects, isFlooded: queue.count > limits.flood, now: .now), in: &group)
        }
        noteDelivered(reconciler)
    }

    private func process(_ inputs: [Input], by reconciler: Reconciler) -> [Effect] {
        let work = instruments.reconciler.began()
        defer {
            instruments.reconciler.ended(work)
            instruments.note(reconciler)
        }
        return reconciler.process(inputs, now: .now)
    }

    /// What the server has taken is not sent to it again by the next process. Nothing else is taken up any more.
    private func noteDelivered(_ reconciler: Reconciler) {
        let delivered = queue.waiting.filter(\.isDelivered)
        if !delivered.isEmpty { _ = reconciler.process(delivered, now: .now) }
    }

    /// After the signal to stop, what is under way is waited for, but not for long: the next start finishes it.
    private func isDone(_ reconciler: Reconciler, _ stopped: ContinuousClock.Instant?) -> Bool {
        guard let stopped else { return false }
        return reconciler.workInFlight == 0 || ContinuousClock.now - stopped >= limits.drain
    }

    private func nextBatch(until time: Timestamp?, isStopping: Bool) async -> [Input] {
        let alarm = time.map { time in
            let pause = isStopping ? min(time - .now, .milliseconds(100)) : time - .now
            return eventLoop.scheduleTask(in: .milliseconds(Int64(max(0, pause.inMilliseconds)))) { [queue] in
                queue.poke()
            }
        }
        defer { alarm?.cancel() }
        return await queue.take(atMost: limits.batch)
    }

    private func dispatch(_ effects: [Effect], in group: inout DiscardingTaskGroup) {
        for effect in effects {
            switch effect {
            case .perform(let id, let operation, let about):
                group.addTask(executorPreference: executors.engine) { [queue, runner, instruments, logger] in
                    let start = ContinuousClock.now
                    let outcome = await runner.run(operation) { queue.report(id, $0) }
                    let took = ContinuousClock.now - start
                    instruments.metrics.time(.steps, took, ["step": operation.label])
                    logger.debug(
                        "engine work done", metadata: ["about": "\(about)", "took": "\(took.inMilliseconds) ms"])
                    queue.push(.outcome(id, outcome))
                }
            case .publish(let eventID, let body):
                group.addTask(executorPreference: executors.server) { [queue, link, instruments] in
                    let delivery = instruments.outbox.began()
                    let news = await link.deliver(body, of: eventID)
                    instruments.outbox.ended(delivery)
                    instruments.metrics.count(.deliveries, ["result": news.isDelivered ? "delivered" : "failed"])
                    // Should this be lost with the process, the next one sends the same answer again.
                    if news.isDelivered { queue.pushPatiently(news) } else { queue.push(news) }
                }
            case .publishUnstored(let eventID, let body):
                group.addTask(executorPreference: executors.server) { [link, logger] in
                    do {
                        try await link.sendPatiently(body)
                    } catch {
                        logger.error(
                            "answer to an unstored event is lost",
                            metadata: ["event": "\(eventID)", "error": "\(error)"])
                    }
                }
            case .progress(_, let body):
                group.addTask(executorPreference: executors.server) { [link] in await link.sendProgress(body) }
            case .note(let note):
                instruments.count(note)
                logger.log(note)
            }
        }
    }
}

/// Where effects run.
struct EffectExecutors {
    /// Work on the engine.
    let engine: EventLoopExecutor
    /// What is sent to the server.
    let server: EventLoopExecutor
}

/// Whether, and since when, the process is to end.
private final class StopSign: Sendable {
    private let raised = Mutex<ContinuousClock.Instant?>(nil)

    var since: ContinuousClock.Instant? { raised.withLock { $0 } }

    func raise() { raised.withLock { $0 = $0 ?? .now } }
}

extension Input {
    fileprivate var isDelivered: Bool { if case .delivered = self { true } else { false } }
}
