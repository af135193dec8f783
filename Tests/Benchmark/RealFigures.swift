import DockerEngine
import Foundation
import Logging
import LosslessJSON
import NIOCore
import PaperEngine
import Processes
import RancherSimulator

/// The agent beside a real Docker Engine, compared with the bare calls.
struct RealFigures {
    let socket: String
    let rounds: Int

    func measure(into page: inout Page) async throws {
        let body = try await createBody()
        let client = try EngineClient(
            endpoint: try EngineEndpoint(dockerHost: "unix://\(socket)"),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        var bare: [Double] = []
        var ours: [Double] = []
        var processor: [Double] = []
        var shared: [Double] = []
        try await Rig.run(engineSocket: socket) { rig in
            let lives = 20
            for (number, instance) in Rig.instances(lives * rounds).enumerated() {
                bare.append(try await bareActivate(client, body, "bare-\(instance.uuid)") * 1000)
                let before = try rig.meter.processorSeconds
                let answer = try await rig.answers.ask(instance.activate())
                ours.append(answer.took.inSeconds * 1000)
                let known = instance.learned(from: answer.published)
                try await rig.answers.ask(known.deactivate(timeoutSeconds: 5))
                try await rig.answers.ask(known.remove())
                // The first ones still ask the engine what it is.
                if number > 2 { processor.append((try rig.meter.processorSeconds - before) * 1000) }
            }
            // A stack is deployed with many at a time: they share transactions and wake-ups.
            for _ in 0..<rounds {
                let before = try rig.meter.processorSeconds
                let instances = Rig.instances(48)
                let answers = rig.answers
                _ = try await atOnce(instances, limit: 8) { instance in
                    let known = instance.learned(from: try await answers.ask(instance.activate()).published)
                    try await answers.ask(known.deactivate(timeoutSeconds: 5))
                    try await answers.ask(known.remove())
                }
                shared.append((try rig.meter.processorSeconds - before) * 1000 / Double(instances.count))
            }
        }
        await client.shutdown()
        page.add("real engine: create, start and inspect, bare", "ms", bare)
        page.add("real engine: activate, frame to answer", "ms", ours)
        let ratio = Figure.quantile(0.5, of: ours) / Figure.quantile(0.5, of: bare)
        page.add("real engine: activate to bare calls, of the medians", "", [ratio], .atMost(1.1))
        page.add("real engine: processor time of a life, one at a time", "ms", processor)
        page.add("real engine: processor time of a life, 8 at a time", "ms", shared, .atMost(6))
    }

    /// The very body that the agent sends for these instances.
    private func createBody() async throws -> JSON {
        let paper = "/tmp/bench-\(UUID().uuidString.prefix(8)).sock"
        return try await PaperEngine.play(socket: paper) { engine in
            try await Rig.run(engineSocket: paper) { rig in
                try await rig.answers.ask(Rig.instances(1)[0].activate())
            }
            return engine.lastCreateBody
        }
    }

    /// - Returns: The seconds that create, start and inspect took. The container is gone then.
    private func bareActivate(_ client: EngineClient, _ body: JSON, _ name: String) async throws -> Double {
        let start = ContinuousClock.now
        let id = try await client.createContainer(name: name, body: body).id
        try await client.startContainer(id)
        _ = try await client.inspectContainer(id)
        let took = ContinuousClock.now - start
        try await client.removeContainer(id, removeVolumes: true, force: true)
        return took.inSeconds
    }
}
