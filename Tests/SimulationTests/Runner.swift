import Foundation

/// Plays many seeds, as many at a time as there are processors.
enum Runner {
    struct Failure: CustomStringConvertible {
        let seed: UInt64
        let breach: Breach
        /// What happened last.
        let ending: [String]

        var description: String {
            """
            seed \(seed) breaks the law \(breach)
            \(ending.map { "    " + $0 }.joined(separator: "\n"))
            to see all of it: make simulate SEED=\(seed)
            """
        }
    }

    struct Report {
        var coverage = Coverage()
        var failures: [Failure] = []
        var seconds = 0.0

        var text: String {
            let rate = Double(coverage.histories) / max(seconds, 0.001)
            return coverage.table + "\n" + String(format: "%.0f histories/s, %.1f s", rate, seconds)
        }
    }

    /// Failures beyond this number are only more of the same.
    static let enoughFailures = 5

    static func play(_ seeds: [UInt64], _ defect: PlantedDefect? = nil) async throws -> Report {
        let start = ContinuousClock.now
        let workers = max(1, min(ProcessInfo.processInfo.activeProcessorCount, seeds.count))
        var report = try await withThrowingTaskGroup(of: Report.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    try play(seeds: stride(from: worker, to: seeds.count, by: workers).map { seeds[$0] }, defect)
                }
            }
            return try await group.reduce(into: Report()) { sum, part in
                sum.coverage = sum.coverage + part.coverage
                sum.failures += part.failures
            }
        }
        report.failures.sort { $0.seed < $1.seed }
        report.seconds = (ContinuousClock.now - start) / .seconds(1)
        return report
    }

    private static func play(seeds: [UInt64], _ defect: PlantedDefect?) throws -> Report {
        var report = Report()
        for seed in seeds where report.failures.count < enoughFailures {
            let (world, breach) = try World.play(seed: seed, defect: defect)
            report.coverage.add(world)
            if breach != nil { report.failures.append(try explain(seed, defect)) }
        }
        return report
    }

    /// The same history again, in words.
    private static func explain(_ seed: UInt64, _ defect: PlantedDefect?) throws -> Failure {
        let (world, breach) = try World.play(seed: seed, defect: defect, isWritten: true)
        let ending = (world.chronicle ?? []).suffix(40)
        guard let breach else {
            let text = "the law was kept when the seed was played again"
            return Failure(seed: seed, breach: Breach(law: .bounded, text: text), ending: Array(ending))
        }
        return Failure(seed: seed, breach: breach, ending: Array(ending))
    }
}
