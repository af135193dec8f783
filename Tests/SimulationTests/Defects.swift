import LosslessJSON
import Model
import SimulatedEngine
import Store

@testable import Reconciler

/// A defect that is planted between the core and everything else, to prove that the laws find it. Each method stands
/// at one seam and does nothing unless it is overridden.
class Defect {
    /// Sees to it that the history is one that can show it.
    func arrange(_ scenario: inout Scenario) {}
    func before(_ inputs: [Input], _ world: World) {}
    func leaves(_ operation: Operation, _ about: String, _ world: World) {}
    func letter(_ body: String, _ world: World) -> String { body }
    func posted(_ letter: Letter, _ world: World) {}
    func receipt(_ receipt: Input) -> Input { receipt }
    func operation(_ operation: Operation, _ world: World) -> Operation { operation }
    func outcome(_ outcome: OperationOutcome, of call: Call, _ world: World) -> OperationOutcome { outcome }
    func died(_ world: World) {}
    func whileDown(_ world: World) {}
    var ignoresLists: Bool { false }
}

enum PlantedDefect: String, CaseIterable {
    case effectsBeforeCommit = "effects leave before the transaction that decided them is committed"
    case answerBeforeCommit = "an answer leaves before it is committed"
    case rowBeforeContainer = "the record is deleted before the container is"
    case silenceIsFailure = "a call without an answer is taken for one that failed"
    case silenceIsSuccess = "a call without an answer is taken for one that succeeded"
    case absenceOfEngine = "an engine that cannot be reached is taken for a missing container"
    case hintIsProof = "what was last told is taken for an inspection"
    case copyIsNew = "an event that was answered is taken for a new one"
    case triesForgotten = "a restart forgets how often something was tried"
    case pauseForgotten = "a restart forgets that somebody has to wait"
    case answerRenewed = "an answer is made anew when it is sent again"
    case labelIgnored = "a container is taken for the instance's although its label does not say so"
    case listsIgnored = "only the events of the engine are looked at, and one of them is lost"
    case overtakenForgotten = "an event that was overtaken is left without an answer"
    case oneTryOnly = "an answer that could not be delivered at once is given up"
    case deliveredTooSoon = "an answer counts as delivered when it leaves"
    case nameWithNumber = "a container gets a new name at every try"
    case eventLost = "an event counts as stored before it is"

    func make() -> Defect {
        switch self {
        case .effectsBeforeCommit: EffectsBeforeCommit()
        case .answerBeforeCommit: AnswerBeforeCommit()
        case .rowBeforeContainer: RowBeforeContainer()
        case .silenceIsFailure: SilenceIsFailure()
        case .silenceIsSuccess: SilenceIsSuccess()
        case .absenceOfEngine: AbsenceOfEngine()
        case .hintIsProof: HintIsProof()
        case .copyIsNew: CopyIsNew()
        case .triesForgotten: TriesForgotten()
        case .pauseForgotten: PauseForgotten()
        case .answerRenewed: AnswerRenewed()
        case .labelIgnored: LabelIgnored()
        case .listsIgnored: ListsIgnored()
        case .overtakenForgotten: OvertakenForgotten()
        case .oneTryOnly: OneTryOnly()
        case .deliveredTooSoon: DeliveredTooSoon()
        case .nameWithNumber: NameWithNumber()
        case .eventLost: EventLost()
        }
    }
}

/// What was written last is gone when the process is killed after its effects have left.
private class EffectsBeforeCommit: Defect {
    override func arrange(_ scenario: inout Scenario) {
        scenario.isStoreInFile = true
        scenario.kills = 10
    }
    override func before(_ inputs: [Input], _ world: World) { world.disk.remember() }
    func concerns(_ effect: Effect) -> Bool { if case .perform = effect { true } else { false } }
    override func died(_ world: World) { if world.leftLast.contains(where: concerns) { world.disk.goBack() } }
}

private final class AnswerBeforeCommit: EffectsBeforeCommit {
    override func concerns(_ effect: Effect) -> Bool { if case .publish = effect { true } else { false } }
    override func died(_ world: World) {
        if world.leftLast.allSatisfy(concerns), !world.leftLast.isEmpty { world.disk.goBack() }
    }
}

private final class RowBeforeContainer: Defect {
    override func leaves(_ operation: Operation, _ about: String, _ world: World) {
        if case .removeContainer = operation { try? world.disk.store.deleteResource(about) }
    }
}

/// In a history in which much goes wrong with the engine.
private class Faulty: Defect {
    override func arrange(_ scenario: inout Scenario) { scenario.engineFaults = 40 }
}

private final class SilenceIsFailure: Faulty {
    override func outcome(_ outcome: OperationOutcome, of call: Call, _ world: World) -> OperationOutcome {
        if case .unknown(let text) = outcome { .refused(Refusal(message: text, status: 500)) } else { outcome }
    }
}

private final class SilenceIsSuccess: Faulty {
    override func outcome(_ outcome: OperationOutcome, of call: Call, _ world: World) -> OperationOutcome {
        guard case .unknown = outcome else { return outcome }
        switch call.operation {
        case .removeContainer, .removeVolume, .removeImage: return .removed
        case .stopContainer(let id, _), .killContainer(let id):
            return .container(InspectedContainer(id: id, state: .exited, instanceUUID: "", startedAt: "t", raw: [:]))
        default: return outcome
        }
    }
}

private final class AbsenceOfEngine: Faulty {
    override func outcome(_ outcome: OperationOutcome, of call: Call, _ world: World) -> OperationOutcome {
        if case .unavailable = outcome, case .findContainer = call.operation { .container(nil) } else { outcome }
    }
}

private final class HintIsProof: Defect {
    override func outcome(_ outcome: OperationOutcome, of call: Call, _ world: World) -> OperationOutcome {
        guard case .container = outcome, case .findContainer(let identity) = call.operation, world.streamIsOpen else {
            return outcome
        }
        let summary = world.told.values.filter { $0.instanceUUID == identity.uuid }.min { $0.id < $1.id }
        return .container(
            summary.map {
                InspectedContainer(
                    id: $0.id, state: $0.state, instanceUUID: $0.instanceUUID, startedAt: "t",
                    raw: ["Id": .string($0.id)])
            })
    }
}

private final class CopyIsNew: Defect {
    override func before(_ inputs: [Input], _ world: World) {
        for case .event(let event) in inputs
        where world.errands.contains(where: { $0.id == event.header.id && !$0.left.isEmpty }) {
            try? world.disk.store.deleteEvent(event.header.id)
        }
    }
}

private class TriesForgotten: Defect {
    override func arrange(_ scenario: inout Scenario) {
        scenario.kills = 10
        scenario.engineFaults = 40
    }
    override func whileDown(_ world: World) {
        try? world.disk.store.connection.run(
            "UPDATE resource SET attempts = 0, machine = json_set(machine, '$.' || kind || '._0.attempts', 0)")
    }
}

private final class PauseForgotten: TriesForgotten {
    override func whileDown(_ world: World) {
        try? world.disk.store.connection.run("UPDATE resource SET next_attempt_at = NULL")
    }
}

private final class AnswerRenewed: Defect {
    private var sent: Set<String> = []
    override func letter(_ body: String, _ world: World) -> String {
        sent.insert(body).inserted ? body : body.replacing("{", with: "{\"again\":true,", maxReplacements: 1)
    }
}

private final class LabelIgnored: Defect {
    override func arrange(_ scenario: inout Scenario) { scenario.hasStrangers = true }
    override func outcome(_ outcome: OperationOutcome, of call: Call, _ world: World) -> OperationOutcome {
        guard case .container(nil) = outcome, case .findContainer = call.operation,
            let stranger = world.strangers.keys.sorted().compactMap({ world.engine.containers[$0] }).first
        else { return outcome }
        return .container(stranger.inspected)
    }
}

private final class ListsIgnored: Defect {
    override func arrange(_ scenario: inout Scenario) {
        scenario.sightFaults = 40
        scenario.hasHands = true
    }
    override var ignoresLists: Bool { true }
}

private final class OvertakenForgotten: Defect {
    override func before(_ inputs: [Input], _ world: World) {
        try? world.disk.store.connection.run(
            "UPDATE event SET state = 'closed' WHERE id IN (SELECT event_id FROM reply WHERE body LIKE '%superseded by%')"
        )
    }
    override func arrange(_ scenario: inout Scenario) { scenario.kills = 10 }
}

private final class OneTryOnly: Defect {
    override func receipt(_ receipt: Input) -> Input {
        if case .undelivered(let id, let reason, _) = receipt {
            .undelivered(eventID: id, reason: reason, isFinal: true)
        } else {
            receipt
        }
    }
}

private final class DeliveredTooSoon: Defect {
    override func receipt(_ receipt: Input) -> Input {
        if case .undelivered(let id, _, _) = receipt { .delivered(eventID: id) } else { receipt }
    }
}

private final class NameWithNumber: Faulty {
    private var count = 0
    override func operation(_ operation: Operation, _ world: World) -> Operation {
        guard case .createContainer(var instance, let mountpoints) = operation else { return operation }
        count += 1
        instance.name += "-\(count)"
        return .createContainer(instance, mountpoints: mountpoints)
    }
}

/// A copy of an event is taken for known although its first one was lost with the process.
private final class EventLost: Defect {
    private var seen: Set<String> = []
    override func arrange(_ scenario: inout Scenario) { scenario.kills = 10 }
    override func before(_ inputs: [Input], _ world: World) {
        for case .event(let event) in inputs { seen.insert(event.header.id) }
    }
    override func whileDown(_ world: World) {
        for id in seen.sorted() where (try? world.disk.store.eventState(id)) == .some(nil) {
            let header = EventHeader(id: id, name: "lost", replyTo: nil, resourceID: nil, resourceType: nil)
            try? world.disk.store.insert(
                EventRow(
                    header: header, key: nil, generation: 0, frame: "", state: .closed, receivedAt: world.clock.wall))
        }
    }
}
