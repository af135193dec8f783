import Foundation
import Synchronization
import Testing

@testable import Deadline

@Suite("Calls that may block", .timeLimit(.minutes(1)))
struct BlockingCallsTests {
    /// Keeps threads waiting until it is opened.
    private final class Door: Sendable {
        private let isOpen = Mutex(false)

        func open() { isOpen.withLock { $0 = true } }
        func wait() { while !isOpen.withLock({ $0 }) { usleep(2000) } }
    }

    private static func thread() -> pthread_t { pthread_self() }

    @Test("return what they return, nothing included, and no thread is left")
    func result() async throws {
        let calls = BlockingCalls(limit: 8)
        for number in 0..<50 {
            let result = try await calls.run(within: .seconds(20)) { number }
            #expect(result == number)
            let none = try await calls.run(within: .seconds(20)) { Int?.none }
            #expect(none == nil)
        }
        #expect(calls.count == 0)
    }

    @Test("that hang are given up at the deadline, and so many at most are waited for")
    func hang() async throws {
        let calls = BlockingCalls(limit: 2)
        let door = Door()
        for _ in 0..<2 {
            await #expect(throws: BlockingCallError.timedOut(.milliseconds(50))) {
                try await calls.run(within: .milliseconds(50)) { door.wait() }
            }
        }
        #expect(calls.count == 2)
        await #expect(throws: BlockingCallError.tooMany(2)) { try await calls.run(within: .seconds(5)) {} }
        door.open()
        try await untilTrue { calls.count == 0 }
        try await calls.run(within: .seconds(20)) {}
    }

    @Test("are not waited for by a caller who gives up")
    func cancellation() async throws {
        let calls = BlockingCalls(limit: 1)
        let door = Door()
        let caller = Task {
            do throws(BlockingCallError) {
                try await calls.run(within: .seconds(600)) { door.wait() }
                return BlockingCallError?.none
            } catch {
                return error
            }
        }
        try await untilTrue { calls.count == 1 }
        caller.cancel()
        #expect(await caller.value == .cancelled)
        #expect(calls.count == 1)
        door.open()
        try await untilTrue { calls.count == 0 }
    }

    @Test("have a thread of their own, which is at its end when its result is there")
    func ownThread() throws {
        let here = Self.thread()
        let there = try #require(OwnThread.result { UInt(Self.thread()) })
        #expect(there != UInt(here))
        let door = Door()
        #expect(OwnThread.start { door.open() })
        door.wait()
    }
}
