package import LosslessJSON
package import Model

/// What is wanted of an instance.
package enum InstanceDesire: String, Sendable, Hashable, Recordable, CaseIterable {
    case running
    case stopped
    case removed
}

/// Where an instance is on the way to what is wanted of it, as the store and the operator see it.
package enum InstancePhase: String, Sendable, Hashable, Recordable, CaseIterable {
    /// Accepted; the next step depends on what is observed.
    case requested
    /// Its volumes are being put in place.
    case preparing
    /// Its image is being pulled.
    case pulling
    case creating
    case created
    case starting
    /// It runs, and its address is waited for.
    case addressing
    case running
    case stopping
    case killing
    case stopped
    /// Its volumes are being given back.
    case releasing
    /// A container that could not be started is being removed again.
    case discarding
    case removing
    case removed
    case failed

    /// Whether the wish has been brought to an end, good or bad.
    package var isSettled: Bool {
        switch self {
        case .running, .stopped, .removed, .failed: true
        case .requested, .preparing, .pulling, .creating, .created, .starting, .addressing, .stopping, .killing,
            .releasing, .discarding, .removing:
            false
        }
    }

    /// The phases that can follow within one wish. A new wish leads back to `requested` from everywhere.
    package var successors: Set<InstancePhase> {
        switch self {
        case .requested:
            [
                .preparing, .pulling, .creating, .starting, .addressing, .stopping, .releasing, .removing, .running,
                .stopped, .removed, .failed,
            ]
        case .preparing:
            [
                .pulling, .creating, .starting, .addressing, .stopping, .killing, .releasing, .discarding, .running,
                .failed,
            ]
        case .pulling:
            [
                .preparing, .creating, .starting, .addressing, .stopping, .killing, .releasing, .running, .failed,
            ]
        case .creating:
            [.preparing, .pulling, .created, .starting, .addressing, .stopping, .releasing, .running, .failed]
        case .created: [.starting]
        case .starting:
            [
                .preparing, .pulling, .creating, .addressing, .stopping, .discarding, .killing, .releasing, .running,
                .stopped, .failed,
            ]
        case .addressing:
            [.preparing, .pulling, .creating, .starting, .stopping, .running, .stopped, .failed]
        case .stopping:
            [
                .preparing, .pulling, .creating, .starting, .addressing, .killing, .releasing, .removing, .running,
                .stopped, .removed, .failed,
            ]
        case .killing:
            [
                .preparing, .pulling, .creating, .starting, .addressing, .discarding, .releasing, .removing, .running,
                .stopped, .removed, .failed,
            ]
        case .releasing: [.stopping, .killing, .removing, .stopped, .removed, .failed]
        case .discarding: [.killing, .releasing, .failed]
        case .removing: [.stopping, .killing, .releasing, .removed, .failed]
        case .running, .stopped, .removed, .failed: []
        }
    }
}

/// What is known of the container of an instance.
package enum ContainerKnowledge: Sendable, Hashable {
    /// Nothing: it has to be looked at before anything is decided.
    case unobserved
    case missing
    case present(ContainerState)

    /// Every value there is, for tests and for the generated table.
    package static let all: [ContainerKnowledge] =
        [.unobserved, .missing] + ContainerState.allCases.map(ContainerKnowledge.present)
}

extension ContainerKnowledge: Recordable {
    package var recorded: JSON {
        switch self {
        case .unobserved: .alternative("unobserved")
        case .missing: .alternative("missing")
        case .present(let state): .alternative("present", JSONObject([.init(key: "_0", value: state.recorded)]))
        }
    }

    package var saysNothing: Bool { self == .unobserved }

    package init(recorded: JSON) throws(RecordError) {
        let (name, content) = try recorded.alternative
        switch name {
        case "unobserved": self = .unobserved
        case "missing": self = .missing
        case "present": self = .present(try ContainerState(recorded: content["_0"]))
        default: throw RecordError("\(name) is not known here")
        }
    }
}
