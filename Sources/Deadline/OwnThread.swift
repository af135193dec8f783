internal import Glibc
internal import Synchronization

/// Work on a thread that is started for it, ends after it and is never used for anything else.
package enum OwnThread {
    /// Enough for system calls, the making of a key and the reading of the most deeply nested JSON.
    private static let stackBytes = 1 << 20

    /// Starts the work; nobody waits for it. False if there is no thread to be had.
    package static func start(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = begin(work) else { return false }
        pthread_detach(thread)
        return true
    }

    /// Waits for the work, and for the end of its thread. `nil` if there is no thread to be had.
    package static func result<Value: Sendable>(of work: @escaping @Sendable () -> Value) -> Value? {
        let box = Box<Value>()
        guard let thread = begin({ box.put(work()) }) else { return nil }
        pthread_join(thread, nil)
        return box.value
    }

    private static func begin(_ work: @escaping @Sendable () -> Void) -> pthread_t? {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        let handle = Unmanaged.passRetained(Work(work))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, handle.toOpaque())
        guard failure == 0 else {
            handle.release()
            return nil
        }
        return thread
    }

    private final class Work: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private final class Box<Value: Sendable>: Sendable {
        private let held = Mutex<Value?>(nil)

        var value: Value? { held.withLock { $0 } }

        func put(_ value: Value) { held.withLock { $0 = value } }
    }
}
