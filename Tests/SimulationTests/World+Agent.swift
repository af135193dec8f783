import Lifecycle
import Model
import RancherAPI
import SimulatedEngine
import Store

@testable import Reconciler

/// The process: the loop around the core, its end at any point, and its next start.
extension World {
    /// Something has happened that the agent has noticed.
    func give(_ input: Input) {
        guard isAlive else { return }
        inbox.append(input)
        scheduleLoop()
    }

    func scheduleLoop() {
        guard !loopIsDue else { return }
        loopIsDue = true
        agenda.put(.loop(life: life), at: max(clock.elapsed, busyUntil))
    }

    /// As the shell's loop does it: all that is waiting, and a look at the clock, are one transaction.
    func loop() throws {
        loopIsDue = false
        let inputs = inbox
        inbox = []
        try run(inputs + [.tick], isStart: false)
    }

    func start() throws {
        guard !isAlive else { return }
        try disk.reopen()
        if disk.isInFile { meet(.fileReopened) }
        defect?.whileDown(self)
        isAlive = true
        life += 1
        inbox = []
        loopIsDue = false
        gate = Self.newGate
        busyUntil = clock.elapsed
        reconciler = Reconciler(
            store: disk.store, codec: codec, limits: limits, random: SeededGenerator(seed: random.next()))
        write("process \(life) starts")
        try checkWhatLasted()
        put(.streamOpens(life: life), in: 5...800)
        put(.connectionOpens(life: life), in: 5...2000)
        try run([.tick], isStart: true)
    }

    /// Whatever left the last process was written down, and still is.
    private func checkWhatLasted() throws {
        for key in intents.keys.sorted() {
            let row = try disk.store.resource(key)
            try laws.hold(.intentFirst, (row?.generation ?? 0) >= intents[key, default: 0], "\(key), after the end")
        }
        for errand in errands where !errand.left.isEmpty && errand.taken.isEmpty {
            let body = try disk.store.replyBody(to: errand.id)
            try laws.hold(.answerStored, body == errand.left.first, "\(errand.id), after the end")
        }
    }

    // MARK: One transaction

    private enum End { case none, before, inside, afterEffects(Int), afterAll }

    private func drawEnd(isStart: Bool) -> End {
        // A process that is killed over and over again gets nowhere.
        guard killsInARow < 3, trouble(isStart ? scenario.kills * 3 : scenario.kills) else { return .none }
        switch random.number(0...9) {
        case 0: return .before
        case 1...3:
            disk.light(fuse: random.number(0...20))
            return .inside
        case 4:
            disk.lightFuseAtCommit()
            return .inside
        case 5, 6: return .afterEffects(0)
        case 7, 8: return .afterEffects(random.number(1...3))
        default: return .afterAll
        }
    }

    func run(_ inputs: [Input], isStart: Bool) throws {
        batches += 1
        let before = lastRows
        let end = drawEnd(isStart: isStart)
        if isStart, case .none = end {} else if isStart { meet(.killedAtStart) }
        if case .before = end {
            meet(.killedBeforeTransaction)
            return die("before a transaction")
        }
        defect?.before(inputs, self)
        let decided = reconciler.process(inputs, now: clock.wall)
        if disk.isDead {
            meet(disk.lastStatement == "COMMIT" ? .killedAtCommit : .killedInTransaction)
            killPlaces.insert("before " + Self.place(disk.lastStatement))
            return die("before \(disk.lastStatement.prefix(40))")
        }
        disk.putOutFuse()
        killsInARow = 0
        // Whenever it is called, nothing must be lost by it.
        if batches.isMultiple(of: 8) { reconciler.releaseMemory() }
        if !disk.isFull { try checkRows(after: inputs, before: before, decided, isStart: isStart) }
        let effects = passGate(decided)
        var left = 0
        leftLast = []
        for effect in effects {
            if case .note(let note) = effect {
                note.leaves(self)
                continue
            }
            // Killed before the transaction was over, what lasts is what was written down.
            if case .afterEffects(left) = end {
                meet(left == 0 ? .killedAfterCommit : .killedAfterSomeEffects)
                return die("after \(left) effects")
            }
            try dispatch(effect)
            leftLast.append(effect)
            left += 1
        }
        switch end {
        case .none: break
        default:
            meet(left == 0 ? .killedAfterCommit : .killedAfterAllEffects)
            return die("after a transaction")
        }
        busyUntil = clock.elapsed + random.number(random.chance(5) ? 50...400 : 0...20)
        setAlarm()
        // The next of the flood.
        if clock.elapsed < floodedUntil, !loopIsDue {
            loopIsDue = true
            agenda.put(.loop(life: life), at: busyUntil + random.number(0...200))
        }
    }

    static var newGate: FloodGate<ContinuousClock.Instant> { FloodGate(patience: .seconds(2)) }
    private static let beginning = ContinuousClock.now

    /// As the shell's loop does it: while events come in a flood, they go before work.
    private func passGate(_ effects: [Effect]) -> [Effect] {
        guard scenario.hasFloods else { return effects }
        if clock.elapsed >= floodedUntil, trouble(10) { floodedUntil = clock.elapsed + random.number(20...4000) }
        let isFlooded = clock.elapsed < floodedUntil
        let passed = gate.pass(
            effects, isFlooded: isFlooded, now: Self.beginning + .milliseconds(clock.elapsed))
        if !gate.keptBack.isEmpty { meet(.workKeptBack) }
        if isFlooded, passed.count > effects.count { meet(.floodWithoutEnd) }
        return passed
    }

    private func setAlarm() {
        alarm += 1
        guard let next = reconciler.nextWakeUp else { return }
        let pause = max(0, (next - clock.wall).inMilliseconds)
        agenda.put(.alarm(life: life, number: alarm), at: clock.elapsed + pause)
    }

    /// What leaves the process, and whether it may.
    private func dispatch(_ effect: Effect) throws {
        switch effect {
        case .perform(let id, let operation, let about):
            defect?.leaves(operation, about, self)
            if let key = ResourceKey(about) {
                try laws.hold(.oneStep, !calls.contains { $0.life == life && !$0.isOver && $0.about == about }, about)
                let row = try disk.store.resource(key)
                try laws.hold(.intentFirst, row?.isSettled == false && row?.activity.isEmpty == false, about)
                intents[key] = row?.generation
            }
            callEngine(id, operation, about)
        case .publish(let eventID, let body):
            let body = defect?.letter(body, self) ?? body
            try laws.hold(.answerStored, try disk.store.replyBody(to: eventID) == body, eventID)
            try post(body, to: eventID)
        case .publishUnstored(let eventID, let body): try postUnstored(body, to: eventID)
        case .progress(let eventID, let body): try progressLeaves(body, of: eventID)
        case .note: break
        }
    }

    // MARK: The end of a process

    /// A statement without its particulars: the verb and the table.
    private static func place(_ sql: String) -> String {
        let words = sql.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let verb = words.first, ["INSERT", "DELETE", "SELECT", "UPDATE"].contains(verb) else { return sql }
        let tables = ["event", "resource", "transition", "reply", "quarantine"]
        return verb + " " + (words.first { tables.contains($0) } ?? "")
    }

    func killAtRest() {
        guard isAlive, killsInARow < 3 else { return }
        meet(.killedAtRest)
        die("at rest")
    }

    func die(_ place: String) {
        write("process \(life) is killed \(place)")
        if let last = leftLast.last { killPlaces.insert("after " + last.title) }
        defect?.died(self)
        if killsInARow > 0 { meet(.killedTwiceInARow) }
        killsInARow += 1
        disk.die()
        isAlive = false
        if !gate.keptBack.isEmpty { meet(.killedWithWorkKeptBack) }
        streamIsOpen = false
        connectionIsUp = false
        told = [:]
        if inFlight { meet(.killedWithWorkUnderWay) }
        abandonCalls()
        abandonLetters()
        leftLast = []
        put(.restart, in: random.chance(80) ? 0...300 : 300...20_000)
    }

    func setClock() {
        let offset = random.number(-1_200_000...1_200_000)
        meet(offset < clock.offset ? .clockSetBack : .clockSetForward)
        clock.offset = offset
        write("the clock is set, now \(offset) ms off")
    }

    func fillDisk() {
        meet(.diskFull)
        disk.isFull = true
        write("the disk is full")
        put(.diskEmpties, in: 200...8000)
    }

    // MARK: What was written

    /// The resources on their way, as the store has them.
    func rows() throws -> [ResourceKey: RowView] {
        var rows: [ResourceKey: RowView] = [:]
        let all = try disk.store.connection.rows(
            """
            SELECT key, generation, attempts, next_attempt_at FROM resource WHERE settled_generation < generation
            """
        ) { row in
            ResourceKey(row.text(0)).map {
                (
                    $0,
                    RowView(generation: row.integer(1), attempts: row.integer(2), nextAttemptAt: row.optionalInteger(3))
                )
            }
        }
        for (key, view) in all { rows[key] = view }
        return rows
    }

    private func checkRows(
        after inputs: [Input], before: [ResourceKey: RowView], _ effects: [Effect], isStart: Bool
    ) throws {
        let after = try rows()
        lastRows = after
        let heard = Set(
            inputs.compactMap { input -> String? in
                if case .outcome(let id, _) = input { call(id)?.about } else { nil }
            })
        for (key, row) in after {
            guard let old = before[key], old.generation == row.generation else { continue }
            if old.attempts > 0 {
                if isStart { meet(.attemptsOverRestart) }
                try laws.hold(
                    .attemptsKept, row.attempts >= old.attempts || heard.contains(key.description),
                    "\(key) had \(old.attempts) tries and has \(row.attempts)")
            }
        }
        if isStart {
            let now = clock.wall.milliseconds
            let longest = Patience.backOff(afterTries: .max).inMilliseconds
            let resting = before.filter { $0.value.nextAttemptAt.map { $0 > now && $0 <= now + longest } ?? false }
            if !resting.isEmpty { meet(.backOffOverRestart) }
            for case .perform(_, _, let about) in effects {
                guard let key = ResourceKey(about) else { continue }
                try laws.hold(.backOffKept, resting[key] == nil, "\(key) does not wait for its time")
            }
        }
        if let next = reconciler.nextWakeUp {
            try laws.hold(.nothingDue, next > clock.wall, "\(next) at \(clock.wall)")
        }
    }

    func call(_ id: WorkID) -> Call? { calls.last { $0.life == life && $0.work == id } }
    var inFlight: Bool { calls.contains { $0.life == life && !$0.isOver } }
}

extension Effect {
    /// What left, without its particulars.
    fileprivate var title: String {
        switch self {
        case .perform(_, let operation, _): operation.title.split(separator: " ").first.map(String.init) ?? ""
        case .publish: "answer"
        case .publishUnstored: "unstored answer"
        case .progress: "progress"
        case .note: "note"
        }
    }
}

extension Note {
    /// What the log tells about a history.
    fileprivate func leaves(_ world: World) {
        switch self {
        case .answered(let header, let failure):
            world.meet(failure == nil ? .answeredWithSuccess : .answeredWithError)
            if failure?.contains("superseded by") == true { world.meet(.superseded) }
            world.write("decided: \(header.id) is answered \(failure ?? "with success")")
        case .moved(let key, let generation, let from, let to, let cause):
            world.write("decided: \(key) #\(generation) \(from) -> \(to), \(cause)")
        case .accepted(let header, let key):
            world.write("accepted: \(header.id) about \(key?.description ?? "nothing")")
        case .repeated(let eventID): world.write("repeated: \(eventID)")
        case .answerRefused(let eventID, let reason): world.write("given up: \(eventID), \(reason)")
        case .quarantined(let source, let name, let reason): world.write("quarantined: \(source) \(name), \(reason)")
        case .storeFailed(let reason): world.write("the store failed: \(reason)")
        case .storeReopened: world.write("the store was opened again")
        }
    }
}
