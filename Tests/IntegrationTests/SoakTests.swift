import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Store
import Synchronization
import Testing

/// Mixed load with faults for as long as is asked for, and what it leaves behind in the agent.
@Suite(.serialized, .engineDifferences)
struct SoakTests {
    /// How long the load lasts; SOAK_SECONDS makes it longer.
    private static let seconds = ProcessInfo.processInfo.environment["SOAK_SECONDS"].flatMap { Int($0) } ?? 24
    private static let seed = ProcessInfo.processInfo.environment["SOAK_SEED"].flatMap { UInt64($0) } ?? 7
    private static let workers = 8
    /// What the agent may remember: little enough that the first part of the load exceeds it.
    private static let keptEvents = min(max(16, seconds / 2), 100)
    private static let keptResources = keptEvents / 4

    @Test(arguments: Dialect.all)
    func `under mixed load with faults all is answered, and memory, files, threads and rows stay flat`(dialect: Dialect)
        async throws
    {
        let limits = [
            "CATTLE_KEPT_EVENTS": String(Self.keptEvents), "CATTLE_KEPT_RESOURCES": String(Self.keptResources),
            "CATTLE_TIDY_SECONDS": "1",
        ]
        try await Scene.play(in: dialect, .init(isProxied: true, deadlineSeconds: 3, environment: limits)) { scene in
            print("soak: seed \(Self.seed), \(Self.seconds) s with \(Self.workers) workers")
            var rests: [Rest] = []
            var total = Tally()
            // The first part brings everything to the size that it keeps.
            for (part, share) in [0.3, 0.35, 0.35].enumerated() {
                total.add(try await load(scene, for: .seconds(Double(Self.seconds) * share), part: part))
                rests.append(try await rest(scene, after: total))
                print("\(rests[part])")
            }
            #expect(rests[0].events > Self.keptEvents, "too little load to show anything")
            #expect(rests[0].lives > Self.keptResources, "too little load to show anything")
            #expect(total.answered == total.events)
            #expect(total.lives > 0)
            #expect(total.faults > 0)
            try expectFlat(rests)
            let log = scene.agent.log
            #expect(!log.contains("critical"))
            #expect(try await scene.engine.containers(label: Engine.label).isEmpty)
            #expect(scene.agent.ended == nil)
        }
    }

    // MARK: The load

    private struct Tally: Sendable {
        var lives = 0
        var events = 0
        var answered = 0
        /// Answers that were errors, which the faults explain.
        var errors = 0
        var faults = 0

        mutating func add(_ other: Tally) {
            lives += other.lives
            events += other.events
            answered += other.answered
            errors += other.errors
            faults += other.faults
        }
    }

    private func load(_ scene: Scene, for duration: Duration, part: Int) async throws -> Tally {
        let end = ContinuousClock.now + duration
        return try await withThrowingTaskGroup(of: Tally.self) { group in
            for worker in 0..<Self.workers {
                group.addTask {
                    var random = SplitMix(state: Self.seed &* 1000 &+ UInt64(part * 100 + worker))
                    var tally = Tally()
                    while ContinuousClock.now < end {
                        try await live(scene, "soak\(part)-\(worker)-\(tally.lives)", &random, &tally)
                    }
                    return tally
                }
            }
            group.addTask {
                var random = SplitMix(state: Self.seed &* 1000 &+ UInt64(part * 100 + 99))
                var tally = Tally()
                while ContinuousClock.now < end {
                    if try await trouble(scene, &random) { tally.faults += 1 }
                    try await Task.sleep(for: .milliseconds(Int.random(in: 100...500, using: &random)))
                }
                scene.proxy.cancelOrders()
                scene.server.setFaults { $0.publish = nil }
                return tally
            }
            var total = Tally()
            for try await tally in group { total.add(tally) }
            return total
        }
    }

    /// One instance from its first activation to its removal, with detours.
    private func live(_ scene: Scene, _ name: String, _ random: inout SplitMix, _ tally: inout Tally) async throws {
        let volume = Int.random(in: 0..<3, using: &random) == 0 ? scene.volume("soak") : nil
        var known = scene.instance(name) {
            guard let volume else { return }
            $0.dataVolumes = ["\(volume):/data"]
            $0.volumes = [.init(name: volume)]
        }
        for detour in [Int.random(in: 0..<6, using: &random), 0] {
            switch detour {
            case 1:
                known = known.learned(from: try await ask(known.activate(), scene, &tally))
                try await ask(known.activate(), scene, &tally)
            case 2:
                // A change of mind on the way.
                let first = known.activate()
                try await send(first, scene)
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...150, using: &random)))
                try await ask(known.deactivate(timeoutSeconds: 1), scene, &tally)
                try await confirm(first, scene, &tally)
            case 3: try await ask(known.inspect(), scene, &tally)
            case 4:
                try await ask(
                    scene.dialect.instancePull(image: Engine.image, server: nil, mode: "cached"), scene, &tally)
            default: break
            }
        }
        known = known.learned(from: try await ask(known.activate(), scene, &tally))
        try await ask(known.deactivate(timeoutSeconds: 1), scene, &tally)
        // The server asks until it is done, as it does.
        for _ in 0..<10 {
            if try await ask(known.remove(), scene, &tally).failure == nil { break }
        }
        if let volume {
            for _ in 0..<10 {
                if try await ask(scene.dialect.volumeRemove(name: volume), scene, &tally).failure == nil { break }
            }
        }
        tally.lives += 1
    }

    private func send(_ event: JSON, _ scene: Scene) async throws {
        try await untilTrue("somebody to send to", within: .seconds(90)) { scene.server.send(event: event) }
    }

    @discardableResult
    private func ask(_ event: JSON, _ scene: Scene, _ tally: inout Tally) async throws -> Published {
        try await send(event, scene)
        return try await confirm(event, scene, &tally)
    }

    /// Waits for the answer. What was lost together with a socket is sent again, as the server does.
    @discardableResult
    private func confirm(_ event: JSON, _ scene: Scene, _ tally: inout Tally) async throws -> Published {
        tally.events += 1
        for _ in 0..<8 {
            if let reply = try? await scene.server.waitForReply(to: event.eventID, timeout: .seconds(15)) {
                tally.answered += 1
                if reply.failure != nil { tally.errors += 1 }
                try scene.confirmOneAnswer(to: event)
                return reply
            }
            try await send(event, scene)
        }
        throw HarnessError("no answer to \(event["name"].text ?? ""), \(event.eventID)")
    }

    // MARK: The faults

    /// - Returns: Whether something was spoilt.
    private func trouble(_ scene: Scene, _ random: inout SplitMix) async throws -> Bool {
        let calls: [EngineCall] = [.create, .start, .inspect, .stop, .remove, .listAll, .createVolume, .removeVolume]
        let faults: [EngineFault] = [
            .cutBefore, .cutAfter, .hangBefore, .hangAfter, .halfAnswer, .brokenJSON, .delay(.milliseconds(400)),
            .answerAfter(500, "simulated trouble"),
        ]
        switch Int.random(in: 0..<20, using: &random) {
        case 0: scene.server.cutSockets()
        case 1: scene.server.closeSockets()
        case 2: scene.server.setFaults { $0.publish = .init(status: 503, count: 5) }
        case 3: scene.server.setFaults { $0.publishCutCount = 2 }
        case 4:
            scene.proxy.down()
            try await Task.sleep(for: .milliseconds(300))
            try scene.proxy.up()
        case 5:
            await scene.server.suspend()
            try await Task.sleep(for: .milliseconds(300))
            try await scene.server.resume()
        default:
            guard let call = calls.randomElement(using: &random), let fault = faults.randomElement(using: &random)
            else { return false }
            // Faults that come faster than the calls of their kind would spoil each of them, for ever.
            guard !scene.proxy.isToSpoil(call) else { return false }
            scene.proxy.order(call, fault)
        }
        return true
    }

    // MARK: At rest

    /// What the agent holds when nothing is going on.
    private struct Rest: CustomStringConvertible {
        let memory: Double
        let files: Int
        let threads: Int
        let rows: [String: Int]
        /// The database, and the log beside it.
        let databaseMegabytes: Double
        let logMegabytes: Double
        let lives: Int
        let events: Int
        let errors: Int
        let faults: Int

        var description: String {
            let tables = rows.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            return """
                after \(lives) lives, \(events) events (\(errors) errors) and \(faults) faults: \
                \(Int(memory * 10)) x 0.1 MB anonymous, \(files) files, \(threads) threads, database \
                \(Int(databaseMegabytes * 100)) x 0.01 MB and its log \(Int(logMegabytes * 100)) x 0.01 MB; \
                rows: \(tables)
                """
        }
    }

    private func rest(_ scene: Scene, after total: Tally) async throws -> Rest {
        let meter = ProcessMeter(pid: try scene.agent.pid)
        let path = scene.stateDirectory + "/" + Store.fileName
        let connection = try Connection(path: path, mode: .readOnly)
        // An answer whose delivery has failed often is sent again after half a minute at most.
        try await untilTrue("everything to be closed", within: .seconds(90)) {
            try connection.rows("SELECT count(*) FROM event WHERE state <> 'closed'") { $0.integer(0) }.first == 0
        }
        // Free memory is given back after twelve seconds in which nothing has happened.
        try await Task.sleep(for: .seconds(15))
        var rows: [String: Int] = [:]
        for table in ["event", "resource", "transition", "reply", "quarantine"] {
            rows[table] = try connection.rows("SELECT count(*) FROM \(table)") { $0.integer(0) }.first
        }
        rows["history of what is forgotten"] = try connection.rows(
            "SELECT count(*) FROM transition WHERE key NOT IN (SELECT key FROM resource)"
        ) { $0.integer(0) }.first
        func megabytes(_ path: String) throws -> Double {
            Double(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0) / 1e6
        }
        return Rest(
            memory: try meter.anonymousMegabytes, files: try meter.openFiles, threads: try meter.threads, rows: rows,
            databaseMegabytes: try megabytes(path), logMegabytes: try megabytes(path + "-wal"), lives: total.lives,
            events: total.events, errors: total.errors,
            faults: total.faults)
    }

    /// What came in the last part has left nothing behind.
    private func expectFlat(_ rests: [Rest]) throws {
        let (before, after) = (rests[1], rests[2])
        // SQLite and the connections keep a little more or less at hand each time.
        #expect(after.memory <= before.memory * 1.05 + 0.5)
        #expect(after.files <= before.files + 2)
        #expect(after.threads <= before.threads + 1)
        #expect(after.databaseMegabytes <= before.databaseMegabytes * 1.1 + 0.1)
        #expect(after.logMegabytes <= before.logMegabytes * 1.1 + 0.1)
        for rest in rests {
            #expect(rest.rows["quarantine"] == 0)
            #expect(rest.rows["event"] ?? .max <= Self.keptEvents)
            #expect(rest.rows["reply"] ?? .max <= Self.keptEvents)
            // And the images, which nobody has removed.
            #expect(rest.rows["resource"] ?? .max <= Self.keptResources + 2)
            #expect(rest.rows["history of what is forgotten"] == 0)
        }
    }
}
