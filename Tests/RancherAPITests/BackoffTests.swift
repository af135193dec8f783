import RancherAPI
import Testing

@Suite("A back-off")
struct BackoffTests {
    @Test("doubles up to its cap, with half of it left to chance")
    func range() {
        var random = SeededRandom(state: 1)
        let backoff = Backoff(base: .milliseconds(500), cap: .seconds(30))
        let wholes = [0.5, 1, 2, 4, 8, 16, 30, 30].map { Duration.seconds($0) }
        for (attempt, whole) in wholes.enumerated() {
            for _ in 0..<50 {
                let delay = backoff.delay(attempt: attempt, using: &random)
                #expect(delay <= whole && delay >= whole / 2)
            }
        }
        #expect(backoff.delay(attempt: .max, using: &random) <= .seconds(30))
        #expect(backoff.delay(attempt: -1, using: &random) <= .milliseconds(500))
    }

    @Test("is the same for the same random source and differs between hosts")
    func reproducible() {
        let backoff = Backoff(base: .seconds(1), cap: .seconds(10))
        func delays(_ seed: UInt64) -> [Duration] {
            var random = SeededRandom(state: seed)
            return (0..<5).map { backoff.delay(attempt: $0, using: &random) }
        }
        #expect(delays(7) == delays(7))
        #expect(delays(7) != delays(8))
    }
}
