package import Lifecycle
internal import LosslessJSON
package import Model

/// The tables of instances.
package enum InstanceTables {
    /// With a volume of a storage plug-in and a network that gives it its address: it goes through every phase.
    package static let specification: InstanceSpecification = {
        var specification = plain
        specification.volumes = [VolumeSpecification(name: "v", driver: "flex")]
        specification.container.network = .cni
        return specification
    }()

    private static let plain: InstanceSpecification = {
        var specification = InstanceSpecification(uuid: "u-1", name: "web")
        specification.container.image = "nginx"
        return specification
    }()

    package static let containerID = "c1"

    /// What an inspection may show.
    package static let observations: [ContainerState?] = [nil] + ContainerState.allCases

    static var phases: String { phaseSection(InstancePhase.self) }

    // MARK: Fresh wishes

    /// The first step of a fresh wish, by what the engine's list, and what an inspection has shown.
    static var fresh: String {
        var header = ["Observed"]
        var unknown = ["nothing known"]
        for desired in InstanceDesire.allCases {
            header += ["\(desired), list", "\(desired), inspection"]
            let step = word(InstanceMachine(plain, desired: desired).next)
            unknown += [step, step]
        }
        var rows = [unknown]
        for state in observations {
            var row = [state?.rawValue ?? "missing"]
            for desired in InstanceDesire.allCases { row += firstSteps(desired, state) }
            rows.append(row)
        }
        return markdownTable(header, rows)
    }

    /// Of a hint, and of an inspection.
    private static func firstSteps(_ desired: InstanceDesire, _ state: ContainerState?) -> [String] {
        var listed = InstanceMachine(plain, desired: desired)
        listed.hinted(
            state.map { ContainerSummary(id: containerID, name: "r-web-u", state: $0, instanceUUID: "u-1") })
        var inspected = InstanceMachine(plain, desired: desired)
        see(state, &inspected)
        return [word(listed.next), word(inspected.next)]
    }

    // MARK: In every phase

    /// A machine in each phase that it can be in on the way to what is wanted, with the work of the phase under way.
    package static func samples(_ desired: InstanceDesire) -> [InstancePhase: InstanceMachine] {
        exploration(desired).samples
    }

    /// All ways from a fresh wish, as far as a few outcomes of each piece of work lead.
    package static func exploration(_ desired: InstanceDesire) -> Exploration<InstanceMachine> {
        var starts = [InstanceMachine(specification, desired: desired)]
        // Something to give back, for one that is stopped or removed.
        var before = InstanceMachine(specification, desired: .running)
        see(nil, &before)
        before.began(before.next)
        before.volumeActive("v", mountpoint: "/mnt/v")
        before.requirementMet()
        before.wished(specification, desired: desired)
        starts.append(before)
        return Exploration(from: starts, after: after)
    }

    private static func after(_ begun: InstanceMachine, _ step: Step) -> [InstanceMachine] {
        switch step {
        case .perform(let operation):
            return outcomes(of: operation).map { outcome in
                var machine = begun
                machine.ended(operation, outcome)
                return machine
            }
        case .require:
            var met = begun
            if met.phase == .preparing { met.volumeActive("v", mountpoint: "/mnt/v") }
            met.requirementMet()
            var failed = begun
            failed.requirementFailed("disk on fire")
            return [met, failed]
        case .wait:
            var machine = begun
            machine.waited()
            return [machine]
        case .settle, .fail: return [begun]
        }
    }

    private static func outcomes(of operation: Operation) -> [OperationOutcome] {
        let failure = OperationOutcome.refused(Refusal(message: "disk on fire", status: 500))
        func seen(_ states: ContainerState...) -> [OperationOutcome] { states.map { .container(container($0)) } }
        return switch operation {
        case .findContainer: [.container(nil)] + seen(.created, .running, .exited, .restarting)
        case .createContainer: [.created(id: containerID), .imageMissing("no such image"), failure]
        case .startContainer: seen(.running, .exited) + [failure]
        case .stopContainer: seen(.exited, .running)
        case .killContainer: seen(.exited, .running)
        case .removeContainer: [.removed, failure]
        case .detectAddress: [.address("10.42.0.5", container(.running))]
        default: []
        }
    }

    static func container(_ state: ContainerState) -> InspectedContainer {
        InspectedContainer(
            id: containerID, state: state, instanceUUID: "u-1", startedAt: state == .created ? "" : "t1", raw: .null)
    }

    private static func see(_ state: ContainerState?, _ machine: inout InstanceMachine) {
        let step = machine.next
        machine.began(step)
        if case .perform(let operation) = step { machine.ended(operation, .container(state.map(container))) }
    }

    /// The machine after the process was started anew in this phase, and the first look has shown this.
    package static func resumed(_ sample: InstanceMachine, _ state: ContainerState?) -> InstanceMachine {
        var machine = sample
        machine.resumed()
        if case .perform(.findContainer) = machine.next { see(state, &machine) }
        return machine
    }

    /// What follows in each phase, by what is observed when the process is started anew.
    static func steps(_ desired: InstanceDesire) -> String {
        let samples = samples(desired)
        let phases = InstancePhase.allCases.filter { !$0.isSettled && samples[$0] != nil }
        var rows: [[String]] = []
        for phase in phases {
            var row = ["`\(phase.rawValue)`"]
            for state in observations { row.append(samples[phase].map { word(resumed($0, state).next) } ?? "–") }
            rows.append(row)
        }
        return markdownTable(["Phase"] + observations.map { $0?.rawValue ?? "missing" }, rows)
    }
}
