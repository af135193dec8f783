import LosslessJSON
import Model
import SimulatedEngine
import Store

@testable import Reconciler

/// A history is one seed: a storm, then peace.
///
/// In the storm the server asks for things while whatever can go wrong does. In peace everything behaves: the server
/// asks again for what it has no answer to, and what was promised must come true. Then everybody asks for one more
/// thing, everything is removed, and days pass in which nothing may happen.
extension World {
    /// Plays a seed to its end.
    ///
    /// - Returns: what remains, and the law that was broken, if one was.
    static func play(
        seed: UInt64, defect: PlantedDefect? = nil, isWritten: Bool = false
    ) throws -> (world: World, breach: Breach?) {
        let world = try World(seed: seed, defect: defect?.make(), isWritten: isWritten)
        do {
            try world.storm()
            try world.peace()
            if world.scenario.asksForMore { try world.lastWishes() }
            if world.scenario.isCleanedUp { try world.removeEverything() }
            try world.letDaysPass()
            return (world, nil)
        } catch let breach as Breach {
            world.write("BROKEN: \(breach)")
            return (world, breach)
        }
    }

    // MARK: The storm

    private func storm() throws {
        put(.streamOpens(life: 0), in: 1...300)
        put(.connectionOpens(life: 0), in: 1...300)
        try run([.tick], isStart: false)
        var time = 300
        for _ in 0..<scenario.events {
            agenda.put(.serverAsks, at: time)
            time += random.number(0...scenario.pace)
        }
        let end = time + random.number(0...8000)
        func sometimes(_ happening: Happening, _ isWanted: Bool, atMost count: Int) {
            guard isWanted else { return }
            for _ in 0..<random.number(1...count) { agenda.put(happening, at: random.number(400...max(401, end))) }
        }
        sometimes(.hand, scenario.hasHands, atMost: 10)
        sometimes(.engineGoes, scenario.hasOutages, atMost: 2)
        sometimes(.serverGoes, scenario.hasOutages, atMost: 2)
        sometimes(.kill, scenario.kills > 0, atMost: 3)
        sometimes(.clockIsSet, scenario.setsClock, atMost: 2)
        sometimes(.diskFills, scenario.fillsDisk, atMost: 2)
        var left = 3000
        while clock.elapsed < end, left > 0, try step() { left -= 1 }
        try laws.hold(.bounded, left > 0, "a storm without end")
        if isAlive, !disk.isFull, !reconciler.mustLoad { try checkMemory() }
    }

    // MARK: Peace

    private func peace() throws {
        write("from here on everything behaves")
        isPeaceful = true
        disk.isFull = false
        disk.putOutFuse()
        engine.stopWorks = true
        if !isAlive { try start() }
        serverComes()
        engineComes()
        agenda.remove { if case .serverAsksAgain = $0 { true } else { false } }
        // What is answered already must come without being asked for again.
        for errand in errands where errand.wantsAnswer && !errand.isAnswered && errand.left.isEmpty {
            put(.serverAsksAgain(errand.number), in: 0...1500)
        }
        try settle()
        relist(life)
        try settle()
        try checkAnswers()
        try checkWishes()
        try checkMemory()
        try askOnceMore()
    }

    /// Milliseconds in which everything comes to rest. Pauses between tries are at most half a minute.
    private static let longestPeace = 480_000

    /// The server has had an answer, has lost it, and asks again.
    private func askOnceMore() throws {
        guard let errand = errands.last(where: { $0.left.count == 1 && !$0.isRefusedForGood && !$0.wasTurnedAway })
        else { return }
        let before = errand.taken.values.reduce(0, +)
        send(errand.number)
        try settle()
        let after = errands[errand.number].taken.values.reduce(0, +)
        try laws.hold(.askedAgain, after > before, "\(errand.id) \(errand.wish.title)")
    }

    /// Until nothing is left to happen but the passing of time.
    private func settle() throws {
        let start = clock.elapsed
        for _ in 0..<5000 where clock.elapsed - start < Self.longestPeace {
            if isAtRest { return }
            guard try step() else { break }
        }
        let open = reconciler.open.keys.sorted()
        throw breach(.quiet, "no end; open \(open), calls \(calls.filter { !$0.isOver }.map(\.operation.title))")
    }

    private var isAtRest: Bool {
        guard isAlive, inbox.isEmpty, !loopIsDue, !reconciler.mustLoad, connectionIsUp, streamIsOpen,
            lettersUnderWay == 0, reconciler.openEventCount == 0, reconciler.outbox.letters.isEmpty, !inFlight,
            reconciler.active.values.allSatisfy(\.row.isSettled)
        else { return false }
        return !agenda.happenings.contains { happening in
            switch happening {
            case .frameArrives, .answerArrives, .engineActs, .sightArrives: true
            case .serverAsksAgain(let number): !errands[number].isAnswered && errands[number].left.isEmpty
            default: false
            }
        }
    }

    // MARK: One more wish for everybody

    private func lastWishes() throws {
        engine.stateAfterStart = .running
        engine.registry = nil
        engine.address = "10.42.0.5"
        engine.unmountable = []
        giveNamesBack()
        let before = calls.count
        var asked: [(uuid: String, number: Int)] = []
        for uuid in uuids {
            let instance = Wish.Instance(uuid: uuid)
            let wish = random.pick([Wish.activate(instance), .deactivate(instance), .remove(instance)])
            asked.append((uuid, ask(wish, wantsAnswer: true)))
        }
        try settle()
        for (uuid, number) in asked {
            try laws.hold(
                .lastWish, errands[number].answer?.failure == nil && errands[number].answer != nil,
                "\(errands[number].wish.title): \(errands[number].left)")
            try laws.hold(.lastWish, isSo(errands[number].wish), "\(errands[number].wish.title) of \(uuid)")
            try checkRecord(of: uuid, errands[number])
        }
        try laws.hold(.bounded, calls.count - before <= 25 * asked.count, "\(calls.count - before) calls in peace")
    }

    /// Whoever has taken the name of an instance takes his container away.
    private func giveNamesBack() {
        for id in strangers.keys.sorted() where id.hasPrefix("x-") {
            engine.containers[id] = nil
            strangers[id] = nil
        }
    }

    /// The record and the answer show the container that is there.
    private func checkRecord(of uuid: String, _ errand: Errand) throws {
        let phase = try disk.store.resource(ResourceKey(.instance, uuid))?.phase
        let container = engine.containers(of: uuid).first
        let expected =
            switch errand.wish {
            case .remove: "removed"
            case .deactivate: "stopped"
            default: "running"
            }
        try laws.hold(.lastWish, phase == expected, "\(uuid) is shown as \(phase ?? "nothing")")
        if case .remove = errand.wish { return }
        let status = errand.answer?.data["deploymentSyncResponse"]["instanceStatus"][0]
        try laws.hold(
            .lastWish,
            status?["instanceUuid"].text == uuid && status?["externalId"].nonEmptyText == container?.id
                && status?["dockerInspect"]["State"]["Status"].text == container?.state.rawValue,
            "\(errand.left)")
    }

    private func removeEverything() throws {
        for uuid in uuids { ask(.remove(Wish.Instance(uuid: uuid)), wantsAnswer: true) }
        try settle()
        // What could not be unmounted when its last user was removed is left to the removal of the volume.
        for name in ["f", "v", "w"] {
            ask(.removeVolume(name: name, driver: Frames.driver(ofVolume: name)), wantsAnswer: true)
        }
        try settle()
        for errand in errands.suffix(uuids.count + 3) {
            try laws.hold(.nothingLeft, errand.answer?.failure == nil, "\(errand.wish.title): \(errand.left)")
        }
        try laws.hold(
            .nothingLeft, engine.containers.keys.sorted() == strangers.keys.sorted(),
            "\(engine.containers.keys.sorted())")
        let volumes = engine.volumes.keys.filter { $0 != "alien" } + engine.mounted.sorted() + engine.kept.sorted()
        try laws.hold(.nothingLeft, volumes.isEmpty, "volumes \(volumes)")
        try checkAnswers()
        try checkContainers()
        try checkMemory()
    }

    // MARK: Days in which nothing happens

    private func letDaysPass() throws {
        try laws.hold(
            .bounded, calls.count <= 100 + 50 * errands.count + 50 * life, "\(calls.count) calls")
        for hour in 1...10 {
            clock.advance(to: clock.elapsed + 3_600_000)
            let effects = reconciler.process([.containers(engine.summaries), .tick], now: clock.wall)
            try laws.hold(.quiet, effects.isEmpty, "after \(hour) h: \(effects.count) effects")
            try laws.hold(.quiet, reconciler.workInFlight == 0 && reconciler.openEventCount == 0, "after \(hour) h")
        }
        try laws.hold(.bounded, try count("event") + count("reply") == 0, "events are kept for ever")
        for _ in 0..<9 {
            clock.advance(to: clock.elapsed + 86_400_000)
            _ = reconciler.process([.tick], now: clock.wall)
        }
        let kept = scenario.isCleanedUp ? 0 : uuids.count + 3
        try laws.hold(.bounded, try count("resource") <= kept, "resources are kept for ever")
        try laws.hold(
            .bounded, try count("transition") <= (kept == 0 ? 0 : kept * limits.historyLength),
            "history is kept for ever")
        try laws.hold(.bounded, try count("quarantine") <= limits.quarantined, "quarantine")
    }

    func count(_ table: String) throws -> Int {
        try disk.store.connection.rows("SELECT count(*) FROM \(table)") { $0.integer(0) }.first ?? 0
    }
}
