import Foundation
import LosslessJSON
import Mutations
import RancherSimulator
import Testing

/// Mutated events through the real process and a real websocket.
@Suite(.serialized, .engineDifferences)
struct FuzzTests {
    /// How many frames are sent, half of them in each dialect; a long run sends more of them.
    private static let frames = ProcessInfo.processInfo.environment["FUZZ_FRAMES"].flatMap { Int($0) } ?? 2_400
    private static let atOnce = 40

    @Test(arguments: Dialect.all)
    func `mutated events cost nobody but themselves, and each is answered once (defects 24, 25, 27, 30, 31, 87a)`(
        dialect: Dialect
    )
        async throws
    {
        let socket = "/tmp/paper-\(UUID().uuidString.prefix(8)).sock"
        try await PaperEngine.play(socket: socket) { engine in
            try await Scene.play(in: dialect, .init(environment: ["DOCKER_HOST": "unix://\(socket)"])) { scene in
                let pid = try scene.agent.pid
                let subscriptions = scene.server.subscriptionsSoFar
                var mutator = try FrameMutator(seed: 11, label: "wire", dialects: [dialect.rawValue])
                var ledger = Ledger()
                let start = ContinuousClock.now
                var sent = 0
                while sent < Dialect.share(of: Self.frames) {
                    var waitedFor: [String] = []
                    for _ in 0..<Self.atOnce {
                        let frame = mutator.next()
                        sent += 1
                        let id = ledger.note(frame)
                        // Nobody can answer to an address that the server does not take.
                        if let id, ledger.debts[id]?.replyTo.hasPrefix("reply.") == true { waitedFor.append(id) }
                        try #require(scene.server.sendRaw(bytes: frame.bytes), "nobody is there after \(frame)")
                    }
                    for id in waitedFor {
                        let frame = ledger.debts[id]?.frame.description ?? ""
                        do {
                            try await scene.server.waitForReply(to: id, timeout: .seconds(30))
                        } catch {
                            throw HarnessError("no answer to \(frame)")
                        }
                    }
                }
                // What is far too large is refused, and that is all.
                let large = Self.largeEvent(in: dialect)
                try #require(scene.server.sendRaw(bytes: large.encoded))
                let refusal = try await scene.server.waitForReply(to: large.eventID, timeout: .seconds(30))
                #expect(refusal.failure?.contains("larger than") == true)

                for (id, debt) in ledger.debts where debt.replyTo.hasPrefix("reply.") {
                    let fault = ledger.fault(of: id, scene.server.replies(to: id).map(\.message.encodedText))
                    #expect(fault == nil, "\(debt.frame)")
                }
                let successes = ledger.debts.keys.count { scene.server.replies(to: $0).first?.outcome == .success }
                print(
                    """
                    \(sent) mutated frames in \((ContinuousClock.now - start).inSeconds) s: \(ledger.unreadable) unreadable, \
                    \(ledger.debts.count) events, \(successes) successes; \(engine.calls) calls, \
                    \(engine.created) containers
                    """)
                #expect(successes > sent / 20)
                #expect(engine.created > 10)
                // The process is the same, the socket is the same, and a sound event finds a sound agent.
                #expect(try scene.agent.pid == pid)
                #expect(scene.agent.ended == nil)
                #expect(scene.server.subscriptionsSoFar == subscriptions)
                let reply = try await scene.succeed(scene.instance("sound").activate())
                #expect(reply.instanceStatus["externalId"].nonEmptyText != nil)
            }
        }
    }

    private static func largeEvent(in dialect: Dialect) -> JSON {
        dialect.makeEvent(
            name: "compute.instance.activate", resourceType: "instance", resourceId: "1i1",
            data: .string(String(repeating: "x", count: 5 << 20)))
    }
}
