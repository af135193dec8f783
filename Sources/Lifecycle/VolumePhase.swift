package import LosslessJSON
package import Model

/// What is wanted of a volume.
package enum VolumeDesire: String, Sendable, Hashable, Recordable, CaseIterable {
    /// There, and mounted if a storage plug-in keeps it.
    case active
    /// There; whether it is mounted is left as it is.
    case created
    /// There, but not mounted.
    case inactive
    case removed
}

/// Where a volume is, as the store and the operator see it.
package enum VolumePhase: String, Sendable, Hashable, Recordable, CaseIterable {
    case requested
    case creating
    case attaching
    case mounting
    case active
    case unmounting
    case inactive
    case removing
    case removed
    case failed

    /// Whether the wish has been brought to an end, good or bad.
    package var isSettled: Bool {
        switch self {
        case .active, .inactive, .removed, .failed: true
        case .requested, .creating, .attaching, .mounting, .unmounting, .removing: false
        }
    }

    /// The phases that can follow within one wish. A new wish leads back to `requested` from everywhere.
    package var successors: Set<VolumePhase> {
        switch self {
        case .requested: [.creating, .attaching, .unmounting, .removing, .active, .inactive, .removed, .failed]
        case .creating: [.attaching, .active, .inactive, .removing, .unmounting, .failed]
        case .attaching: [.creating, .mounting, .unmounting, .removing, .active, .failed]
        case .mounting: [.creating, .unmounting, .active, .failed]
        case .unmounting: [.inactive, .removing, .failed]
        // A volume that has moved away is forgotten here before it is created anew.
        case .removing: [.creating, .attaching, .active, .removed, .failed]
        case .active, .inactive, .removed, .failed: []
        }
    }
}

/// What is known of a volume.
package enum VolumeKnowledge: Sendable, Hashable {
    case unobserved
    case missing
    case present(driver: String)
    /// The plug-in says that it lives on another host now.
    case moved
    /// A storage plug-in keeps it, not the engine.
    case kept
}

extension VolumeKnowledge: Recordable {
    package var recorded: JSON {
        switch self {
        case .unobserved: .alternative("unobserved")
        case .missing: .alternative("missing")
        case .present(let driver): .alternative("present", JSONObject([.init(key: "driver", value: .string(driver))]))
        case .moved: .alternative("moved")
        case .kept: .alternative("kept")
        }
    }

    package var saysNothing: Bool { self == .unobserved }

    package init(recorded: JSON) throws(RecordError) {
        let (name, content) = try recorded.alternative
        switch name {
        case "unobserved": self = .unobserved
        case "missing": self = .missing
        case "present": self = .present(driver: try String(recorded: content["driver"]))
        case "moved": self = .moved
        case "kept": self = .kept
        default: throw RecordError("\(name) is not known here")
        }
    }
}
