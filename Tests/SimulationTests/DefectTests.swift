import Testing

/// The proof that the laws find something: defects are planted around the core, and have to be noticed.
@Suite("A planted defect")
struct PlantedDefectTests {
    private struct Finding: Sendable {
        let defect: PlantedDefect
        let histories: Int
        let breach: Breach?
    }

    /// So many histories are enough for each of them.
    private static let enough: UInt64 = 1000

    @Test("is found within a thousand histories")
    func found() async throws {
        let findings = try await withThrowingTaskGroup(of: Finding.self) { group in
            for defect in PlantedDefect.allCases { group.addTask { try Self.search(defect) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for defect in PlantedDefect.allCases {
            guard let finding = findings.first(where: { $0.defect == defect }), let breach = finding.breach else {
                Issue.record("not found: \(defect.rawValue)")
                continue
            }
            print("\(finding.histories) histories: \(defect.rawValue)\n      \(breach.law.rawValue)")
        }
        #expect(findings.count == PlantedDefect.allCases.count)
    }

    private static func search(_ defect: PlantedDefect) throws -> Finding {
        for seed in 0..<enough {
            if let breach = try World.play(seed: seed, defect: defect).breach {
                return Finding(defect: defect, histories: Int(seed) + 1, breach: breach)
            }
        }
        return Finding(defect: defect, histories: Int(enough), breach: nil)
    }

    @Test("is what is found: the same histories without it keep the laws")
    func innocent() throws {
        for seed in 0..<UInt64(10) { #expect(try World.play(seed: seed).breach == nil) }
    }
}
