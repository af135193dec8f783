import Testing

@testable import Deadline

@Suite("A wait", .timeLimit(.minutes(1)))
struct PassTests {
    /// Much more than anything here takes, and much less than the waits that must not be waited for.
    private static let soon = Duration.seconds(20)

    @Test("ends at its time, and not before", arguments: [0, 1, 50])
    func time(milliseconds: Int) async {
        let start = ContinuousClock.now
        await pass(.milliseconds(milliseconds))
        #expect(.now - start >= .milliseconds(milliseconds))
        #expect(.now - start < Self.soon)
    }

    @Test("ends at once when its task is cancelled, also before it has begun")
    func cancellation() async throws {
        let start = ContinuousClock.now
        let waiting = Task { await pass(.seconds(600)) }
        try await Task.sleep(for: .milliseconds(20))
        waiting.cancel()
        await waiting.value
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask { await pass(.seconds(600)) }
        }
        #expect(.now - start < Self.soon)
    }

    @Test("leaves nothing behind, whether it ends at its time or is cancelled at any moment")
    func traces() async throws {
        var traces: [Trace] = []
        for round in 0..<2000 {
            let timer = Timer()
            traces.append(Trace(timer: timer))
            let isCut = round % 4 != 0
            let waiting = Task { await timer.pass(isCut ? .seconds(600) : .microseconds(10)) }
            for _ in 0..<round % 3 { await Task.yield() }
            if isCut { waiting.cancel() }
            await waiting.value
        }
        // An alarm that is still set knows whom it is to wake.
        try await untilTrue { traces.allSatisfy { $0.timer == nil } }
    }

    private struct Trace {
        weak var timer: Timer?
    }
}

/// Waits until something is true, and looks every few milliseconds.
func untilTrue(_ probe: () -> Bool) async throws {
    while !probe() { try await Task.sleep(for: .milliseconds(5)) }
}
