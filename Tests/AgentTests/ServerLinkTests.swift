import RancherAPI
import Reconciler
import Testing

@testable import Agent

@Suite("The way to the server", .timeLimit(.minutes(1)))
struct ServerLinkTests {
    @Test("is tried again for an answer that nothing else remembers, and only for so long")
    func unstored() async {
        var limits = AgentLimits()
        limits.unstoredPatience = .milliseconds(300)
        let link = ServerLink(limits: limits)
        let start = ContinuousClock.now
        // This agent is not registered: each try fails at once.
        let error = await #expect(throws: RancherError.self) { try await link.sendPatiently("{}") }
        #expect(error?.code == .timedOut)
        #expect(ContinuousClock.now - start >= .milliseconds(300))
        // One that is cancelled waits for nothing.
        let patient = ServerLink(limits: AgentLimits())
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await patient.sendPatiently("{}")) == nil }
            group.cancelAll()
            #expect(await group.next() == true)
        }
        #expect(ContinuousClock.now - start < .seconds(10))
    }
}
