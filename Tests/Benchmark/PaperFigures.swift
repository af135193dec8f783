import Foundation
import LosslessJSON
import PaperEngine
import Processes
import RancherSimulator

/// The agent beside an engine that answers at once: what is measured is the agent, the server and the sockets.
struct PaperFigures {
    let rounds: Int

    func measure(_ part: Part, into page: inout Page) async throws {
        switch part {
        case .calls: try await calls(into: &page)
        case .latency: try await latencies(into: &page)
        case .burst: try await bursts(into: &page)
        case .lives: try await lives(into: &page)
        case .pings: try await pings(into: &page)
        case .starts: try await starts(into: &page)
        case .readers: try await readers(into: &page)
        case .real: break
        }
    }

    private func run(_ body: (Rig, PaperEngine) async throws -> Void) async throws {
        let socket = "/tmp/bench-\(UUID().uuidString.prefix(8)).sock"
        try await PaperEngine.play(socket: socket) { engine in
            try await Rig.run(engineSocket: socket) { try await body($0, engine) }
        }
    }

    // MARK: Calls

    private func calls(into page: inout Page) async throws {
        var counts: [String: [Double]] = [:]
        try await run { rig, engine in
            // The first one asks the engine what it is.
            try await live(Rig.instances(1)[0], rig)
            for instance in Rig.instances(20) {
                func count(_ name: String, _ event: JSON) async throws -> Answers.Answer {
                    _ = engine.takeCalls()
                    let answer = try await rig.answers.ask(event)
                    counts[name, default: []].append(Double(engine.takeCalls().values.reduce(0, +)))
                    return answer
                }
                let known = instance.learned(from: try await count("activate", instance.activate()).published)
                _ = try await count("again", known.activate())
                _ = try await count("deactivate", known.deactivate(timeoutSeconds: 1))
                _ = try await count("remove", known.remove())
            }
        }
        page.add("Docker calls: activate, image present", "calls", counts["activate"] ?? [], .atMost(3))
        page.add("Docker calls: activate of what runs", "calls", counts["again"] ?? [], .atMost(1))
        page.add("Docker calls: deactivate", "calls", counts["deactivate"] ?? [], .atMost(2))
        page.add("Docker calls: remove", "calls", counts["remove"] ?? [], .atMost(2))
    }

    /// - Parameter pause: After each of its events.
    private func live(_ instance: InstanceEvents, _ rig: Rig, pause: Duration = .zero) async throws {
        let known = instance.learned(from: try await rig.answers.ask(instance.activate()).published)
        try await Task.sleep(for: pause)
        try await rig.answers.ask(known.deactivate(timeoutSeconds: 1))
        try await Task.sleep(for: pause)
        try await rig.answers.ask(known.remove())
        try await Task.sleep(for: pause)
    }

    // MARK: Latency

    private func latencies(into page: inout Page) async throws {
        var took: [Double] = []
        var processor: [Double] = []
        var rested: [Double] = []
        try await run { rig, _ in
            for instance in Rig.instances(20) { try await live(instance, rig) }
            let meter = try rig.meter
            // A real engine takes such times: whatever the processor had at hand is gone by the next step.
            for instance in Rig.instances(20) {
                let before = try meter.processorSeconds
                try await live(instance, rig, pause: .milliseconds(300))
                rested.append((try meter.processorSeconds - before) * 1000)
            }
            for instance in Rig.instances(100) {
                let before = try meter.processorSeconds
                try await live(instance, rig)
                processor.append((try meter.processorSeconds - before) * 1000)
            }
            for instance in Rig.instances(300) {
                let answer = try await rig.answers.ask(instance.activate())
                took.append(answer.took.inSeconds * 1000)
            }
        }
        page.add("activate, one at a time: frame to answer, p50", "ms", took)
        page.add("activate, one at a time: frame to answer, p99", "ms", [Figure.quantile(0.99, of: took)])
        page.add("processor time of a lifecycle, one at a time", "ms", processor)
        page.add("the same with 300 ms between its events", "ms", rested)
    }

    /// Activates of a daemon whose store is read all the time, and beside them the same commands on a copy: what these
    /// take of the machine is one thing, whether they hold up the daemon another.
    private func readers(into page: inout Page) async throws {
        var took: [(name: String, times: [Double])] = []
        try await run { rig, _ in
            let answers = rig.answers
            // Something to read.
            _ = try await atOnce(Rig.instances(2000), limit: 64) { try await answers.ask($0.activate()) }
            let copy = rig.stateDirectory + "-copy"
            try FileManager.default.copyItem(atPath: rig.stateDirectory, toPath: copy)
            defer { try? FileManager.default.removeItem(atPath: copy) }
            for (name, directory) in [
                ("nobody reading", nil), ("a copy of the store read all the time", copy),
                ("the store itself read all the time", rig.stateDirectory),
            ] {
                let reading = Task { if let directory { try await readAllTheTime(directory) } }
                defer { reading.cancel() }
                var times: [Double] = []
                for instance in Rig.instances(300) {
                    times.append(try await answers.ask(instance.activate()).took.inSeconds * 1000)
                }
                reading.cancel()
                _ = await reading.result
                took.append((name, times))
            }
        }
        for (name, times) in took {
            page.add("activate, \(name): frame to answer, p50", "ms", times)
            page.add("activate, \(name): frame to answer, p99", "ms", [Figure.quantile(0.99, of: times)])
        }
    }

    private func readAllTheTime(_ directory: String) async throws {
        while !Task.isCancelled {
            for command in [["export"], ["instances", "--json"], ["events"], ["check"]] {
                let (_, output) = try await Child.run(
                    try AgentProcess.binary(), ["state"] + command + ["--state-dir", directory], environment: [:])
                guard output.count > 100 else { throw HarnessError("state \(command) says only: \(output)") }
            }
        }
    }

    // MARK: Throughput

    private func bursts(into page: inout Page) async throws {
        var accepted: [Double] = []
        var answered: [Double] = []
        var dropped: [Double] = []
        let size = 5000
        for _ in 0..<rounds {
            try await run { rig, engine in
                let events = Rig.instances(size).map { $0.activate() }
                let start = ContinuousClock.now
                for event in events { try rig.answers.send(event) }
                try await untilTrue("\(size) stored events", within: .seconds(120)) {
                    try rig.hasStored(events[size - 1])
                }
                accepted.append(Double(size) / (ContinuousClock.now - start).inSeconds)
                var failures = 0
                for event in events where await rig.answers.answer(to: event).published.failure != nil { failures += 1 }
                answered.append(Double(size) / (ContinuousClock.now - start).inSeconds)
                dropped.append(Double(failures))
            }
        }
        page.add("burst of \(size) activates: accepted durably", "1/s", accepted, .atLeast(3000))
        page.add("burst of \(size) activates: refused or dropped", "events", dropped, .exactly(0))
        page.add("burst of \(size) activates: answered", "1/s", answered)
    }

    private func lives(into page: inout Page) async throws {
        var rates: [Double] = []
        var processor: [Double] = []
        var others: [Double] = []
        var took: [Double] = []
        var idle: [Double] = []
        var peaks: [Double] = []
        var after: [Double] = []
        for _ in 0..<rounds {
            try await run { rig, _ in
                let meter = try rig.meter
                try await Task.sleep(for: .seconds(3))
                idle.append(try meter.anonymousMegabytes)
                let instances = Rig.instances(1000)
                let before = try meter.processorSeconds
                let ownBefore = try ProcessMeter.itself.processorSeconds
                let start = ContinuousClock.now
                peaks.append(
                    try await meter.peak {
                        let answers = rig.answers
                        let times = try await atOnce(instances, limit: 64) { instance in
                            let first = try await answers.ask(instance.activate())
                            let known = instance.learned(from: first.published)
                            let second = try await answers.ask(known.deactivate(timeoutSeconds: 1))
                            let third = try await answers.ask(known.remove())
                            return [first, second, third].map { $0.took.inSeconds * 1000 }
                        }
                        took += times.flatMap { $0 }
                    })
                rates.append(Double(instances.count) / (ContinuousClock.now - start).inSeconds)
                processor.append((try meter.processorSeconds - before) * 1000 / Double(instances.count))
                others.append(
                    (try ProcessMeter.itself.processorSeconds - ownBefore) * 1000 / Double(instances.count))
                try await Task.sleep(for: .seconds(45))
                after.append(try meter.anonymousMegabytes)
            }
        }
        page.add("lifecycles, 64 at a time", "1/s", rates, .atLeast(300))
        page.add("lifecycles, 64 at a time: frame to answer, p50", "ms", took)
        page.add("lifecycles, 64 at a time: frame to answer, p99", "ms", [Figure.quantile(0.99, of: took)])
        page.add("processor time of a lifecycle", "ms", processor)
        page.add("the same, of server and engine", "ms", others)
        page.add("anonymous memory, idle", "MB", idle, .atMost(6))
        page.add("anonymous memory, most during 1,000 lifecycles", "MB", peaks, .atMost(25))
        page.add("anonymous memory, 45 s after them", "MB", after, .atMost(6))
    }

    // MARK: Pings

    private func pings(into page: inout Page) async throws {
        var took: [Double] = []
        try await run { rig, engine in
            let answers = rig.answers
            _ = try await atOnce(Rig.instances(1000), limit: 64) { try await answers.ask($0.activate()) }
            for _ in 0..<200 {
                let answer = try await rig.answers.ask(
                    RancherServer.Dialect.rancher20.ping(resources: true, instances: true))
                took.append(answer.took.inSeconds * 1000)
            }
        }
        page.add("ping with 1,000 containers, p50", "ms", took, .atMost(5))
        page.add("ping with 1,000 containers, p99", "ms", [Figure.quantile(0.99, of: took)])
    }

    // MARK: Starts

    private func starts(into page: inout Page) async throws {
        var empty: [Double] = []
        var full: [Double] = []
        var subscribed: [Double] = []
        var resumed: [Double] = []
        var fullMemory: [Double] = []
        try await run { rig, engine in
            for _ in 0..<rounds {
                _ = try await rig.agent.terminate()
                empty.append(try await rig.start())
            }
            let answers = rig.answers
            _ = try await atOnce(Rig.instances(10_000), limit: 256) { try await answers.ask($0.activate()) }
            rig.server.forgetMessages()
            for _ in 0..<rounds {
                try await Task.sleep(for: .seconds(1))
                _ = try await rig.agent.terminate()
                full.append(try await rig.start())
            }
            fullMemory.append(try rig.meter.anonymousMegabytes)
            guard try rig.storedResources >= 10_000 else { throw HarnessError("there are not 10,000 records") }
            // Killed with two thousand events in hand, among ten thousand records.
            for _ in 0..<rounds {
                let events = Rig.instances(2000).map { $0.activate() }
                for event in events { try rig.answers.send(event) }
                try await untilTrue("stored events", within: .seconds(60)) { try rig.hasStored(events[1999]) }
                try await rig.agent.kill9()
                let start = ContinuousClock.now
                subscribed.append(try await rig.start())
                for event in events { _ = await rig.answers.answer(to: event) }
                resumed.append((ContinuousClock.now - start).inSeconds)
            }
        }
        page.add("start to subscribed, empty store", "s", empty)
        page.add("start to subscribed, 10,000 records", "s", full, .atMost(0.5))
        page.add("anonymous memory with 10,000 containers", "MB", fullMemory)
        page.add("start after a crash, 10,000 records, 2,000 events in hand: subscribed", "s", subscribed)
        page.add("start after a crash, 10,000 records, 2,000 events in hand: all answered", "s", resumed)
    }
}
