internal import DequeModule
internal import FoundationEssentials
internal import Lifecycle
internal import LosslessJSON
package import Model
package import Store

/// The core: takes what happened, decides what follows, writes both down in one transaction, and only then says what
/// is to be done. Synchronous; its only input and output is the store it is given.
///
/// Everything it holds in memory but the work in flight can be rebuilt from the store, and is after every failure of
/// the store and at every start.
package final class Reconciler {
    let store: Store
    let codec: any EventCodec
    let limits: ReconcilerLimits
    private let openStoreAgain: (() throws -> Store)?
    var random: any RandomNumberGenerator

    // What the store says, kept at hand
    var active: [ResourceKey: ActiveResource] = [:]
    var open: [String: OpenEvent] = [:]
    var outbox = Outbox()
    /// Who waits for a resource to settle.
    var waiters: [ResourceKey: Set<ResourceKey>] = [:]

    // What only this process knows
    var work: [WorkID: Work] = [:]
    var lastWork: UInt64 = 0
    var hints = ContainerHints()
    var wakeUps = WakeUps()

    /// Answers that the server has taken, which could not be written down: they are not sent again.
    var takenByServer: Set<String> = []

    // The batch in hand
    var now = Timestamp(milliseconds: 0)
    var effects: [Effect] = []
    var changed: Set<ResourceKey> = []
    var tidings: Deque<Tiding> = []
    var newEvents: [String] = []
    var newWork: [WorkID] = []
    var finishedWork: [WorkID: Work] = [:]
    var newLetters: [String] = []
    var moves: [TransitionRow] = []

    /// The store failed, or was never read: memory has to be built from it before anything else.
    var mustLoad = true
    /// The store cannot be read any more: it has to be opened again before anything else.
    private var mustReopen = false
    /// Work in flight that the store which was opened instead does not know of.
    var orphans: [ResourceKey: WorkID] = [:]

    /// A reconciler on the given store. Give it a tick first: it takes up what the last process left unfinished.
    ///
    /// - Parameter openStoreAgain: Opens the store's place anew after the store has become unreadable.
    package init(
        store: Store, codec: any EventCodec, limits: ReconcilerLimits = ReconcilerLimits(),
        random: any RandomNumberGenerator = SystemRandomNumberGenerator(),
        openStoreAgain: (() throws -> Store)? = nil
    ) {
        self.store = store
        self.codec = codec
        self.limits = limits
        self.random = random
        self.openStoreAgain = openStoreAgain
    }

    /// When time alone will make something happen; a tick is due then.
    package var nextWakeUp: Timestamp? { mustLoad ? now + limits.storeRetryPause : wakeUps.next() }

    /// The number of pieces of work on the engine that have not come back.
    package var workInFlight: Int { work.count }

    /// The number of events that have no answer yet.
    package var openEventCount: Int { open.count }

    /// The number of answers that the server has not taken yet.
    package var undeliveredCount: Int { outbox.letters.count }

    /// Since when the oldest of them waits.
    package var oldestUndelivered: Timestamp? { outbox.letters.values.lazy.map(\.writtenAt).min() }

    /// Whether what was handled last is on the disk.
    package var isStoreWell: Bool { !mustLoad }

    /// Frees what is only kept for quicker work: the store's pages, and the room that a burst has taken.
    package func releaseMemory() {
        store.releaseMemory()
        active = active.inLittleRoom
        open = open.inLittleRoom
        waiters = waiters.inLittleRoom
        work = work.inLittleRoom
        outbox.giveRoomBack()
        hints.giveRoomBack()
        wakeUps.giveRoomBack()
        // Empty between batches.
        effects = []
        changed = []
        tidings = []
        newEvents = []
        newWork = []
        finishedWork = [:]
        newLetters = []
        moves = []
    }

    /// Handles what happened as one transaction and returns what is to be done now that it is on the disk.
    ///
    /// Never fails: if the store does, nothing of the batch has happened, and the events in it are answered with that.
    package func process(_ inputs: [Input], now: Timestamp) -> [Effect] {
        // After the clock was set back, nobody has to wait until it is where it was.
        if now + limits.clockTolerance < self.now { mustLoad = true }
        self.now = now
        return attempt(inputs, mayReopen: true)
    }

    private func attempt(_ inputs: [Input], mayReopen: Bool) -> [Effect] {
        do {
            if mustReopen { try reopen() }
            let loads = mustLoad
            try store.transaction {
                if loads {
                    try load()
                    try spread()
                }
                for input in inputs {
                    try handle(input)
                    try spread()
                }
                try flush()
            }
            mustLoad = false
            if !takenByServer.isEmpty { takenByServer.formIntersection(outbox.letters.keys) }
            newEvents.removeAll(keepingCapacity: true)
            newWork.removeAll(keepingCapacity: true)
            finishedWork.removeAll(keepingCapacity: true)
            newLetters.removeAll(keepingCapacity: true)
            defer { effects.removeAll(keepingCapacity: true) }
            return effects
        } catch {
            return recover(from: error, inputs, mayReopen: mayReopen)
        }
    }

    private func handle(_ input: Input) throws {
        switch input {
        case .event(let event): try accept(event)
        case .overflow(let header, let reason): try turnAway(header, reason)
        case .malformedFrame(let frame, let reason):
            try quarantine(source: "frame", name: "", raw: frame, reason: reason)
        case .outcome(let id, let outcome): try ended(id, outcome)
        case .progress(let id, let text): reportProgress(of: id, text)
        case .containers(let containers): try listed(containers)
        case .containerChanged(let container):
            hints.put(container)
            try noteDrift(of: container.id, uuid: container.instanceUUID)
        case .containerGone(let id):
            let uuid = hints[id]?.instanceUUID ?? ""
            hints.remove(id)
            try noteDrift(of: id, uuid: uuid)
        case .engineLost: hints.lose()
        case .delivered(let eventID): try delivered(eventID)
        case .undelivered(let eventID, let reason, let isFinal):
            try undelivered(eventID, reason: reason, isFinal: isFinal)
        case .serverReached: try sendEverything()
        case .tick: try wakeDue()
        }
    }

    private func wakeDue() throws {
        while let target = wakeUps.popDue(now) {
            switch target {
            case .resource(let key): try wake(key)
            case .question(let eventID): try ask(eventID)
            case .reply(let eventID): try outboxDue(eventID)
            case .progress(let eventID): progressDue(eventID)
            case .housekeeping: try tidy()
            }
        }
    }

    private func tidy() throws {
        try store.forgetEvents(closedBefore: now - limits.closedEventAge, keeping: limits.closedEvents)
        try store.forgetResources(
            removedBefore: now - limits.removedResourceAge, settledBefore: now - limits.settledResourceAge,
            keeping: limits.removedResources)
        wakeUps.set(.housekeeping, at: now + limits.housekeepingInterval)
    }

    /// Writes the records that the batch has changed.
    func flush() throws {
        for key in changed.sorted() {
            guard let resource = active[key] else { continue }
            let row = resource.row(updatedAt: now)
            try store.put(row, specificationIsNew: key.kind == .instance && resource.row.specification.isEmpty)
            if resource.row.isSettled {
                active[key] = nil
            } else {
                active[key]?.row.specification = row.specification
            }
        }
        changed.removeAll(keepingCapacity: true)
        for move in moves { try store.insert(move) }
        moves.removeAll(keepingCapacity: true)
    }

    func quarantine(source: String, name: String, raw: String, reason: String) throws {
        let kept = String(decoding: raw.utf8.prefix(limits.quarantinedBytes), as: UTF8.self)
        try store.quarantine(
            QuarantineRow(source: source, name: name, raw: kept, error: reason, at: now), keeping: limits.quarantined)
        effects.append(.note(.quarantined(source: source, name: name, reason: reason)))
    }
}

// MARK: When the store fails

extension Reconciler {
    /// Nothing of the batch is on the disk, so nothing of it has happened. Memory is built anew from the store.
    private func recover(from error: any Error, _ inputs: [Input], mayReopen: Bool) -> [Effect] {
        forgetBatch()
        if (error as? StoreError)?.kind == .unreadable, openStoreAgain != nil {
            mustReopen = true
            if mayReopen { return attempt(inputs, mayReopen: false) }
        }
        guard mustReopen || inputs.count <= 1 || (error as? StoreError)?.kind.concernsAll == true else {
            // One of them may be to blame; the others must not pay for it.
            return inputs.flatMap { process([$0], now: now) }
        }
        loseReports(inputs)
        let reason = String(describing: error)
        var answers: [Effect] = [.note(.storeFailed(reason: reason))]
        var answered: Set<String> = []
        func answer(_ header: EventHeader, _ text: String) {
            guard header.replyTo != nil, !isKnown(header.id), answered.insert(header.id).inserted else { return }
            let body = codec.reply(to: header, .failure(text), messageID: makeID(), at: now)
            answers.append(.publishUnstored(eventID: header.id, body: body))
        }
        for input in inputs {
            switch input {
            case .event(let event):
                answer(event.header, "The agent cannot store the event, so nothing was done about it: \(reason)")
            case .overflow(let header, let reason): answer(header, reason)
            default: break
            }
        }
        return answers
    }

    /// What the store knew is lost if another one takes its place, as if the process had been started without one.
    private func reopen() throws {
        guard let openStoreAgain else { return }
        mustLoad = true
        try store.reopen(openStoreAgain)
        mustReopen = false
        for (id, work) in work {
            if case .resource(let key) = work.purpose { orphans[key] = id }
        }
        effects.append(.note(.storeReopened))
    }

    /// Whether the event is being worked on, or answered, whatever became of a further copy of it.
    private func isKnown(_ eventID: String) -> Bool {
        do {
            return try store.eventState(eventID) != nil
        } catch {
            return open[eventID] != nil || outbox.letters[eventID] != nil
        }
    }

    /// What was handed out in the batch never left, and what came in has not come.
    private func forgetBatch() {
        mustLoad = true
        effects.removeAll()
        changed.removeAll()
        moves.removeAll()
        tidings.removeAll()
        for (id, finished) in finishedWork { work[id] = finished }
        finishedWork.removeAll()
        for id in newWork { work[id] = nil }
        newWork.removeAll()
        for id in newLetters { outbox.letters[id]?.isOnItsWay = false }
        newLetters.removeAll()
        for id in newEvents {
            open[id] = nil
            outbox.letters[id] = nil
        }
        newEvents.removeAll()
    }

    /// What these inputs report will not be reported again: it has to be looked at, or sent, once more.
    private func loseReports(_ inputs: [Input]) {
        for input in inputs {
            switch input {
            case .outcome(let id, _):
                work[id] = nil
                orphans = orphans.filter { $0.value != id }
            case .delivered(let eventID):
                outbox.letters[eventID]?.isOnItsWay = false
                takenByServer.insert(eventID)
            case .undelivered(let eventID, _, _): outbox.letters[eventID]?.isOnItsWay = false
            case .event, .overflow, .malformedFrame, .progress, .containers, .containerChanged, .containerGone,
                .engineLost, .serverReached, .tick:
                break
            }
        }
    }
}

extension StoreError.Kind {
    /// Whether the file as a whole is the trouble, so that no single input can be to blame.
    fileprivate var concernsAll: Bool {
        switch self {
        case .full, .notPermitted, .missing, .otherSchema, .busy: true
        case .unreadable, .other: false
        }
    }
}

// MARK: Room

extension Dictionary {
    /// The same without the room that was taken for more.
    var inLittleRoom: Self { filter { _ in true } }
}

// MARK: Chance

extension Reconciler {
    /// A random UUID of version 4.
    func makeID() -> String {
        var high = random.next()
        var low = random.next()
        high = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        func hex(_ value: UInt64, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: digits - text.count) + text
        }
        let (first, last) = (hex(high, 16), hex(low, 16))
        return [first.prefix(8), first.dropFirst(8).prefix(4), first.suffix(4), last.prefix(4), last.suffix(12)]
            .joined(separator: "-")
    }

    /// Half to all of the duration, so that many who wait do not come at the same moment.
    func jittered(_ duration: Duration) -> Duration {
        let milliseconds = duration.inMilliseconds
        guard milliseconds > 1 else { return duration }
        return .milliseconds(Int.random(in: milliseconds / 2...milliseconds, using: &random))
    }
}
