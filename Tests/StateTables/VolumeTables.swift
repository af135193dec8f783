package import Lifecycle
package import Model

/// The tables of volumes.
package enum VolumeTables {
    package static let specification = VolumeSpecification(name: "v", driver: "flex")

    /// What a look may show.
    package static let observations: [Observation] = [
        ("missing", .volume(nil)),
        ("there", .volume(InspectedVolume(driver: "flex", mountpoint: "/v"))),
        ("other driver", .volume(InspectedVolume(driver: "local", mountpoint: "/v"))),
        ("moved away", .volume(InspectedVolume(driver: "flex", mountpoint: "moved"))),
        ("kept by a plug-in", .keptByPlugin),
    ]

    static var phases: String { phaseSection(VolumePhase.self) }

    static var fresh: String { freshTable(VolumeDesire.allCases.map { ($0.rawValue, wish($0)) }, observations) }

    private static func wish(_ desired: VolumeDesire) -> VolumeMachine {
        VolumeMachine(specification, desired: desired, holder: "u-1")
    }

    /// A machine in each phase that it can be in on the way to what is wanted, with the work of the phase under way.
    package static func samples(_ desired: VolumeDesire) -> [VolumePhase: VolumeMachine] {
        exploration(desired).samples
    }

    /// All ways from a fresh wish.
    package static func exploration(_ desired: VolumeDesire) -> Exploration<VolumeMachine> {
        // And one that was mounted before.
        var mounted = wish(.active)
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
        mounted.wished(wish(desired))
        return Exploration(from: [wish(desired), mounted], outcomes: outcomes)
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

    static func steps(_ desired: VolumeDesire) -> String { stepsTable(samples(desired), observations) }
}
