internal import NIOCore

/// Runs tasks on the thread of an event loop.
///
/// What waits for a socket most of the time is woken where its socket is read: no thread has to wake another one for
/// every part of every answer. Such tasks must not block.
final class EventLoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        eventLoop.execute { job.runSynchronously(on: executor) }
    }
}
