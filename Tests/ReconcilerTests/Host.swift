import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// A host in memory: the reconciler, an engine, a server that takes answers, and a clock that is moved by hand.
final class Host {
    struct PendingWork {
        let id: WorkID
        let operation: Operation
        let about: String
    }

    private(set) var store: Store
    private(set) var reconciler: Reconciler
    let limits: ReconcilerLimits
    var now = Timestamp(milliseconds: 1_000_000_000)
    var engine = SimulatedEngine()

    /// Work on the engine that was asked for and is not over.
    var work: [PendingWork] = []
    /// Answers on their way to the server.
    var letters: [(eventID: String, body: String)] = []
    /// Every body that ever left for an event.
    private(set) var published: [String: [String]] = [:]
    private(set) var unstored: [String: [String]] = [:]
    private(set) var progress: [(eventID: String, text: String, at: Timestamp)] = []
    private(set) var notes: [Note] = []
    private(set) var operations: [Operation] = []
    private(set) var batches = 0
    /// What the server has taken.
    private(set) var taken: Set<String> = []
    var label = ""
    private var seed: UInt64

    init(
        store: Store? = nil, limits: ReconcilerLimits = ReconcilerLimits(), seed: UInt64 = 1,
        openStoreAgain: (() throws -> Store)? = nil
    ) throws {
        self.store = try store ?? Store.inMemory()
        self.limits = limits
        self.seed = seed
        engine.images = ["nginx"]
        reconciler = Reconciler(
            store: self.store, codec: TestCodec(), limits: limits, random: SeededGenerator(seed: seed),
            openStoreAgain: openStoreAgain)
        tick()
    }

    // MARK: What happens

    @discardableResult
    func give(_ inputs: Input...) -> [Effect] { give(inputs) }

    @discardableResult
    func give(_ inputs: [Input]) -> [Effect] {
        batches += 1
        let effects = reconciler.process(inputs, now: now)
        // Whenever it is called, nothing must be lost by it.
        if batches.isMultiple(of: 3) { reconciler.releaseMemory() }
        for effect in effects { collect(effect) }
        if inputs.contains(.tick), let next = reconciler.nextWakeUp {
            #expect(next > now, "\(label): a tick leaves nothing due")
        }
        return effects
    }

    private func collect(_ effect: Effect) {
        switch effect {
        case .perform(let id, let operation, let about):
            if ResourceKey(about) != nil {
                #expect(!work.contains { $0.about == about }, "\(label): two pieces of work on \(about)")
                let row = ResourceKey(about).flatMap { try? store.resource($0) }
                #expect(
                    row?.isSettled == false && row?.activity.isEmpty == false, "\(label): \(about) is not written down")
            }
            operations.append(operation)
            work.append(PendingWork(id: id, operation: operation, about: about))
        case .publish(let eventID, let body):
            #expect(
                (try? store.replyBody(to: eventID)) == body, "\(label): the answer to \(eventID) is not written down")
            published[eventID, default: []].append(body)
            letters.append((eventID, body))
            #expect(letters.count <= limits.publishesInFlight, "\(label)")
        case .progress(let eventID, let text): progress.append((eventID, text, now))
        case .publishUnstored(let eventID, let body): unstored[eventID, default: []].append(body)
        case .note(let note): notes.append(note)
        }
    }

    @discardableResult
    func tick(after pause: Duration = .zero) -> [Effect] {
        now = now + pause
        return give(.tick)
    }

    /// Ends the oldest work, or that on the given resource, as the engine would or as told.
    @discardableResult
    func finish(
        _ about: String? = nil, _ fault: SimulatedEngine.Fault = .none, _ outcome: OperationOutcome? = nil
    ) throws -> Operation {
        let index = try #require(
            work.firstIndex { about == nil || $0.about == about }, "\(label): no work on \(about ?? "anything")")
        let piece = work.remove(at: index)
        give(.outcome(piece.id, outcome ?? engine.perform(piece.operation, fault)))
        return piece.operation
    }

    func deliver(at index: Int = 0) {
        let letter = letters.remove(at: index)
        taken.insert(letter.eventID)
        give(.delivered(eventID: letter.eventID))
    }

    /// Lets everything happen, until nothing is left but to wait for the next event.
    func run(limit: Int = 5_000) {
        for _ in 0..<limit {
            if !work.isEmpty {
                let piece = work.removeFirst()
                give(.outcome(piece.id, engine.perform(piece.operation)))
            } else if !letters.isEmpty {
                deliver()
            } else if !isIdle, let next = reconciler.nextWakeUp {
                now = max(now, next)
                tick()
            } else {
                return
            }
        }
        Issue.record("\(label): no end; open \(reconciler.open.keys), active \(reconciler.active.keys)")
    }

    var isIdle: Bool {
        reconciler.open.isEmpty && reconciler.outbox.letters.isEmpty
            && reconciler.active.values.allSatisfy { $0.row.isSettled } && !reconciler.mustLoad
    }

    /// The process is killed and started again on what is in the store.
    ///
    /// - Parameter happens: whether what was under way still happens on the engine and at the server.
    func crash(reopening path: String? = nil, happens: (Int) -> Bool) throws {
        for (index, piece) in work.enumerated() where happens(index) { _ = engine.perform(piece.operation) }
        for (index, letter) in letters.enumerated() where happens(index) { taken.insert(letter.eventID) }
        work = []
        letters = []
        if let path { store = try Store.open(path: path) }
        seed += 1
        reconciler = Reconciler(
            store: store, codec: TestCodec(), limits: limits, random: SeededGenerator(seed: seed))
        tick()
    }

    // MARK: What is seen

    /// What an event was answered; `nil` while it was not.
    func answer(_ eventID: String) -> String? { published[eventID]?.first.map(TestCodec.content) }

    func moves(of key: ResourceKey) -> [String] {
        notes.compactMap { if case .moved(key, _, _, let to, _) = $0 { to } else { nil } }
    }

    var quarantined: [String] {
        notes.compactMap { if case .quarantined(let source, let name, _) = $0 { "\(source) \(name)" } else { nil } }
    }

    func isWorking(on key: String) -> Bool { work.contains { $0.about == key } }

    /// All that is kept in memory is in the store, and nothing else.
    func expectMemoryEqualsStore(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let fresh = Reconciler(store: store, codec: TestCodec(), limits: limits, random: SeededGenerator(seed: 0))
        fresh.now = now
        try store.transaction { try fresh.load() }
        #expect(
            fresh.active.keys.sorted() == reconciler.active.keys.sorted(), "\(label)", sourceLocation: sourceLocation)
        #expect(fresh.open.keys.sorted() == reconciler.open.keys.sorted(), "\(label)", sourceLocation: sourceLocation)
        #expect(
            fresh.outbox.letters.keys.sorted() == reconciler.outbox.letters.keys.sorted(), "\(label)",
            sourceLocation: sourceLocation)
        for (key, resource) in reconciler.active {
            let row = try #require(try store.resource(key), sourceLocation: sourceLocation)
            // What was loaded and has not moved since is not written again.
            let loaded = fresh.active[key]?.row(updatedAt: row.updatedAt)
            let kept = resource.row(updatedAt: row.updatedAt)
            #expect(kept == row || kept == loaded, "\(label)", sourceLocation: sourceLocation)
            #expect(
                fresh.active[key]?.events.sorted() == resource.events.sorted(), "\(label)",
                sourceLocation: sourceLocation)
        }
    }
}
