import Synchronization

/// Threads that do one look each and end, as a look may hang.
final class LookThreads: Sendable {
    private let limit: Int
    private let running = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// The threads that have not ended.
    var count: Int { running.withLock { $0 } }

    /// Runs the work on a thread of its own and returns its result. A thread that hangs is left to itself at the
    /// deadline, and counts for as long as it does.
    func run(
        within deadline: Duration, _ work: @escaping @Sendable () -> AddressSighting
    ) async -> AddressSighting {
        guard enter() else { return .notYet("\(limit) looks are under way already") }
        let result = SightingBox()
        let hasStarted = OwnThread.start { [self] in
            let sighting = work()
            leave()
            result.put(sighting)
        }
        guard hasStarted else {
            leave()
            return .notYet("no thread can be started")
        }
        return await withTaskGroup(of: AddressSighting?.self) { group in
            group.addTask { await result.sighting() }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? .notYet("no end of the look within \(deadline)")
        }
    }

    private func enter() -> Bool {
        running.withLock { running in
            guard running < limit else { return false }
            running += 1
            return true
        }
    }

    private func leave() { running.withLock { $0 -= 1 } }
}

/// Hands a sighting from its thread to the task that waits for it.
private final class SightingBox: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<AddressSighting?, Never>)
        case full(AddressSighting?)
    }

    private let state = Mutex(State.empty)

    /// The first one counts.
    func put(_ sighting: AddressSighting?) {
        let waiting: CheckedContinuation<AddressSighting?, Never>? = state.withLock { state in
            switch state {
            case .empty:
                state = .full(sighting)
                return nil
            case .awaited(let continuation):
                state = .full(sighting)
                return continuation
            case .full: return nil
            }
        }
        waiting?.resume(returning: sighting)
    }

    /// Waits for the sighting; `nil` as soon as the task is cancelled. To be called once.
    func sighting() async -> AddressSighting? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let there: AddressSighting?? = state.withLock { state in
                    guard case .full(let sighting) = state else {
                        state = .awaited(continuation)
                        return .none
                    }
                    return .some(sighting)
                }
                if let there { continuation.resume(returning: there) }
            }
        } onCancel: {
            put(nil)
        }
    }
}
