import Runtime
import Synchronization
import Testing

@Suite("A gate")
struct GateTests {
    private final class Counter: Sendable {
        private let counts = Mutex((now: 0, most: 0))

        var most: Int { counts.withLock { $0.most } }

        func enter() {
            counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
        }

        func leave() { counts.withLock { $0.now -= 1 } }
    }

    @Test("lets in no more than it has places, and everybody in the end")
    func places() async throws {
        let gate = Gate(places: 3)
        let counter = Counter()
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await gate.withPlace {
                        counter.enter()
                        await Task.yield()
                        counter.leave()
                        return 1
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(done == 50)
        #expect(counter.most <= 3)
    }

    @Test("gives the place of one that hangs to the next")
    func lending() async throws {
        let gate = Gate(places: 1, lentFor: .milliseconds(20))
        let (release, hang) = AsyncStream.makeStream(of: Void.self)
        async let hanging: Int = gate.withPlace {
            for await _ in release {}
            return 1
        }
        let second = try await gate.withPlace { 2 }
        hang.finish()
        let first = try await hanging
        #expect(first + second == 3)
        #expect(try await gate.withPlace { 4 } == 4)
    }

    @Test("lets go of one that is cancelled while it waits")
    func cancellation() async throws {
        let gate = Gate(places: 1)
        let (release, hang) = AsyncStream.makeStream(of: Void.self)
        async let holding: Int = gate.withPlace {
            for await _ in release {}
            return 1
        }
        let waiting = Task { try await gate.withPlace { 2 } }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        hang.finish()
        #expect(try await holding == 1)
    }
}
