import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// A server that does not know the host's key any more.
@Suite(.serialized, .engineDifferences)
struct KeyTests {
    @Test(arguments: Dialect.all)
    func `a refused key is asked for anew, and neither the work nor its answer is lost meanwhile`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let pid = try scene.agent.pid
            let registrations = Self.count("/registers", scene)
            let subscriptions = scene.server.subscriptionsSoFar
            let instance = scene.instance("kept")
            scene.proxy.order(.create, .delay(.milliseconds(500)))
            let event = instance.activate()
            scene.server.send(event: event)
            try await scene.proxy.waitForFault(.create)
            scene.server.setFaults { $0.agentKeysRevoked = true }
            scene.server.cutSockets()
            try await untilTrue("the agent to ask for its key again", within: .seconds(60)) {
                Self.count("/registers", scene) > registrations
            }
            #expect(Self.count("/subscribe", status: 401, scene) == 5)
            #expect(scene.server.replies(to: event.eventID).isEmpty)
            scene.server.setFaults { $0.agentKeysRevoked = false }
            try await scene.server.waitForSubscriber(after: subscriptions, timeout: .seconds(30))
            let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(45))
            #expect(reply.outcome == .success)
            try scene.confirmOneAnswer(to: event)
            let known = instance.learned(from: reply)
            try await scene.confirm(known, runs: true)
            try await scene.deactivate(known)
            #expect(try scene.agent.pid == pid)
        }
    }

    private static func count(_ path: String, status: Int? = nil, _ scene: Scene) -> Int {
        scene.server.requests.count { $0.path.hasSuffix(path) && (status == nil || $0.status == status) }
    }
}
