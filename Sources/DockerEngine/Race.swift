/// The result of an operation that a timer was running against.
struct Timed<Success: Sendable>: Sendable {
    let result: Result<Success, any Error>
    /// True if the timer ran out first and the operation was cancelled for it.
    let expired: Bool
}

private enum Finisher<Success: Sendable>: Sendable {
    case operation(Result<Success, any Error>)
    case timer(cancelled: Bool)
}

/// Runs the operation until it ends or the timer does; then it is cancelled, and its end is waited for.
func race<Success: Sendable>(
    against timer: @escaping @Sendable () async -> Void,
    _ operation: @escaping @Sendable () async -> Result<Success, any Error>
) async -> Timed<Success> {
    await withTaskGroup(of: Finisher<Success>.self) { group in
        group.addTask { .operation(await operation()) }
        group.addTask {
            await timer()
            return .timer(cancelled: Task.isCancelled)
        }
        var expired = false
        while let finisher = await group.next() {
            group.cancelAll()
            switch finisher {
            case .operation(let result): return Timed(result: result, expired: expired)
            case .timer(let cancelled): expired = !cancelled
            }
        }
        preconditionFailure("a task group ended without its operation")
    }
}
