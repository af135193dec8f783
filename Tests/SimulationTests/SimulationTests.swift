import Foundation
import Testing

/// Whole histories of a host from seeds, held to the laws at every step.
@Suite("A simulated history")
struct SimulationTests {
    @Test("keeps every law, whatever the seed")
    func laws() async throws {
        let report = try await Runner.play(try Seeds.asked ?? Seeds.standing + Array(0..<Seeds.standard))
        print(report.text)
        for failure in report.failures { Issue.record("\(failure)") }
    }
}
