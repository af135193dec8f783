package import Lifecycle
package import Model

/// What the tables, and their tests, need of every state machine.
package protocol StateMachine: Hashable {
    associatedtype Phase: MachinePhase
    var phase: Phase { get }
    var next: Step { get }
    mutating func began(_ step: Step)
    mutating func ended(_ operation: Operation, _ outcome: OperationOutcome)
    mutating func waited()
    mutating func resumed()
}

/// A phase of a state machine.
package protocol MachinePhase: RawRepresentable<String>, Hashable, CaseIterable where AllCases == [Self] {
    var isSettled: Bool { get }
    var successors: Set<Self> { get }
}

extension InstanceMachine: StateMachine {}
extension VolumeMachine: StateMachine {}
extension ImageMachine: StateMachine {}
extension InstancePhase: MachinePhase {}
extension VolumePhase: MachinePhase {}
extension ImagePhase: MachinePhase {}

/// What a look may show.
package typealias Observation = (name: String, outcome: OperationOutcome)

extension StateMachine {
    /// The machine after its next step, if that is a look and shows this.
    package func seeing(_ outcome: OperationOutcome) -> Self {
        let step = next
        guard case .perform(let operation) = step, operation.isLook else { return self }
        var machine = self
        machine.began(step)
        machine.ended(operation, outcome)
        return machine
    }

    /// The machine after the process was started anew, and the first look has shown this.
    package func restarted(seeing outcome: OperationOutcome) -> Self {
        var machine = self
        machine.resumed()
        return machine.seeing(outcome)
    }
}

extension Operation {
    fileprivate var isLook: Bool {
        switch self {
        case .findContainer, .inspectVolume, .inspectImage: true
        default: false
        }
    }
}

extension Exploration {
    /// All ways from these machines, as far as a few outcomes of each piece of work lead.
    init(from starts: [Machine], outcomes: (Operation) -> [OperationOutcome]) {
        self.init(from: starts) { begun, step in
            var waited = begun
            switch step {
            case .perform(let operation):
                return outcomes(operation).map { outcome in
                    var machine = begun
                    machine.ended(operation, outcome)
                    return machine
                }
            case .wait:
                waited.waited()
                return [waited]
            case .require, .settle, .fail: return [begun]
            }
        }
    }
}

/// The first step of each fresh wish, by what a look has shown.
func freshTable(_ wishes: [(name: String, machine: some StateMachine)], _ observations: [Observation]) -> String {
    let rows = observations.map { name, outcome in [name] + wishes.map { word($0.machine.seeing(outcome).next) } }
    return markdownTable(
        ["Observed"] + wishes.map(\.name), [["nothing known"] + wishes.map { word($0.machine.next) }] + rows)
}

/// What follows in each phase, by what is seen when the process is started anew.
func stepsTable<Machine: StateMachine>(_ samples: [Machine.Phase: Machine], _ observations: [Observation]) -> String {
    let rows = Machine.Phase.allCases.filter { !$0.isSettled }.compactMap { phase in
        samples[phase].map { sample in
            ["`\(phase.rawValue)`"] + observations.map { word(sample.restarted(seeing: $0.outcome).next) }
        }
    }
    return markdownTable(["Phase"] + observations.map(\.name), rows)
}
