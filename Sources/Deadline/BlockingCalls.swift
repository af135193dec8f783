internal import Synchronization

/// Calls that may block, for a long time or for ever: each is made on a thread of its own, and everybody else goes on.
package final class BlockingCalls: Sendable {
    private let limit: Int
    private let running = Mutex(0)

    /// - Parameter limit: The calls that may be under way at a time, those included that hang and were given up.
    package init(limit: Int) { self.limit = limit }

    /// The calls that have not come back.
    package var count: Int { running.withLock { $0 } }

    /// What the body returns. One that hangs is left to itself at the deadline, or when the task is cancelled: its
    /// thread ends when the body does, and counts until then.
    ///
    /// - Throws: ``BlockingCallError``.
    package func run<Value: Sendable>(
        within deadline: Duration, _ body: @escaping @Sendable () -> Value
    ) async throws(BlockingCallError) -> Value {
        guard enter() else { throw .tooMany(limit) }
        let (values, value) = AsyncStream.makeStream(of: Value.self)
        let hasStarted = OwnThread.start {
            let result = body()
            self.leave()
            value.yield(result)
            value.finish()
        }
        guard hasStarted else {
            leave()
            throw .noThread
        }
        let result = await withTaskGroup(of: Value?.self) { group in
            group.addTask { await values.first { _ in true } }
            group.addTask {
                await pass(deadline)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        guard let result else { throw Task.isCancelled ? .cancelled : .timedOut(deadline) }
        return result
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

/// Why there is no result of a call that may block.
package enum BlockingCallError: Error, Sendable, Hashable, CustomStringConvertible {
    /// So many are under way, most of which will hang.
    case tooMany(Int)
    /// The system has too many threads.
    case noThread
    case timedOut(Duration)
    case cancelled

    package var description: String {
        switch self {
        case .tooMany(let count): "\(count) such calls are under way already"
        case .noThread: "no thread can be started"
        case .timedOut(let deadline): "no end within \(deadline)"
        case .cancelled: "it was given up"
        }
    }
}
