package import Lifecycle
package import Model

/// The tables of volumes.
package enum VolumeTables {
    package static let specification = VolumeSpecification(name: "v", driver: "flex")

    /// What a look may show.
    package static let observations: [(name: String, outcome: OperationOutcome)] = [
        ("missing", .volume(nil)),
        ("there", .volume(InspectedVolume(driver: "flex", mountpoint: "/v"))),
        ("other driver", .volume(InspectedVolume(driver: "local", mountpoint: "/v"))),
        ("moved away", .volume(InspectedVolume(driver: "flex", mountpoint: "moved"))),
        ("kept by a plug-in", .keptByPlugin),
    ]

    static var phases: String {
        phaseSection(VolumePhase.allCases, isSettled: \.isSettled, successors: \.successors)
    }

    static var fresh: String {
        var unknown = ["nothing known"]
        for desired in VolumeDesire.allCases {
            unknown.append(word(VolumeMachine(specification, desired: desired, holder: "u-1").next))
        }
        var rows = [unknown]
        for (name, outcome) in observations {
            var row = [name]
            for desired in VolumeDesire.allCases {
                var machine = VolumeMachine(specification, desired: desired, holder: "u-1")
                see(outcome, &machine)
                row.append(word(machine.next))
            }
            rows.append(row)
        }
        return markdownTable(["Observed"] + VolumeDesire.allCases.map(\.rawValue), rows)
    }

    /// A machine in each phase that it can be in on the way to what is wanted, with the work of the phase under way.
    package static func samples(_ desired: VolumeDesire) -> [VolumePhase: VolumeMachine] {
        exploration(desired).samples
    }

    /// All ways from a fresh wish, as far as a few outcomes of each piece of work lead.
    package static func exploration(_ desired: VolumeDesire) -> Exploration<VolumeMachine, VolumePhase> {
        let fresh = VolumeMachine(specification, desired: desired, holder: "u-1")
        // And one that was mounted before.
        var mounted = VolumeMachine(specification, desired: .active, holder: "u-1")
        for _ in 0..<20 where !mounted.phase.isSettled {
            let step = mounted.next
            mounted.began(step)
            guard case .perform(let operation) = step else { continue }
            if case .inspectVolume = operation {
                mounted.ended(operation, .keptByPlugin)
            } else {
                mounted.ended(operation, .pluginDone(mountpoint: "/mnt/v"))
            }
        }
        mounted.wished(fresh)
        return Exploration(from: [fresh, mounted], depth: 9, phase: \.phase) { machine in
            guard !machine.phase.isSettled else { return nil }
            let step = machine.next
            var begun = machine
            begun.began(step)
            let after: [VolumeMachine]
            switch step {
            case .perform(let operation):
                after = outcomes(of: operation).map { outcome in
                    var machine = begun
                    machine.ended(operation, outcome)
                    return machine
                }
            case .wait:
                var machine = begun
                machine.waited()
                after = [machine]
            case .require, .settle, .fail: after = [begun]
            }
            return (begun, after)
        }
    }

    private static func outcomes(of operation: Operation) -> [OperationOutcome] {
        let failure = OperationOutcome.refused(Refusal(message: "disk on fire", status: 500))
        return switch operation {
        case .inspectVolume: observations.map(\.outcome)
        case .createVolume: [observations[1].outcome, failure]
        case .removeVolume: [.removed, failure]
        case .callPlugin: [.pluginDone(mountpoint: "/mnt/v"), failure]
        default: []
        }
    }

    private static func see(_ outcome: OperationOutcome, _ machine: inout VolumeMachine) {
        let step = machine.next
        guard case .perform(.inspectVolume) = step, case .perform(let operation) = step else { return }
        machine.began(step)
        machine.ended(operation, outcome)
    }

    /// The machine after the process was started anew in this phase, and the first look has shown this.
    package static func resumed(_ sample: VolumeMachine, _ outcome: OperationOutcome) -> VolumeMachine {
        var machine = sample
        machine.resumed()
        see(outcome, &machine)
        return machine
    }

    static func steps(_ desired: VolumeDesire) -> String {
        let samples = samples(desired)
        let phases = VolumePhase.allCases.filter { !$0.isSettled && samples[$0] != nil }
        var rows: [[String]] = []
        for phase in phases {
            var row = ["`\(phase.rawValue)`"]
            for (_, outcome) in observations {
                row.append(samples[phase].map { word(resumed($0, outcome).next) } ?? "–")
            }
            rows.append(row)
        }
        return markdownTable(["Phase"] + observations.map(\.name), rows)
    }
}
