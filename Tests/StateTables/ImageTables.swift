package import Lifecycle
internal import LosslessJSON
internal import Model

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
    package static let observations: [Observation] = [
        ("missing", .image(nil)), ("there", .image(.bool(true))),
    ]

    static var phases: String { phaseSection(ImagePhase.self) }

    static var fresh: String { freshTable(wishes, observations) }

    /// A machine in each phase that it can be in on the way to what is wanted, with the work of the phase under way.
    package static func samples(_ wish: ImageMachine) -> [ImagePhase: ImageMachine] { exploration(wish).samples }

    /// All ways from a fresh wish.
    package static func exploration(_ wish: ImageMachine) -> Exploration<ImageMachine> {
        Exploration(from: [wish], outcomes: outcomes)
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

    static func steps(_ wish: ImageMachine) -> String { stepsTable(samples(wish), observations) }
}
