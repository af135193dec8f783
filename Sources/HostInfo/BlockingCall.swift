internal import Glibc

/// Runs what may block, for a long time or for ever, on a thread of its own: everybody else goes on.
package enum BlockingCall {
    private final class Work {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Enough for a system call or the making of a key.
    private static let stackBytes = 512 << 10

    /// Starts a thread and does not wait for it.
    ///
    /// - Returns: Whether there is one: the system may have too many.
    package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackBytes)
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard code == 0 else {
            work.release()
            return false
        }
        return true
    }

    /// What the body returned; `nil` if it has not by the deadline or the task is cancelled. The thread is left alone
    /// then and ends when the body does.
    package static func run<Value: Sendable>(
        deadline: Duration, _ body: @escaping @Sendable () -> Value
    ) async -> Value? {
        let (values, value) = AsyncStream.makeStream(of: Value.self)
        let isStarted = start {
            value.yield(body())
            value.finish()
        }
        guard isStarted else { return nil }
        return await withTaskGroup(of: Value?.self) { group in
            group.addTask { await values.first { _ in true } }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
