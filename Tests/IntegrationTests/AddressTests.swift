import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// A network plug-in connects the container after its start, and the agent finds out with which address (PROTOCOL 9).
@Suite(.serialized, .engineDifferences)
struct AddressTests {
    private static let progress = "Detecting Primary IP address"

    @Test(
        """
        a container that the engine does not connect is answered with the address of its own process, with the plug-in's \
        error, or in vain after half a minute, and stays (defects 47, 49, 87e)
        """,
        arguments: Dialect.all)
    func addresses(_ dialect: Dialect) async throws {
        try await Scene.play(in: dialect) { scene in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await late(scene) }
                group.addTask { try await file(scene) }
                group.addTask { try await failure(scene) }
                group.addTask { try await halfWritten(scene) }
                group.addTask { try await never(scene) }
                group.addTask { try await neverForAReport(scene) }
                group.addTask { try await end(scene) }
                group.addTask { try await restart(scene) }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: Dialect.all) func `a new wish takes over while an address is waited for`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            _ = try await atOnce([0, 300, 900, 1700]) { pause in
                let waiting = try await Waiting("overtaken\(pause)", scene)
                try await Task.sleep(for: .milliseconds(pause))
                let start = ContinuousClock.now
                try await scene.succeed(waiting.instance.deactivate(timeoutSeconds: 1))
                let took = ContinuousClock.now - start
                try #require(took < .seconds(3), "deactivated after \(took)")
                let answer = try await waiting.answer()
                try #require(answer.failure == "superseded by compute.instance.deactivate")
                try await scene.confirm(waiting.instance, runs: false)
            }
            let waiting = try await Waiting("removed", scene)
            let start = ContinuousClock.now
            try await scene.remove(waiting.instance)
            let took = ContinuousClock.now - start
            try #require(took < .seconds(3), "removed after \(took)")
            let answer = try await waiting.answer()
            try #require(answer.failure == "superseded by compute.instance.remove")
        }
    }

    @Test(arguments: Dialect.all) func `an address that is given while the agent is away, or after it, is found`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let meanwhile = try await Waiting("meanwhile", scene)
            let after = try await Waiting("after", scene)
            try await scene.agent.kill9()
            try meanwhile.plugin(writes: #"{"IP4":{"IP":"10.42.8.1/16"}}"#)
            try await scene.start()
            try await meanwhile.confirm(address: "10.42.8.1")
            try #require(scene.server.replies(to: after.event.eventID).isEmpty)
            try await after.connect("10.42.8.2")
            try await after.confirm(address: "10.42.8.2")
        }
    }

    // MARK: What may become of one

    private func late(_ scene: Scene) async throws {
        let waiting = try await Waiting("late", scene)
        try await Task.sleep(for: .seconds(1))
        try await waiting.connect("10.42.1.7")
        let answer = try await waiting.confirm(address: "10.42.1.7")
        // Asked again with the same words, it is the same; a mere report takes a failure for none.
        try waiting.plugin(writes: #"{"Error":"the network is gone"}"#)
        let known = waiting.instance.learned(from: answer)
        let report = try await scene.succeed(known.activate(isNoOp: true))
        try #require(report.instanceStatus["externalId"].text == waiting.id)
        try #require(report.instanceStatus["primaryIpAddress"].isNull)
        try await scene.confirm(known, runs: true)
    }

    private func file(_ scene: Scene) async throws {
        let waiting = try await Waiting("file", scene)
        // The file comes first.
        try waiting.plugin(writes: #"{"IP4":{"IP":"10.42.12.7/16"}}"#)
        try await waiting.connect("10.42.12.8")
        try await waiting.confirm(address: "10.42.12.7")
    }

    private func failure(_ scene: Scene) async throws {
        let waiting = try await Waiting("failure", scene)
        try waiting.plugin(writes: #"{"Error":"no free address"}"#)
        let answer = try await waiting.answer()
        try #require(answer.failure == "no free address")
        try await scene.confirm(waiting.instance, runs: true)
        try waiting.plugin(writes: #"{"IP4":{"IP":"10.42.87.5/16"}}"#)
        try await waiting.confirm(address: "10.42.87.5", by: scene.succeed(waiting.instance.activate()))
    }

    private func halfWritten(_ scene: Scene) async throws {
        let waiting = try await Waiting("half", scene)
        try waiting.plugin(writes: #"{"IP4":{"IP":"10.42.49.7/1"#)
        // More than the longest pause between two looks.
        try await Task.sleep(for: .seconds(3))
        try #require(scene.server.replies(to: waiting.event.eventID).isEmpty)
        try waiting.plugin(writes: #"{"IP4":{"IP":"10.42.49.7/16"}}"#)
        try await waiting.confirm(address: "10.42.49.7")
    }

    private func never(_ scene: Scene) async throws {
        let waiting = try await Waiting("never", scene)
        let answer = try await waiting.answer(within: .seconds(60))
        try #require(answer.failure == "Timeout getting IP address")
        // Where the engine is slow, there is something to say before.
        let messages = Array(
            scene.server.progress(for: waiting.event.eventID).drop { $0.outcome != .progress(Self.progress) })
        let first = try #require(messages.first)
        let took = answer.arrival - first.arrival
        try #require(took > .seconds(29) && took < .seconds(40), "answered after \(took)")
        for (message, next) in zip(messages, messages.dropFirst() + [answer]) {
            let silence = next.arrival - message.arrival
            try #require(silence < .seconds(7), "a silence of \(silence)")
            try #require(message.outcome == .progress(Self.progress), "\(message.outcome)")
        }
        try await scene.confirm(waiting.instance, runs: true)
        try await waiting.connect("10.42.2.2")
        try await waiting.confirm(address: "10.42.2.2", by: scene.succeed(waiting.instance.activate()))
    }

    private func neverForAReport(_ scene: Scene) async throws {
        var instance = scene.instance("report") { $0.networkKind = "cni" }
        instance.labels["io.rancher.cni.wait"] = "false"
        let id = try await scene.engine.docker(
            "run", "-d", "--network", "none", "--label", "\(Engine.label)=\(instance.uuid)", Engine.image, "sleep",
            "3600")
        instance.externalID = id
        let answer = try await scene.succeed(instance.activate(isNoOp: true), within: .seconds(60))
        try #require(answer.instanceStatus["externalId"].text == id)
        try #require(answer.instanceStatus["dockerInspect"]["State"]["Running"] == true)
        try #require(answer.instanceStatus["primaryIpAddress"].isNull)
    }

    private func end(_ scene: Scene) async throws {
        let waiting = try await Waiting("end", scene)
        try await scene.engine.kill(waiting.id)
        let answer = try await waiting.answer(within: .seconds(10))
        try #require(answer.outcome == .success)
        try #require(answer.instanceStatus["externalId"].text == waiting.id)
        try #require(answer.instanceStatus["primaryIpAddress"].isNull)
        let state = answer.instanceStatus["dockerInspect"]["State"]
        try #require(state["Status"] == "exited")
        try #require(state["StartedAt"].text == waiting.startedAt, "it was started again")
    }

    private func restart(_ scene: Scene) async throws {
        let before = try await Waiting("restart", scene)
        try await scene.engine.docker("restart", "-t", "0", before.id)
        try before.plugin(writes: #"{"IP4":{"IP":"10.42.47.1/16"}}"#)
        let after = try await before.again()
        try #require(after.startedAt != before.startedAt)
        // More than the longest pause between two looks.
        try await Task.sleep(for: .seconds(3))
        try #require(scene.server.replies(to: before.event.eventID).isEmpty, "an answer for the process that has ended")
        try await after.connect("10.42.47.2")
        let answer = try await after.confirm(address: "10.42.47.2")
        try #require(answer.instanceStatus["dockerInspect"]["State"]["StartedAt"].text == after.startedAt)
    }

    // MARK: One that waits

    /// An instance whose container runs, and whose address the agent has looked for without finding one.
    private struct Waiting: Sendable {
        let scene: Scene
        let instance: InstanceEvents
        let event: JSON
        let id: String
        let startedAt: String
        let pid: Int

        init(_ name: String, _ scene: Scene) async throws {
            let instance = scene.instance(name) {
                $0.networkKind = "cni"
                // Nobody has brought along the program that waits for the plug-in within the container.
                $0.labels["io.rancher.cni.wait"] = "false"
            }
            let event = instance.activate()
            try #require(scene.server.send(event: event))
            try await self.init(instance, event, scene)
            try await untilTrue("the agent to look for the address of \(name)") {
                scene.server.progress(for: event.eventID).contains { $0.outcome == .progress(AddressTests.progress) }
            }
        }

        private init(_ instance: InstanceEvents, _ event: JSON, _ scene: Scene) async throws {
            self.scene = scene
            self.instance = instance
            self.event = event
            let container = try await eventually("the container of \(instance.name)") { () -> JSON? in
                guard let id = try await scene.engine.ids(of: instance.uuid).first,
                    let container = try await scene.engine.inspect(id), (container["State"]["Pid"].integer ?? 0) > 0
                else { return .none }
                return container
            }
            id = try #require(container["Id"].text)
            startedAt = try #require(container["State"]["StartedAt"].text)
            pid = try #require(container["State"]["Pid"].integer)
        }

        /// The same one as it is now.
        func again() async throws -> Waiting { try await Waiting(instance, event, scene) }

        /// Leaves a state file for this start of the container.
        func plugin(writes text: String) throws {
            let folder = "\(scene.stateDirectory)/cni/\(id)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(startedAt)"), options: .atomic)
        }

        /// Gives the container's process an `eth0` with the address.
        func connect(_ address: String) async throws {
            for arguments in [
                ["link", "add", "eth0", "type", "bridge"], ["address", "add", "\(address)/16", "dev", "eth0"],
            ] {
                let (ending, output) = try await Child.run("nsenter", ["-t", "\(pid)", "-n", "ip"] + arguments)
                guard ending == .code(0) else {
                    throw HarnessError("ip \(arguments.joined(separator: " ")): \(output)")
                }
            }
        }

        /// The one answer.
        func answer(within limit: Duration = .seconds(20)) async throws -> Published {
            let answer = try await scene.server.waitForReply(to: event.eventID, timeout: limit)
            try scene.confirmOneAnswer(to: event)
            return answer
        }

        /// It was answered with the address, and runs.
        ///
        /// - Parameter given: The answer to look at, if it is not the one to the first event.
        @discardableResult
        func confirm(address: String, by given: Published? = nil) async throws -> Published {
            let answer = if let given { given } else { try await answer() }
            try #require(answer.outcome == .success, "\(instance.name): \(answer.outcome)")
            let status = answer.instanceStatus
            try #require(status["primaryIpAddress"].text == address, "\(instance.name)")
            try #require(status["externalId"].text == id)
            try #require(status["dockerInspect"]["Id"].text == id)
            try #require(status["dockerInspect"]["HostConfig"]["NetworkMode"] == "none")
            try await scene.confirm(instance.learned(from: answer), runs: true)
            return answer
        }
    }
}
