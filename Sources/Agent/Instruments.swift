internal import DockerEngine
internal import Glibc
internal import Health
internal import Model
internal import NIOCore
internal import Reconciler
internal import Synchronization

/// What tells an operator how the daemon is: the parts that have to get on, and what is counted.
struct Instruments: Sendable {
    let metrics: Metrics
    let vitals: Vitals
    let reconciler: Part
    let engineObserver: Part
    let eventStream: Part
    let outbox: Part
    let pings: Part
    /// What only the loop knows, as of its last batch. Whoever asks is not made to wait for a disk.
    private let ledger = Ledger()
    private let databasePath: String

    /// The threads of the daemon, each with the part that runs on it.
    struct Threads {
        let loop: any EventLoop
        let engine: any EventLoop
        let server: any EventLoop
    }

    /// - Parameters:
    ///   - threads: What the parts run on; each thread has to come round in time.
    ///   - limits: How long each part may take before it counts as stuck.
    ///   - limit: Shortens how long a thread may not come round, and how long one piece of work may take.
    ///   - isAsked: Whether somebody may ask for what is counted.
    ///   - databasePath: The file whose size is shown.
    init(
        _ threads: Threads, limits: HealthLimits = HealthLimits(), cappedAt limit: Duration? = nil, isAsked: Bool,
        databasePath: String
    ) {
        metrics = Metrics(isKept: isAsked)
        self.databasePath = databasePath
        func part(_ name: String, _ limits: Part.Limits, _ eventLoop: any EventLoop) -> Part {
            Part(name, limits: limit.map { limits.capped(at: $0) } ?? limits, eventLoop: eventLoop)
        }
        reconciler = part("reconciler", limits.reconciler, threads.loop)
        engineObserver = part("engine observer", limits.engineObserver, threads.engine)
        eventStream = part("event stream", limits.eventStream, threads.server)
        outbox = part("outbox", limits.outbox, threads.server)
        // It has nothing to be ready for: answers that the server does not take wait for it.
        outbox.isReady = true
        pings = part("pings", limits.pings, threads.server)
        pings.isReady = true
        vitals = Vitals([reconciler, engineObserver, eventStream, outbox, pings])
    }

    /// Counts and times the calls to the engine; `nil` if nobody may ask for that.
    var onEngineCall: EngineClient.CallObserver? {
        guard metrics.isKept else { return nil }
        return { [metrics] call, took, failure in
            metrics.time(.calls, took, ["call": call])
            if let failure { metrics.count(.callErrors, ["call": call, "kind": failure.kind.label]) }
        }
    }

    /// Counts what the reconciler has to tell.
    func count(_ note: Note) {
        switch note {
        case .accepted(let event, _): metrics.count(.events, ["name": EventLabel.of(event.name)])
        case .moved(let key, _, _, let phase, _):
            metrics.count(.transitions, ["kind": key.kind.rawValue, "phase": phase])
        case .answered(_, let failure): metrics.count(.answers, ["result": failure == nil ? "success" : "failure"])
        case .answerRefused: metrics.count(.deliveries, ["result": "refused"])
        case .quarantined(let source, _, _): metrics.count(.quarantined, ["source": source])
        case .storeFailed: metrics.count(.storeFailures)
        case .repeated, .storeReopened: break
        }
    }

    /// The batch is on the disk, or is not. Called on the loop's thread, which may wait for the disk.
    func note(_ reconciler: Reconciler) {
        self.reconciler.isReady = reconciler.isStoreWell
        ledger.figures.withLock { figures in
            figures.openEvents = reconciler.openEventCount
            figures.undelivered = reconciler.undeliveredCount
            if figures.undelivered == 0 { figures.oldestUndelivered = nil }
        }
        guard metrics.isKept else { return }
        // This takes a look at all answers, and at the disk.
        let now = ContinuousClock.now
        let isDue = ledger.figures.withLock { figures in
            let isFirst = figures.undelivered > 0 && figures.oldestUndelivered == nil
            guard isFirst || figures.lookedAt.map({ now - $0 >= .seconds(1) }) ?? true else { return false }
            figures.lookedAt = now
            return true
        }
        guard isDue else { return }
        let oldest = reconciler.oldestUndelivered
        let sizes = [("main", ""), ("log", "-wal")].map { ($0.0, FileSize.bytes(databasePath + $0.1)) }
        ledger.figures.withLock { figures in
            figures.oldestUndelivered = oldest
            figures.sizes = sizes
        }
    }

    private final class Ledger: Sendable {
        struct Figures {
            var openEvents = 0
            var undelivered = 0
            var oldestUndelivered: Timestamp?
            /// Of the database and its log, in bytes.
            var sizes: [(file: String, bytes: Double)] = []
            /// When these were found out.
            var lookedAt: ContinuousClock.Instant?
        }

        let figures = Mutex(Figures())
    }

    /// Shows what is what it is when somebody asks.
    func show(_ queue: InputQueue, version: String) {
        func show(_ name: String, _ help: String, _ value: @escaping @Sendable () -> Double) {
            metrics.show(Metrics.Gauge("rancher_agent_" + name, help, value: value))
        }
        metrics.show(
            Metrics.Gauge("rancher_agent_info", "The version of the agent.") { [(["version": version], 1)] })
        metrics.show(
            Metrics.Gauge("rancher_agent_healthy", "Whether each part gets on.") { [vitals] in
                let stuck = Set(vitals.report().complaints.map(\.part))
                return vitals.parts.map { (["part": $0.name], stuck.contains($0.name) ? 0 : 1) }
            })
        show("queued_inputs", "What has happened and was not handled yet.") { Double(queue.count) }
        show("open_events", "Events without an answer.") { [ledger] in
            Double(ledger.figures.withLock(\.openEvents))
        }
        show("undelivered_answers", "Answers that the server has not taken.") { [ledger] in
            Double(ledger.figures.withLock(\.undelivered))
        }
        show("oldest_undelivered_answer_seconds", "How long the oldest of these has waited; 0 if there is none.") {
            [ledger] in
            let oldest = ledger.figures.withLock(\.oldestUndelivered)
            return oldest.map { max(0, Double((Timestamp.now - $0).inMilliseconds) / 1000) } ?? 0
        }
        metrics.show(
            Metrics.Gauge("rancher_agent_database_bytes", "The size of the database and of its log.") { [ledger] in
                ledger.figures.withLock(\.sizes).map { (["file": $0.file], $0.bytes) }
            })
    }
}

/// How long each part may take before it counts as stuck, with the reason.
struct HealthLimits: Sendable {
    /// A transaction takes milliseconds; a disk that stalls for so long stalls everything.
    var reconciler = Part.Limits(work: .seconds(30))
    /// The containers are listed every minute, the pauses after failures are short, and every call has a deadline.
    var engineObserver = Part.Limits(silence: .seconds(300))
    /// The server answers a ping of ours every 5 s, a dead connection is given up after 60 s, and the pause until the
    /// next try is at most 60 s long, as are the few requests of a registration between two signs of life.
    var eventStream = Part.Limits(silence: .seconds(240))
    /// A request has a deadline of 30 s, and a delivery may have to ask for the server's schemas and say it again.
    var outbox = Part.Limits(work: .seconds(240))
    /// The same; a ping is given up before that.
    var pings = Part.Limits(work: .seconds(240))
}

private enum FileSize {
    /// 0 if there is no such file.
    static func bytes(_ path: String) -> Double {
        var status = stat()
        return stat(path, &status) == 0 ? Double(status.st_size) : 0
    }
}
