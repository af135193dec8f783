internal import Deadline
internal import Synchronization

/// Lets a limited number in at a time; the others wait in the order of their arrival.
package final class Gate: Sendable {
    private struct State {
        var free: Int
        var nextNumber: UInt64 = 0
        var waiting: [(number: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
    }

    private let state: Mutex<State>
    private let lentFor: Duration?

    /// - Parameters:
    ///   - places: How many may be in at a time.
    ///   - lentFor: After so long a place is given to the next one although the work goes on: it hangs, and must not
    ///     hold up the others.
    package init(places: Int, lentFor: Duration? = nil) {
        state = Mutex(State(free: places))
        self.lentFor = lentFor
    }

    /// Runs the body as soon as there is a place.
    ///
    /// - Parameters:
    ///   - lentFor: For this time instead of the gate's own.
    ///   - body: The work; it is not stopped when its place is given to the next one.
    /// - Throws: `CancellationError` if the task is cancelled while it waits.
    package func withPlace<Result: Sendable>(
        lentFor: Duration? = nil, _ body: () async -> Result
    ) async throws -> Result {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        let isIn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((number, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0).continuation }
            }
            continuation?.resume(returning: false)
        }
        guard isIn else { throw CancellationError() }
        guard let lentFor = lentFor ?? self.lentFor else {
            defer { leave() }
            return await body()
        }
        let place = Place()
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await pass(lentFor)
                if place.giveBack() { self.leave() }
            }
            let result = await body()
            group.cancelAll()
            return result
        }
    }

    /// One that has been taken; given back once.
    private final class Place: Sendable {
        private let isTaken = Mutex(true)

        func giveBack() -> Bool {
            isTaken.withLock { isTaken in
                defer { isTaken = false }
                return isTaken
            }
        }
    }

    private func leave() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: true)
    }
}
