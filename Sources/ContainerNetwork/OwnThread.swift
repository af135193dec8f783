import Glibc
import Synchronization

/// Work on a thread that is started for it, ends after it and is never used for anything else.
enum OwnThread {
    /// Starts the work; nobody waits for it. False if there is no thread to be had.
    static func start(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = begin(work) else { return false }
        pthread_detach(thread)
        return true
    }

    /// Waits for the work, and for the end of its thread. `nil` if there is no thread to be had.
    static func result<Value: Sendable>(of work: @escaping @Sendable () -> Value) -> Value? {
        let box = Box<Value>()
        guard let thread = begin({ box.put(work()) }) else { return nil }
        pthread_join(thread, nil)
        return box.value
    }

    private static func begin(_ work: @escaping @Sendable () -> Void) -> pthread_t? {
        let handle = Unmanaged.passRetained(Work(work))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
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
