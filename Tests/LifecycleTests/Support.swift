import Lifecycle
import LosslessJSON
import Model
import SimulatedEngine
import StateTables

func instance(_ uuid: String = "u-1", externalID: String = "") -> InstanceSpecification {
    var specification = InstanceSpecification(uuid: uuid, name: "web", externalID: externalID)
    specification.container.image = "nginx"
    return specification
}

func container(
    _ state: ContainerState, id: String = "c1", uuid: String = "u-1", startedAt: String = ""
) -> InspectedContainer {
    InspectedContainer(id: id, state: state, instanceUUID: uuid, startedAt: startedAt, raw: .null)
}

func refused(_ message: String, _ status: Int? = nil) -> OperationOutcome {
    .refused(Refusal(message: message, status: status))
}

/// What the next process reads.
func throughJSON<Value: Recordable>(_ value: Value) throws -> Value {
    try Value(recorded: .stored(value.recorded.encodedText))
}

/// The specification is stored beside the machine.
func throughJSON(_ machine: InstanceMachine) throws -> InstanceMachine {
    let specification: InstanceSpecification = try throughJSON(machine.specification)
    return try InstanceMachine(recordedText: machine.recordedText).with(specification)
}

extension InstanceMachine {
    /// Takes the next step, and gives work the outcome.
    @discardableResult
    mutating func step(_ outcome: OperationOutcome? = nil) -> Step {
        let step = next
        began(step)
        switch step {
        case .perform(let operation): if let outcome { ended(operation, outcome) }
        case .wait: waited()
        case .require: requirementMet()
        case .settle, .fail: break
        }
        return step
    }

    /// Takes steps on the engine until there are none left.
    mutating func run(on engine: inout SimulatedEngine, limit: Int = 200) -> [Step] {
        var steps: [Step] = []
        while steps.count < limit {
            let step = next
            steps.append(step)
            began(step)
            switch step {
            case .perform(let operation): ended(operation, engine.perform(operation))
            case .wait: waited()
            case .require(let requirements): meet(requirements, on: &engine)
            case .settle, .fail: return steps
            }
        }
        return steps
    }
}

extension InstanceMachine {
    /// Others have done what the instance required.
    mutating func meet(_ requirements: [Requirement], on engine: inout SimulatedEngine) {
        for requirement in requirements {
            switch requirement {
            case .image(let image): engine.images.insert(image.reference)
            case .volume(let volume, _):
                let isKept = engine.plugins.contains(volume.driver)
                if isKept { _ = engine.perform(.callPlugin(.mount, volume)) }
                volumeActive(volume.name, mountpoint: isKept ? "/mnt/\(volume.name)" : "")
            case .release(let volume, _): _ = engine.perform(.callPlugin(.unmount, volume))
            }
        }
        requirementMet()
    }
}

/// Of a machine that requires nothing of others.
extension StateMachine {
    @discardableResult
    mutating func step(_ outcome: OperationOutcome? = nil) -> Step {
        let step = next
        began(step)
        switch step {
        case .perform(let operation): if let outcome { ended(operation, outcome) }
        case .wait: waited()
        case .require, .settle, .fail: break
        }
        return step
    }
}

extension Step {
    var failure: String? {
        guard case .fail(let reason) = self else { return nil }
        return reason
    }

    var isCreate: Bool {
        guard case .perform(.createContainer) = self else { return false }
        return true
    }

    var isEnd: Bool {
        switch self {
        case .settle, .fail: true
        case .perform, .require, .wait: false
        }
    }
}
