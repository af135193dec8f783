internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Waits for the duration, or until the task is cancelled.
///
/// `Task.sleep` that is cancelled leaves its timer behind until it would have rung. A deadline is nearly always
/// cancelled, and thousands of calls a minute would leave thousands of timers: here nothing is left.
package func pass(_ duration: Duration) async { await Timer().pass(duration) }

/// One wait, which ends once.
final class Timer: Sendable {
    private struct State {
        var waiter: CheckedContinuation<Void, Never>?
        var alarm: Scheduled<Void>?
        var isOver = false
    }

    private let state = Mutex(State())

    func pass(_ duration: Duration) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { start($0, duration) }
        } onCancel: {
            end()
        }
    }

    private func start(_ waiter: CheckedContinuation<Void, Never>, _ duration: Duration) {
        let isOver = state.withLock { state in
            if !state.isOver { state.waiter = waiter }
            return state.isOver
        }
        if isOver { return waiter.resume() }
        // Where the caller runs already, if that is an event loop.
        let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop ?? MultiThreadedEventLoopGroup.singleton.any()
        let alarm = eventLoop.scheduleTask(in: TimeAmount(duration)) { self.end() }
        let isTooLate = state.withLock { state in
            if !state.isOver { state.alarm = alarm }
            return state.isOver
        }
        if isTooLate { alarm.cancel() }
    }

    private func end() {
        let (waiter, alarm) = state.withLock { state in
            defer { state = State(isOver: true) }
            return (state.waiter, state.alarm)
        }
        alarm?.cancel()
        waiter?.resume()
    }
}
