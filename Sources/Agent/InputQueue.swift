internal import DequeModule
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Reconciler
internal import Synchronization

/// What has happened and was not handled yet. Anybody puts in; the one loop takes out.
final class InputQueue: Sendable {
    private struct State {
        var inputs: Deque<Input> = []
        /// Whether there were more of them than the loop takes at once since there was none.
        var wasLong = false
        /// Of the frames among the inputs.
        var bytes = 0
        /// The newest word of each piece of work; what it said before is of no interest any more.
        var progress: [WorkID: String] = [:]
        var consumer: CheckedContinuation<Void, Never>?
        /// Somebody wanted the loop to look up, whether there is anything or not.
        var isPoked = false
        /// How many of the inputs have not woken the loop.
        var patient = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    private let byteLimit: Int

    /// - Parameters:
    ///   - limit: The number of waiting inputs beyond which events are not taken any more.
    ///   - byteLimit: The same for the bytes of their frames; more than the longest frame has.
    init(limit: Int, byteLimit: Int) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    /// Puts in an event of the server.
    ///
    /// - Returns: false if the queue is full: the event was not taken.
    func offer(_ input: Input) -> Bool {
        put { state in
            guard state.inputs.count < limit, state.bytes + input.frameBytes <= byteLimit else { return false }
            state.inputs.append(input)
            state.bytes += input.frameBytes
            return true
        }
    }

    /// Puts in that an event was not taken, so that this is answered. There is a limit to that as well: as many again.
    ///
    /// - Returns: false if nobody will answer it.
    func offerRefusal(of header: EventHeader, _ reason: String) -> Bool {
        let input = Input.overflow(header, reason: reason)
        return put { state in
            guard state.inputs.count < 2 * limit, state.bytes + input.frameBytes <= 2 * byteLimit else { return false }
            state.inputs.append(input)
            state.bytes += input.frameBytes
            return true
        }
    }

    /// Puts in what must not be lost: outcomes of work in flight, of which there is only so much.
    func push(_ input: Input) {
        _ = put { state in
            state.inputs.append(input)
            state.bytes += input.frameBytes
            return true
        }
    }

    /// Puts in what nobody waits for: it is handled together with what comes next, or some time later on its own. Its
    /// place among the others is kept.
    func pushPatiently(_ input: Input) {
        guard let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop else { return push(input) }
        let count = state.withLock { state in
            state.inputs.append(input)
            state.patient += 1
            return state.patient
        }
        if count == 1 {
            eventLoop.scheduleTask(in: Self.patience) { [self] in
                if state.withLock({ $0.patient > 0 }) { poke() }
            }
        } else if count >= Self.patientLimit {
            poke()
        }
    }

    private static let patience = TimeAmount.milliseconds(200)
    /// Less than the answers that may be on their way: who waits for a place among them waits for the loop.
    private static let patientLimit = 16

    /// What was put in and not taken out yet.
    var waiting: [Input] { state.withLock { Array($0.inputs) } }

    /// How many inputs wait.
    var count: Int { state.withLock { $0.inputs.count } }

    /// Puts in what work has to tell; it takes the place of what the same work has told before.
    func report(_ work: WorkID, _ text: String) {
        _ = put { state in
            state.progress[work] = text
            return true
        }
    }

    /// Makes the loop look up.
    func poke() {
        _ = put { state in
            state.isPoked = true
            return true
        }
    }

    private func put(_ change: (inout State) -> Bool) -> Bool {
        let (taken, consumer) = state.withLock { state in
            let taken = change(&state)
            defer { if taken { state.consumer = nil } }
            return (taken, taken ? state.consumer : nil)
        }
        consumer?.resume()
        return taken
    }

    /// Waits until there is something, or somebody pokes; then takes out what there is. It does not wait in a task that
    /// is cancelled already; whoever cancels one that waits has to poke.
    ///
    /// Whoever puts in wakes the thread that the consumer's task prefers. Without a preference that is one of the pool of
    /// all tasks, on the way to the consumer's own.
    nonisolated(nonsending) func take(atMost count: Int) async -> [Input] {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.inputs.count > state.patient || !state.progress.isEmpty || state.isPoked
                    || Task.isCancelled
                {
                    return true
                }
                state.consumer = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { state in
            state.isPoked = false
            state.patient = 0
            // First what work has to say: after its outcome nobody would know whose words these are.
            let progress = state.progress.map { Input.progress($0.key, text: $0.value) }
            state.progress.removeAll()
            guard state.inputs.count > count else {
                defer {
                    // What a burst has needed is not kept.
                    state.inputs.removeAll(keepingCapacity: !state.wasLong)
                    state.wasLong = false
                    state.bytes = 0
                }
                return progress + state.inputs
            }
            state.wasLong = true
            let first = state.inputs.prefix(count)
            state.inputs.removeFirst(count)
            state.bytes -= first.reduce(0) { $0 + $1.frameBytes }
            return progress + first
        }
    }
}

extension Input {
    /// The length of the frame that came from the server; everything else is small, or of our own making.
    fileprivate var frameBytes: Int {
        switch self {
        case .event(let event): event.frame.utf8.count
        case .malformedFrame(let frame, _): frame.utf8.count
        case .overflow(let header, _):
            header.id.utf8.count + header.name.utf8.count + (header.replyTo?.utf8.count ?? 0)
                + (header.resourceID?.utf8.count ?? 0) + (header.resourceType?.utf8.count ?? 0)
        case .outcome, .progress, .containers, .containerChanged, .containerGone, .engineLost, .delivered,
            .undelivered, .serverReached, .tick:
            0
        }
    }
}
