import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// A host that was added to another server, of the other dialect, with all that the first one had asked of it.
@Suite(.serialized, .engineDifferences)
struct DialectChangeTests {
    /// What the second server does with answers to events that it has not sent.
    enum Stranger: String, CaseIterable, Sendable { case takes, refuses }

    @Test(arguments: Dialect.changing, Stranger.allCases)
    func `what one server has asked is done and closed with a server of the other dialect`(
        first: Dialect, stranger: Stranger
    ) async throws {
        let second: Dialect = first == .rancher16 ? .rancher20 : .rancher16
        try await Scene.play(in: first, .init(isProxied: true)) { scene in
            let known = try await scene.activate(scene.instance("known"))
            // Done, but nobody has heard of it.
            scene.server.setFaults { $0.publish = .init(status: 503) }
            let told = scene.instance("told")
            let undelivered = told.activate()
            try #require(scene.server.send(event: undelivered))
            try await untilTrue("an answer that is not taken") { scene.server.requests.contains { $0.status == 503 } }
            // In the middle of it.
            let volume = scene.volume("change")
            let made = [
                scene.instance("made") {
                    $0.dataVolumes = ["\(volume):/data"]
                    $0.volumes = [.init(name: volume)]
                }, scene.instance("made-too"),
            ]
            for instance in made { scene.proxy.order(.create, of: instance.dockerName, .delay(.seconds(1))) }
            let stopping = known.deactivate(timeoutSeconds: 1)
            scene.proxy.order(.stop, of: known.dockerName, .delay(.seconds(1)))
            let open = made.map { $0.activate() } + [stopping]
            for event in open { try #require(scene.server.send(event: event)) }
            try await scene.agent.waitForAcceptance(of: open.map(\.eventID))
            for instance in made { try await scene.proxy.waitForFault(.create, of: instance.dockerName) }
            try await scene.agent.kill9()
            await scene.server.suspend()

            try await RancherServer.withServer(dialect: second) { server in
                server.setFaults {
                    $0.registerCreatingPolls = 0
                    if stranger == .refuses { $0.foreignAnswers = .init(status: 422, code: "InvalidReference") }
                }
                let agent = AgentProcess(
                    arguments: ["--url", server.registrationURL], environment: scene.agent.environment,
                    logFile: scene.agent.logFile)
                try agent.start()
                let result: Result<Void, any Error>
                do {
                    try await server.waitForSubscriber(timeout: .seconds(20))
                    try await closed(open + [undelivered], stranger, agent, server)
                    for instance in made + [told] { try await scene.confirm(instance, runs: true) }
                    try await scene.confirm(known, runs: false)
                    #expect(try await scene.engine.hasVolume(volume))
                    // From here on they are the other server's, which has no other name for them.
                    for instance in made + [told, known] { try await goesOn(instance, second, scene, server) }
                    #expect(try await agent.terminate().ending == .code(0))
                    let store = try StoreAtRest(stateDirectory: scene.stateDirectory)
                    #expect(store.underWay == [] && store.openEvents == 0 && store.undeliveredAnswers == 0)
                    #expect(store.quarantined == [])
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
                agent.signal(SIGKILL)
                _ = try? await agent.waitForEnd(within: .seconds(10))
                try result.get()
            }
        }
    }

    /// Every event of the first server has come to its end: its answer was taken, in the words of the server that asked;
    /// or it was refused for good, and whoever asks why is told.
    private func closed(
        _ events: [JSON], _ stranger: Stranger, _ agent: AgentProcess, _ server: RancherServer
    ) async throws {
        for event in events {
            switch stranger {
            case .takes:
                let answer = try await server.waitForReply(to: event.eventID)
                try #require(answer.outcome == .success, "\(answer.failure ?? "")")
                #expect(answer.name == event["replyTo"].text)
                #expect(answer.message["resourceType"] == event["resourceType"])
                #expect(answer.instanceStatus["dockerInspect"]["Id"].nonEmptyText != nil)
                #expect(Set(server.replies(to: event.eventID).map(\.message.encodedText)).count == 1)
            case .refuses:
                try await agent.waitForLog("answer refused by the server for good")
                let uuid = Self.uuid(of: event)
                let shown = try await eventually("the reason why \(uuid) has no answer") { () -> String? in
                    let (ending, text) = try await agent.command("state", "show", uuid)
                    guard ending == .code(0), text.contains("refused by the server") else { return nil }
                    return text
                }
                #expect(shown.contains("422"), "\(shown)")
                #expect(server.replies(to: event.eventID).isEmpty)
            }
        }
    }

    private static func uuid(of event: JSON) -> String {
        let data = event["data"]
        return data["deploymentSyncRequest"]["containers"][0]["uuid"].nonEmptyText
            ?? data["instanceHostMap"]["instance"]["uuid"].text ?? ""
    }

    /// The rest of a life, in the words of another server.
    private func goesOn(
        _ instance: InstanceEvents, _ dialect: Dialect, _ scene: Scene, _ server: RancherServer
    ) async throws {
        var known = instance
        known.dialect = dialect
        for (event, runs) in [
            ({ $0.activate() }, true), ({ $0.deactivate(timeoutSeconds: 1) }, false), ({ $0.remove() }, nil),
        ] as [((InstanceEvents) -> JSON, Bool?)] {
            let event = event(known)
            let reply = try await server.ask(event)
            try #require(reply.outcome == .success, "\(instance.name): \(reply.failure ?? "")")
            try scene.confirmUse(of: reply, to: event)
            known = known.learned(from: reply)
            if let runs { try await scene.confirm(known, runs: runs) } else { try await scene.confirmGone(known) }
        }
    }
}
