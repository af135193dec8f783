import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Synchronization
import Testing

/// The fault matrix: each call of each kind spoilt in each way, on a real engine.
@Suite(.serialized, .engineDifferences)
struct FaultMatrixTests {
    private typealias Cell = FaultMatrix.Cell
    private typealias End = FaultMatrix.End

    /// For the faults that only a deadline ends.
    private static let deadlineSeconds = 3

    @Test(arguments: Dialect.all) func `whatever becomes of one call, the end is the expected one`(dialect: Dialect)
        async throws
    {
        let expected = try FaultMatrix.read()
        // To look into one row: FAULT_ROW="volume create".
        let only = ProcessInfo.processInfo.environment["FAULT_ROW"].map { [$0] }
        #expect(FaultMatrix.Row.allCases.prefix { $0 != .removeVolume }.count + 1 == 11)
        let cells = FaultMatrix.Row.allCases.flatMap { row in
            FaultMatrix.Column.allCases.map { Cell(row: row, column: $0) }
        }.filter { expected[$0] != nil && only?.contains($0.row.rawValue) ?? true }
        let seen = Mutex<[Cell: End]>([:])
        var notes: [String] = []
        // Podman loses images that are pulled and tagged while others are removed.
        let imagesAtOnce = try await Engine.current().identity().product == .podman ? 1 : nil
        let start = ContinuousClock.now
        try await Registry.serve { registry in
            for hangs in [false, true] {
                let some = cells.filter { $0.column.hangs == hangs && !$0.row.isShared }
                if some.isEmpty { continue }
                try await Scene.play(
                    in: dialect, .init(isProxied: true, deadlineSeconds: hangs ? Self.deadlineSeconds : nil)
                ) {
                    scene in
                    let images = try await Self.images(for: some, registry, scene)
                    let note = try await withBystanders(scene) {
                        let limit = hangs ? 16 : 8
                        for (isAboutImage, limit) in [(false, limit), (true, imagesAtOnce ?? limit)] {
                            let these = some.filter { $0.row.isAboutImage == isAboutImage }
                            _ = try await atOnce(these, limit: limit) { cell in
                                let end = await run(cell, images[cell], scene, expected)
                                seen.withLock { $0[cell] = end }
                            }
                        }
                    }
                    notes.append("\(hangs ? "hangs" : "all else"): \(some.count) cells, \(note)")
                }
            }
        }
        let shared = cells.filter(\.row.isShared)
        _ = try await atOnce(shared, limit: 6) { cell in
            let end = await runShared(in: dialect, cell, expected)
            seen.withLock { $0[cell] = end }
        }
        let ends = seen.withLock { $0 }
        for cell in cells {
            guard let end = ends[cell], let wanted = expected[cell] else {
                Issue.record("\(cell) was not run")
                continue
            }
            #expect(wanted.allows(end), "\(cell): \(end) instead of \(wanted)")
        }
        for note in notes { print(note) }
        print("\(cells.count) cells in \(Int((ContinuousClock.now - start).inSeconds)) s")
        print(FaultMatrix.table(ends, expected))
    }

    private func judge(_ cell: Cell, _ body: () async throws -> End) async -> End {
        do {
            return try await body()
        } catch {
            Issue.record("\(cell): \(error)")
            return End(.broken, calls: 0)
        }
    }

    // MARK: One instance, volume or image

    /// What a cell is played with.
    private struct Player {
        var instance: InstanceEvents
        let volume: String
        /// The reference of an image that only the registry has; empty for rows that need none.
        let image: String
        let registry: String
        /// What the call is about, as the proxy knows it.
        let subject: String
    }

    private static func images(
        for cells: [Cell], _ registry: Registry, _ scene: Scene
    ) async throws -> [Cell: String] {
        let needy = cells.filter(\.row.isAboutImage)
        let tags = needy.indices.map { "v\($0)" }
        let name = "matrix-\(UUID().uuidString.prefix(8).lowercased())"
        return Dictionary(
            uniqueKeysWithValues: zip(needy, try await registry.publish(name, tags: tags, scene.engine)))
    }

    private func player(_ cell: Cell, _ image: String?, _ scene: Scene) -> Player {
        let volume = scene.volume("matrix")
        // For the kill there has to be somebody who does not listen to the signal to stop.
        let instance = scene.instance("matrix", command: cell.row == .kill ? ["sleep", "3600"] : Scene.obedient) {
            if cell.row == .createVolume || cell.row == .inspectVolume { $0.use(volume, of: "local") }
            if cell.row == .pull || cell.row == .inspectImage, let image { $0.image = image }
        }
        let subject =
            switch cell.row {
            case .create, .start, .stop, .kill, .remove, .inspect: instance.dockerName
            case .list: instance.uuid
            case .createVolume, .removeVolume, .inspectVolume: volume
            case .pull, .inspectImage, .tagImage: image ?? ""
            case .removeImage: (image ?? "") + "-temporary"
            case .events, .listAll, .ping: ""
            }
        let registry = String((image ?? "").prefix { $0 != "/" })
        return Player(
            instance: instance, volume: volume, image: image ?? "", registry: registry, subject: subject)
    }

    private func run(_ cell: Cell, _ image: String?, _ scene: Scene, _ expected: [Cell: End]) async -> End {
        await judge(cell) {
            var player = player(cell, image, scene)
            try await prepare(cell, &player, scene)
            let before = scene.proxy.count(cell.row.call, of: player.subject)
            let start = ContinuousClock.now
            scene.proxy.order(cell.row.call, of: player.subject, cell.column.fault, count: cell.column.count)
            let event = event(cell, player)
            let reply = try await scene.server.ask(event, timeout: .seconds(60))
            let took = ContinuousClock.now - start
            let calls = scene.proxy.count(cell.row.call, of: player.subject) - before
            let kills = scene.proxy.count(.kill, of: player.subject)
            scene.proxy.cancelOrders(of: player.subject)
            scene.proxy.cancelOrders(of: player.instance.dockerName)
            player.instance = player.instance.learned(from: reply)

            // The fault has struck, as often as it was meant to or until nobody called any more.
            let strikes = scene.proxy.passages.count {
                $0.call == cell.row.call && $0.subject == player.subject && $0.fault == cell.column.fault
            }
            #expect(strikes == min(cell.column.count, calls), "\(cell): struck \(strikes) of \(calls) calls")
            // In time: a hang ends with its deadline, and what is no hang waits for none.
            let deadline = Duration.seconds(Self.deadlineSeconds)
            #expect(took < cell.limit(deadline: deadline), "\(cell): took \(took)")
            if cell.column.hangs { #expect(took >= deadline, "\(cell): took \(took)") }
            try scene.confirmOneAnswer(to: event)
            if let failure = reply.failure {
                #expect(failure.contains(FaultMatrix.words), "\(cell): \(failure)")
            }
            try await confirm(cell, player, isDone: reply.failure == nil, scene)
            try await finish(cell, &player, isDone: reply.failure == nil, scene)
            if reply.failure != nil { return End(.error, calls: calls) }
            return End(kills > 0 && cell.row == .stop ? .killed : .ok, calls: calls)
        }
    }

    /// Brings the thing to where its next event makes the call.
    private func prepare(_ cell: Cell, _ player: inout Player, _ scene: Scene) async throws {
        switch cell.row {
        case .create, .start, .inspect, .createVolume, .pull, .inspectImage, .tagImage: break
        case .stop, .kill, .remove:
            player.instance = try await scene.activate(player.instance)
            if cell.row == .remove { try await scene.deactivate(player.instance) }
            if cell.row == .kill {
                scene.proxy.order(
                    .stop, of: player.instance.dockerName, .answer(500, FaultMatrix.words), count: .max)
            }
        // What a create without an answer has left behind is looked for by its label.
        case .list: scene.proxy.order(.create, of: player.instance.dockerName, .cutAfter)
        case .inspectVolume, .removeVolume: try await scene.engine.docker("volume", "create", player.volume)
        case .removeImage: try await scene.succeed(pull(player, complete: false))
        case .events, .listAll, .ping: throw HarnessError("\(cell) is not about one thing")
        }
    }

    /// The event that meets the fault.
    private func event(_ cell: Cell, _ player: Player) -> JSON {
        switch cell.row {
        case .stop, .kill: player.instance.deactivate(timeoutSeconds: 1)
        case .remove: player.instance.remove()
        case .removeVolume: player.instance.dialect.volumeRemove(name: player.volume)
        case .tagImage: pull(player, complete: false)
        case .removeImage: pull(player, complete: true)
        default: player.instance.activate()
        }
    }

    private func pull(_ player: Player, complete: Bool) -> JSON {
        player.instance.dialect.instancePull(
            image: String(player.image.dropFirst(player.registry.count + 1)), server: player.registry,
            complete: complete, tag: "-temporary")
    }

    /// The engine has what was asked for, or what was there before.
    private func confirm(_ cell: Cell, _ player: Player, isDone: Bool, _ scene: Scene) async throws {
        switch cell.row {
        case .create, .start, .inspect, .list, .createVolume, .inspectVolume, .pull, .inspectImage:
            if isDone {
                try await scene.confirm(player.instance, runs: true)
                // Whatever was lost on the way, the container was made and started once.
                let state = try await scene.engine.inspect(player.instance.externalID ?? "")
                #expect(state?["RestartCount"] == 0, "\(cell)")
            } else {
                try await scene.confirmGone(player.instance)
            }
            if cell.row == .createVolume {
                #expect(try await scene.engine.hasVolume(player.volume) == isDone, "\(cell)")
            }
            if cell.row == .inspectVolume { #expect(scene.proxy.count(.createVolume, of: player.volume) == 0) }
            if cell.row == .pull || cell.row == .inspectImage {
                #expect(try await scene.engine.hasImage(player.image) == isDone, "\(cell)")
            }
        case .stop, .kill: try await scene.confirm(player.instance, runs: !isDone)
        case .remove:
            if isDone {
                try await scene.confirmGone(player.instance)
            } else {
                try await scene.confirm(player.instance, runs: false)
            }
        case .removeVolume: #expect(try await scene.engine.hasVolume(player.volume) != isDone, "\(cell)")
        case .tagImage: #expect(try await scene.engine.hasImage(player.image + "-temporary") == isDone, "\(cell)")
        case .removeImage: #expect(try await scene.engine.hasImage(player.image + "-temporary") != isDone, "\(cell)")
        case .events, .listAll, .ping: break
        }
    }

    /// What could not be done is done now, and the life goes on to its end.
    private func finish(_ cell: Cell, _ player: inout Player, isDone: Bool, _ scene: Scene) async throws {
        if !isDone {
            let reply = try await scene.succeed(event(cell, player))
            player.instance = player.instance.learned(from: reply)
            try await confirm(cell, player, isDone: true, scene)
        }
        switch cell.row {
        case .tagImage:
            try await scene.succeed(pull(player, complete: true))
            try await scene.engine.docker("rmi", "-f", player.image)
            return
        case .removeVolume, .removeImage, .events, .listAll, .ping: return
        case .remove: break
        default:
            if cell.row != .stop, cell.row != .kill { try await scene.deactivate(player.instance) }
            try await scene.remove(player.instance)
        }
        if cell.row == .createVolume || cell.row == .inspectVolume {
            try await scene.succeed(scene.dialect.volumeRemove(name: player.volume))
            #expect(try await !scene.engine.hasVolume(player.volume), "\(cell)")
        }
        if !player.image.isEmpty { try await scene.engine.docker("rmi", "-f", player.image) }
    }

    // MARK: The whole agent

    private func runShared(in dialect: Dialect, _ cell: Cell, _ expected: [Cell: End]) async -> End {
        await judge(cell) {
            let deadline = cell.column.hangs ? Self.deadlineSeconds : nil
            var end = End(.broken, calls: 0)
            try await Scene.play(
                in: dialect, .init(isProxied: true, deadlineSeconds: deadline, environment: ["RANCHER_DEBUG": "1"])
            ) { scene in
                let watched = try await scene.activate(scene.instance("watched"))
                let least = expected[cell]?.calls ?? 0
                end =
                    cell.row == .events
                    ? try await missEvents(cell, watched, least, scene) : try await restart(cell, watched, least, scene)
                let strikes = scene.proxy.passages.count {
                    $0.call == cell.row.call && $0.fault == cell.column.fault
                }
                #expect(strikes == cell.column.count, "\(cell): struck \(strikes) times")
                // And the agent is as well as ever.
                try await scene.deactivate(watched)
                try await scene.remove(watched)
            }
            return end
        }
    }

    /// A change while nobody watches, or that is lost, is seen all the same.
    private func missEvents(
        _ cell: Cell, _ watched: InstanceEvents, _ calls: Int, _ scene: Scene
    ) async throws -> End {
        let id = watched.externalID ?? ""
        let before = scene.proxy.count(.events)
        let lists = scene.proxy.count(.listAll)
        scene.proxy.order(.events, cell.column.fault, count: cell.column.count)
        // Where no stream is opened, the next one has to wait until the change is over.
        let opens = [.cutAfter, .half, .brokenJSON, .emptyJSON, .threeLost].contains(cell.column)
        if !opens { scene.proxy.order(.events, .delay(.seconds(1))) }
        scene.proxy.cutEvents()
        for number in 1...cell.column.count {
            try await untilTrue("stream \(number) to be asked for") { scene.proxy.count(.events) >= before + number }
            guard opens else { continue }
            try await untilTrue("the list beside it") { scene.proxy.count(.listAll) > lists }
            // Each is spoilt by its first event; of the last one that is the change to be seen.
            for _ in 1...20 where number < cell.column.count && scene.proxy.count(.events) == before + number {
                let isRunning = try await scene.engine.state(id) == "running"
                try await scene.engine.docker(isRunning ? "kill" : "start", id)
                try await Task.sleep(for: .milliseconds(500))
            }
        }
        if try await scene.engine.state(id) != "running" { try await scene.engine.docker("start", id) }
        let start = ContinuousClock.now
        try await scene.engine.kill(id)
        var state: String?
        do {
            try await untilTrue(
                "a ping that says stopped", within: cell.limit(deadline: .seconds(Self.deadlineSeconds))
            ) {
                state = try await Self.state(of: id, scene)
                return state == "stopped"
            }
        } catch {
            let calls = scene.proxy.passages.suffix(20).map { "\($0.call)" + ($0.fault == nil ? "" : " spoilt") }
            let truth = try await scene.engine.state(id) ?? "gone"
            throw HarnessError("\(error); it says \(state ?? "nothing"), it is \(truth); the calls: \(calls)")
        }
        try await untilTrue("the stream to be opened again") { scene.proxy.count(.events) >= before + calls }
        #expect(ContinuousClock.now - start < cell.limit(deadline: .seconds(Self.deadlineSeconds)), "\(cell)")
        // It was told because it was looked for.
        if cell.column != .emptyJSON { #expect(scene.proxy.count(.listAll) > lists, "\(cell)") }
        return End(.ok, calls: scene.proxy.count(.events) - before)
    }

    /// An agent that has just been started cannot see the engine at first, and claims nothing.
    private func restart(_ cell: Cell, _ watched: InstanceEvents, _ calls: Int, _ scene: Scene) async throws -> End {
        try await scene.agent.kill9()
        let before = scene.proxy.count(cell.row.call)
        scene.proxy.order(cell.row.call, cell.column.fault, count: cell.column.count)
        let start = ContinuousClock.now
        try await scene.start()
        let event = scene.instance("next").activate()
        scene.server.send(event: event)
        let limit = cell.limit(deadline: .seconds(Self.deadlineSeconds))
        try await untilTrue("a ping with containers", within: limit) {
            // Until the engine was seen the ping says nothing of containers; then it says all.
            let state = try await Self.state(of: watched.externalID ?? "", scene)
            #expect(state == nil || state == "running", "\(cell): \(state ?? "")")
            return state != nil
        }
        let reply = try await scene.server.waitForReply(to: event.eventID)
        #expect(reply.outcome == .success, "\(cell): \(reply.failure ?? "")")
        try await untilTrue("all faults") { scene.proxy.count(cell.row.call) >= before + calls }
        #expect(ContinuousClock.now - start < limit, "\(cell)")
        return End(.ok, calls: scene.proxy.count(cell.row.call) - before)
    }

    /// What a ping says of a container: `missing` if it tells of all others; `nil` if it tells of none.
    private static func state(of id: String, _ scene: Scene) async throws -> String? {
        let reply = try await scene.server.ask(scene.dialect.ping(instances: true))
        guard reply.data["options"]["instances"] == true else { return nil }
        return reply.pingedInstances[id] ?? "missing"
    }
}

/// Whole lives of instances that meet no fault, one after the other beside the body, and pings: nobody holds them up.
func withBystanders(_ scene: Scene, _ body: () async throws -> Void) async throws -> String {
    let end = End()
    var note = ""
    let pings = try await withPings(scene) {
        async let lives = Lives.lead(scene, until: end)
        let result: Result<Void, any Error>
        do {
            try await body()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        end.isReached.store(true, ordering: .relaxed)
        let led = try await lives
        note = "\(led.count) lives beside, the longest of \(Int(led.longest.inSeconds * 1000)) ms"
        #expect(led.count > 0)
        #expect(led.longest < .seconds(15))
        try result.get()
    }
    #expect(pings.areTimely, "\(pings)")
    return "\(note); \(pings)"
}

private final class End: Sendable {
    let isReached = Atomic(false)
}

/// The lives of bystanders.
private struct Lives: Sendable {
    var count = 0
    var longest = Duration.zero

    static func lead(_ scene: Scene, until end: End) async throws -> Lives {
        var lives = Lives()
        while !end.isReached.load(ordering: .relaxed) {
            let start = ContinuousClock.now
            let known = try await scene.activate(scene.instance("bystander"))
            try await scene.deactivate(known)
            try await scene.remove(known)
            lives.count += 1
            lives.longest = max(lives.longest, ContinuousClock.now - start)
            try await Task.sleep(for: .milliseconds(200))
        }
        return lives
    }
}
