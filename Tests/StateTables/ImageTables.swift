package import Lifecycle
internal import LosslessJSON
package import Model

/// The tables of images.
package enum ImageTables {
    /// What may be wanted of an image.
    package static let wishes: [(name: String, machine: ImageMachine)] = [
        ("present", ImageMachine(ImageSpecification(reference: "nginx"), desired: .present)),
        (
            "present, fresh",
            ImageMachine(ImageSpecification(reference: "nginx", alwaysPull: true), desired: .present)
        ),
        (
            "present, tagged",
            ImageMachine(ImageSpecification(reference: "nginx", temporaryTag: "-tmp"), desired: .present)
        ),
        ("removed", ImageMachine(ImageSpecification(reference: "nginx", temporaryTag: "-tmp"), desired: .removed)),
    ]

    /// What a look may show.
    package static let observations: [(name: String, outcome: OperationOutcome)] = [
        ("missing", .image(nil)), ("there", .image(.bool(true))),
    ]

    static var phases: String {
        phaseSection(ImagePhase.allCases, isSettled: \.isSettled, successors: \.successors)
    }

    static var fresh: String {
        var rows = [["nothing known"] + wishes.map { word($0.machine.next) }]
        for (name, outcome) in observations {
            var row = [name]
            for wish in wishes {
                var machine = wish.machine
                see(outcome, &machine)
                row.append(word(machine.next))
            }
            rows.append(row)
        }
        return markdownTable(["Observed"] + wishes.map(\.name), rows)
    }

    /// A machine in each phase that it can be in on the way to what is wanted, with the work of the phase under way.
    package static func samples(_ wish: ImageMachine) -> [ImagePhase: ImageMachine] { exploration(wish).samples }

    /// All ways from a fresh wish, as far as a few outcomes of each piece of work lead.
    package static func exploration(_ wish: ImageMachine) -> Exploration<ImageMachine, ImagePhase> {
        Exploration(from: [wish], depth: 9, phase: \.phase) { machine in
            guard !machine.phase.isSettled else { return nil }
            let step = machine.next
            var begun = machine
            begun.began(step)
            let after: [ImageMachine]
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
        case .inspectImage, .tagImage: observations.map(\.outcome) + [failure]
        case .pullImage: [.image(.bool(true)), .unknown("the stream broke off"), failure]
        case .removeImage: [.removed, failure]
        default: []
        }
    }

    private static func see(_ outcome: OperationOutcome, _ machine: inout ImageMachine) {
        let step = machine.next
        guard case .perform(.inspectImage) = step, case .perform(let operation) = step else { return }
        machine.began(step)
        machine.ended(operation, outcome)
    }

    /// The machine after the process was started anew in this phase, and the first look has shown this.
    package static func resumed(_ sample: ImageMachine, _ outcome: OperationOutcome) -> ImageMachine {
        var machine = sample
        machine.resumed()
        see(outcome, &machine)
        return machine
    }

    static func steps(_ wish: ImageMachine) -> String {
        let samples = samples(wish)
        let phases = ImagePhase.allCases.filter { !$0.isSettled && samples[$0] != nil }
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
