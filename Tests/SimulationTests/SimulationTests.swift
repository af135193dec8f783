import Foundation
import Testing

/// Whole histories of a host from seeds, held to the laws at every step.
///
/// With `SEED=7` one is played and printed as a whole, with `SEEDS=…` others than usual, see `Seeds`.
@Suite("A simulated history")
struct SimulationTests {
    @Test("keeps every law, whatever the seed")
    func laws() async throws {
        if let seed = try Seeds.one { return try printWhole(seed) }
        if Seeds.untilFirst { return try await search() }
        let isUsual = try Seeds.asked == nil
        let report = try await Runner.play(try Seeds.asked ?? Seeds.standing + Array(0..<Seeds.usual))
        print(report.text)
        for failure in report.failures { Issue.record("\(failure)") }
        guard isUsual, report.failures.isEmpty else { return }
        let rare = report.coverage.rarer(than: Self.leastOften)
        #expect(rare.isEmpty, "met by fewer than \(Self.leastOften) histories")
        let unchecked = Law.allCases.filter { report.coverage.checks[$0, default: 0] < Self.leastOften }
        #expect(unchecked.isEmpty, "laws that were hardly ever put to the test")
        let missed = Self.killPlaces.filter { report.coverage.killPlaces[$0] == nil }
        #expect(missed.isEmpty, "nobody was killed there")
    }

    /// So many of the usual histories at least meet each thing that can happen.
    static let leastOften = 10

    /// Everywhere between these a process is killed.
    static let killPlaces =
        [
            "BEGIN IMMEDIATE", "COMMIT", "INSERT event", "SELECT event", "UPDATE event", "INSERT resource",
            "SELECT resource", "INSERT transition", "INSERT reply", "SELECT reply",
        ].map { "before " + $0 }
        + ["answer", "progress", "find", "create", "start", "stop", "remove", "pull", "plug-in", "inspect"].map {
            "after " + $0
        }

    private func printWhole(_ seed: UInt64) throws {
        let (world, breach) = try World.play(seed: seed, isWritten: true)
        print((world.chronicle ?? []).joined(separator: "\n"))
        print("met: \(world.met.sorted().map(\.rawValue).joined(separator: ", "))")
        if let breach { Issue.record("seed \(seed) breaks the law \(breach)") }
    }

    /// For changed copies of the program: how many histories it takes to notice.
    private func search() async throws {
        for (count, seed) in (try Seeds.asked ?? []).enumerated() {
            guard let breach = try World.play(seed: seed).breach else { continue }
            print("FOUND after \(count + 1) histories: \(breach.law)")
            Issue.record("\(breach)")
            return
        }
        print("SURVIVED")
    }

    @Test("is the same again for the same seed, step by step")
    func replay() throws {
        for seed in 0..<UInt64(25) {
            let (first, _) = try World.play(seed: seed, isWritten: true)
            let (second, _) = try World.play(seed: seed, isWritten: true)
            #expect(first.chronicle == second.chronicle, "seed \(seed)")
            #expect((first.chronicle?.count ?? 0) > 20)
        }
        let (other, _) = try World.play(seed: 0, isWritten: true)
        #expect(try World.play(seed: 1, isWritten: true).world.chronicle != other.chronicle)
    }

    @Test("is the same whether it is written down or not")
    func silence() throws {
        var written = Coverage()
        var unwritten = Coverage()
        for seed in 100..<UInt64(110) {
            written.add(try World.play(seed: seed, isWritten: true).world)
            unwritten.add(try World.play(seed: seed).world)
        }
        #expect(written.digest == unwritten.digest)
    }

    @Test("that breaks a law is told with the seed, the law, the end of the story and the way to see all of it")
    func report() async throws {
        let report = try await Runner.play(Array(0..<60), .oneTryOnly)
        let failure = try #require(report.failures.first)
        let text = failure.description
        #expect(text.hasPrefix("seed \(failure.seed) breaks the law delivered ("), "\(text)")
        #expect(text.hasSuffix("to see all of it: make simulate SEED=\(failure.seed)"))
        #expect(failure.ending.count <= 41 && failure.ending.last?.contains("BROKEN") == true)
        #expect(text.contains("server sends"))
    }
}

@Suite("The seeds")
struct SeedTests {
    @Test("are asked for as a number of them, as ranges and one by one")
    func asked() throws {
        #expect(try Seeds.read("3") == [0, 1, 2])
        #expect(try Seeds.read("7,42") == [7, 42])
        #expect(try Seeds.read("10-12,5") == [10, 11, 12, 5])
        #expect(try Seeds.read("7-7") == [7])
        for text in ["", "x", "3-1", "1-2-3", "1,,2", "-5"] {
            #expect(throws: Seeds.Unreadable.self, "\(text)") { try Seeds.read(text) }
        }
    }

    @Test("that once found something are played first; a line that is none is named")
    func standing() throws {
        #expect(try Seeds.parse("# text\n\n12 # lost an answer\n 7 # and another\n", name: "seeds.txt") == [12, 7])
        for (text, line) in [("1 # a\nx # b", 2), ("1", 1), ("# a\n\n5 # \n", 3), ("1 2 # c", 1)] {
            #expect(
                performing: { try Seeds.parse(text, name: "seeds.txt") },
                throws: { "\($0)".hasPrefix("seeds.txt, line \(line): ") })
        }
        _ = try Seeds.standing
    }
}
