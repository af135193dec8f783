import Model
import SimulatedEngine

@testable import Reconciler

/// The engine: does what it is asked, or not, and says so, or not.
extension World {
    func arrangeEngine() {
        engine.volumesAreHeld = true
        engine.images = scenario.imageIsThere ? [Frames.image] : []
        engine.registry = scenario.imageExists ? [Frames.image] : []
        engine.stateAfterStart = scenario.containersEndAtOnce ? .exited : .running
        engine.plugins = [Frames.pluginDriver]
        engine.address = scenario.hasAddress ? "10.42.0.5" : nil
        engine.unmountable = scenario.canMount ? [] : ["f"]
        engine.stopWorks = scenario.canStop
        for uuid in scenario.foundlings {
            meet(.foundling)
            engine.add("there-\(uuid)", uuid: uuid, random.chance(50) ? .running : .exited)
        }
        guard scenario.hasStrangers else { return }
        engine.images.insert("alien:1")
        engine.volumes["alien"] = SimulatedEngine.Volume(driver: "local", mountpoint: "/volumes/alien")
        for (id, state) in [("x1", ContainerState.running), ("x2", .exited)] {
            strangers[id] = engine.add(id, uuid: "", state)
        }
    }

    // MARK: A call

    func callEngine(_ work: WorkID, _ operation: Operation, _ about: String) {
        let fate = trouble(scenario.engineFaults) ? random.pick(Call.Fate.faults) : .honest
        let number = calls.count
        write("call \(number) leaves: \(operation.title), \(fate)")
        calls.append(Call(number: number, work: work, life: life, operation: operation, about: about, fate: fate))
        if let occurrence = fate.occurrence { meet(occurrence) }
        let isSlow = trouble(8)
        if isSlow { meet(.slowCall) }
        let deadline = clock.elapsed + random.number(10_000...40_000)
        switch fate {
        case .hangsUndone:
            calls[number].isDone = true
            giveUp(number, at: deadline)
        case .hangsAndDoes:
            put(.engineActs(number), in: 1...9000)
            giveUp(number, at: deadline)
        case .doesAfterTheDeadline:
            agenda.put(.engineActs(number), at: deadline + random.number(1...6000))
            giveUp(number, at: deadline)
        default:
            if case .pullImage = operation {
                put(.workSpeaks(number, "Downloading"), in: 1...400)
                put(.engineActs(number), in: 20...(isSlow ? 20_000 : 2000))
            } else {
                put(.engineActs(number), in: 1...(isSlow ? 8000 : 30))
            }
        }
    }

    private func giveUp(_ number: Int, at time: Int) {
        calls[number].outcome = .unknown("no answer in time [call \(number)]")
        agenda.put(.callIsOver(number), at: time)
    }

    func engineActs(_ number: Int) throws {
        guard !calls[number].isDone else { return }
        let call = calls[number]
        calls[number].isDone = true
        // Nobody waits for it any more, and it is done all the same.
        let isLate = call.outcome != nil || call.life != life || !isAlive
        guard engineIsUp else {
            if call.outcome == nil { end(number, .unavailable("cannot connect to the engine [call \(number)]")) }
            return
        }
        let outcome: OperationOutcome
        switch call.fate {
        case .requestLost: outcome = .unknown("connection lost [call \(number)]")
        case .unavailable: outcome = .unavailable("cannot connect to the engine [call \(number)]")
        default:
            try finishAbandoned(before: call)
            outcome = try perform(call.operation, call.fate.engineFault, number)
        }
        write("engine: call \(number) \(call.operation.title): \(outcome.title)\(isLate ? ", and nobody waits" : "")")
        guard call.outcome == nil else { return }
        end(number, call.fate == .answerLost ? .unknown("connection lost [call \(number)]") : outcome)
    }

    private func end(_ number: Int, _ outcome: OperationOutcome) {
        calls[number].outcome = defect?.outcome(outcome, of: calls[number], self) ?? outcome
        if calls[number].life == life { put(.callIsOver(number), in: 0...15) }
    }

    func callIsOver(_ number: Int) {
        let call = calls[number]
        guard call.life == life, isAlive, !call.isOver, let outcome = call.outcome else { return }
        calls[number].isOver = true
        if case .nameTaken = outcome { meet(.nameTaken) }
        if !call.isDone { write("call \(number) is given up") }
        give(.outcome(call.work, outcome))
    }

    func workSpeaks(_ number: Int, _ text: String) {
        let call = calls[number]
        if call.life == life, !call.isOver { give(.progress(call.work, text: text)) }
    }

    /// What the engine is asked for on one thing it does in the order in which it was asked, even when nobody waits any
    /// more. Only a create is not waited for by those that come after it.
    private func finishAbandoned(before call: Call) throws {
        for other in calls where !other.isDone && other.number < call.number && isAbandoned(other) {
            guard concerns(other.operation, call.operation), !calls[other.number].isDone else { continue }
            try engineActs(other.number)
        }
    }

    private func isAbandoned(_ call: Call) -> Bool { call.life != life || call.isOver || !isAlive }

    private func concerns(_ earlier: Operation, _ later: Operation) -> Bool {
        if let id = earlier.containerID {
            switch later {
            case .findContainer(let identity):
                return identity.ids.contains(id) || engine.containers[id]?.uuid == identity.uuid
            case .inspectContainer: return true
            default: return later.containerID == id
            }
        }
        if let volume = earlier.volumeName { return later.volumeName == volume }
        return earlier.isAboutImage && later.isAboutImage
    }

    // MARK: What it does

    private func perform(
        _ operation: Operation, _ fault: SimulatedEngine.Fault, _ number: Int
    ) throws -> OperationOutcome {
        try checkIsAllowed(operation)
        let before = engine.containers
        let torn = engine.tornAway.count
        let outcome = engine.perform(defect?.operation(operation, self) ?? operation, fault)
        noticeChanges(since: before)
        try checkContainers()
        if !scenario.hasHands, !scenario.hasOutages {
            try laws.hold(.volumeKept, engine.tornAway.count == torn, "\(engine.tornAway)")
        }
        switch (operation, outcome) {
        case (.startContainer, .container(let container?)) where !container.state.isAlive: meet(.containerEndsAtOnce)
        case (.stopContainer, .container(let container?)) where container.state.isAlive: meet(.stopIgnored)
        case (.detectAddress, .address("", let container?)) where container.state.isAlive: meet(.noAddress)
        case (.callPlugin(.mount, _), .refused): meet(.mountRefused)
        case (.pullImage, .refused): meet(.imageMissingInRegistry)
        default: break
        }
        return outcome
    }

    /// The events of the engine that tell of what has changed.
    func noticeChanges(since before: [String: SimulatedEngine.Container]) {
        for id in engine.containers.keys.sorted() {
            guard let container = engine.containers[id], before[id]?.state != container.state else { continue }
            notice(.changed(container.summary))
        }
        for id in before.keys.sorted() where engine.containers[id] == nil { notice(.gone(id)) }
    }

    private func notice(_ sight: Sight) {
        guard isAlive, streamIsOpen else { return }
        if trouble(scenario.sightFaults / 2) { return meet(.sightLost) }
        if trouble(scenario.sightFaults / 2) {
            meet(.sightTwice)
            put(.sightArrives(sight, life: life), in: 1...4000)
        }
        if trouble(scenario.sightFaults / 2) {
            meet(.sightLate)
            put(.sightArrives(sight, life: life), in: 200...9000)
        } else {
            // One after the other, as they stand in the stream.
            streamedUntil = max(streamedUntil, clock.elapsed + random.number(0...10))
            agenda.put(.sightArrives(sight, life: life), at: streamedUntil)
        }
    }

    func sightArrives(_ sight: Sight, _ life: Int) {
        guard life == self.life, isAlive, streamIsOpen else { return }
        switch sight {
        case .list(let containers, let count):
            guard count == sightCount else { return meet(.listOvertaken) }
            tell(containers)
        case .changed(let container):
            sightCount += 1
            told[container.id] = container
            give(.containerChanged(container))
        case .gone(let id):
            sightCount += 1
            told[id] = nil
            give(.containerGone(id: id))
        }
    }

    private func tell(_ containers: [ContainerSummary]) {
        told = Dictionary(uniqueKeysWithValues: containers.map { ($0.id, $0) })
        if defect?.ignoresLists == true, life > 0 || batches > 1 { return }
        give(.containers(containers))
    }

    func streamOpens(_ life: Int) {
        guard life == self.life, isAlive, !streamIsOpen else { return }
        guard engineIsUp else { return put(.streamOpens(life: life), in: 250...5000) }
        streamIsOpen = true
        tell(engine.summaries)
        agenda.put(.relist(life: life), at: clock.elapsed + scenario.relist)
    }

    func relist(_ life: Int) {
        guard life == self.life, isAlive, streamIsOpen else { return }
        put(.sightArrives(.list(engine.summaries, sightsBefore: sightCount), life: life), in: 1...30)
        agenda.put(.relist(life: life), at: clock.elapsed + scenario.relist)
    }

    // MARK: Its absence

    func engineGoes() throws {
        guard engineIsUp else { return }
        meet(.engineOutage)
        write("the engine goes away")
        for call in calls where !call.isDone && call.life == life && !call.isOver && call.outcome == nil {
            meet(.cutByOutage)
            if random.chance(50) { try engineActs(call.number) }
            calls[call.number].isDone = true
            end(call.number, .unknown("connection lost [call \(call.number)]"))
        }
        engineIsUp = false
        put(.engineComes, in: 300...40_000)
        guard isAlive else { return }
        streamIsOpen = false
        give(.engineLost)
        put(.streamOpens(life: life), in: 250...5000)
    }

    func engineComes() {
        guard !engineIsUp else { return }
        write("the engine is back")
        engineIsUp = true
        guard trouble(30) else { return }
        // Its containers have ended with it.
        meet(.engineRestart)
        for id in engine.containers.keys.sorted() where engine.containers[id]?.state.isAlive == true {
            engine.containers[id]?.state = .exited
            engine.containers[id]?.wasStopped = true
            touch(id)
        }
    }

    /// The process is gone: some of its calls are still carried out, and none is reported.
    func abandonCalls() {
        for call in calls where call.life == life && !call.isOver {
            calls[call.number].isOver = true
            if call.isDone {
                if call.outcome != nil { meet(.killedBetweenDoingAndOutcome) }
            } else if random.chance(50) {
                meet(.workHappensAfterKill)
                put(.engineActs(call.number), in: 1...6000)
            } else {
                meet(.workVanishesWithKill)
                calls[call.number].isDone = true
            }
        }
    }
}

extension Call.Fate {
    fileprivate var engineFault: SimulatedEngine.Fault {
        switch self {
        case .refused400: .refusedByUser
        case .conflict409: .conflict
        case .notFound404: .notFound
        case .failedBefore500: .failedBefore
        case .failedAfter500: .failedAfter
        default: .none
        }
    }
}
