package import Model

/// What is wanted of a volume.
package enum VolumeDesire: String, Sendable, Hashable, Codable, CaseIterable {
    case active
    case removed
}

/// Where a volume is, as the store and the operator see it.
package enum VolumePhase: String, Sendable, Hashable, Codable, CaseIterable {
    case requested
    case creating
    case active
    case removing
    case removed
    case failed

    /// Whether the wish has been brought to an end, good or bad.
    package var isSettled: Bool {
        switch self {
        case .active, .removed, .failed: true
        case .requested, .creating, .removing: false
        }
    }

    /// The phases that can follow within one wish. A new wish leads back to `requested` from everywhere.
    package var successors: Set<VolumePhase> {
        switch self {
        case .requested: [.creating, .removing, .active, .removed, .failed]
        case .creating: [.active, .removing, .failed]
        // A volume that has moved away is forgotten here before it is created anew.
        case .removing: [.creating, .active, .removed, .failed]
        case .active, .removed, .failed: []
        }
    }
}

/// What is known of a volume.
package enum VolumeKnowledge: Sendable, Hashable, Codable {
    case unobserved
    case missing
    case present(driver: String)
    /// The plug-in says that it lives on another host now.
    case moved
}

/// Brings one volume to what is wanted of it (PROTOCOL 7).
package struct VolumeMachine: Sendable, Hashable, Codable {
    package private(set) var desired: VolumeDesire
    package private(set) var specification: VolumeSpecification
    package private(set) var phase = VolumePhase.requested
    package private(set) var knowledge = VolumeKnowledge.unobserved
    package private(set) var attempts = 0
    package private(set) var lastError = ""

    private var creations = 0
    private var removals = 0
    private var looks = 0
    private var verdict = ""
    private var pause: Pause?

    private enum Pause: Hashable, Codable {
        case backOff
        case second
    }

    package init(_ specification: VolumeSpecification, desired: VolumeDesire) {
        self.specification = specification
        self.desired = desired
    }

    // MARK: Events

    /// Whether who wants the given is served by the work for this one. Options count only for whoever creates.
    package func serves(_ wish: VolumeMachine) -> Bool {
        desired == wish.desired && specification.driver == wish.specification.driver
            && specification.isManaged == wish.specification.isManaged
    }

    /// Somebody wants something new.
    package mutating func wished(_ specification: VolumeSpecification, desired: VolumeDesire) {
        self = VolumeMachine(specification, desired: desired)
    }

    /// The process was started anew: what was seen before may be long past.
    package mutating func resumed() { waited() }

    /// A new wish arrived while work for the old one was under way: what that work has left behind must be looked at.
    package mutating func overtaken() { knowledge = .unobserved }

    /// The wait that was asked for is over.
    package mutating func waited() {
        pause = nil
        knowledge = .unobserved
    }

    /// The step is written down and about to be done.
    package mutating func began(_ step: Step) {
        switch step {
        case .perform(.createVolume): phase = .creating
        case .perform(.removeVolume): phase = .removing
        case .perform, .wait, .require: break
        case .settle:
            phase = desired == .active ? .active : .removed
            lastError = ""
        case .fail(let reason):
            phase = .failed
            lastError = reason
        }
    }

    /// The work is over, or what became of it is unknown.
    package mutating func ended(_ operation: Operation, _ outcome: OperationOutcome) {
        switch outcome {
        case .volume(let volume):
            looks = 0
            knowledge = volume.map { $0.isMoved ? .moved : .present(driver: $0.driver) } ?? .missing
            if case .createVolume = operation, volume.map(\.isMoved) ?? true {
                creations += 1
                guard creations >= Patience.vanishings else { return }
                verdict = "Volume \(specification.name) was created but is not there"
            }
        case .removed: knowledge = .missing
        case .refused(let refusal): refused(operation, refusal)
        case .unavailable(let text), .unknown(let text): backOff(text)
        case .container, .created, .nameTaken, .imageMissing, .image:
            preconditionFailure("an outcome that no work on a volume can have")
        }
    }

    private mutating func refused(_ operation: Operation, _ refusal: Refusal) {
        lastError = refusal.message
        switch operation {
        case .removeVolume:
            removals += 1
            // "Should retry" is a plug-in's way to ask that the server, not the agent, tries again.
            if removals >= Patience.removals || refusal.message.contains("Should retry") {
                verdict = refusal.message
            } else {
                pause = .second
            }
        case .inspectVolume:
            looks += 1
            if looks >= Patience.looks { verdict = refusal.message } else { backOff(refusal.message) }
        case .createVolume: verdict = refusal.message
        case .findContainer, .createContainer, .startContainer, .stopContainer, .killContainer, .removeContainer,
            .inspectImage, .pullImage, .tagImage, .removeImage, .inspectContainer:
            preconditionFailure("work that no volume asks for")
        }
    }

    private mutating func backOff(_ reason: String) {
        lastError = reason
        attempts += 1
        pause = .backOff
    }

    // MARK: The decision

    /// The one thing to do now; the same until something happens.
    package var next: Step {
        switch pause {
        case .backOff: return .wait(Patience.backOff(afterTries: attempts))
        case .second: return .wait(Patience.pause)
        case nil: break
        }
        if !verdict.isEmpty { return .fail(verdict) }
        // A directory of the host is nobody's to create or to delete.
        guard specification.isManaged else { return .settle }
        switch (desired, knowledge) {
        case (.active, .unobserved), (.removed, .unobserved): return .perform(.inspectVolume(name: specification.name))
        case (.active, .missing): return .perform(.createVolume(specification))
        case (.active, .moved): return .perform(.removeVolume(name: specification.name, force: true))
        case (.active, .present(let driver)):
            if Self.isSame(driver, specification.driver) { return .settle }
            return .fail(
                "Volume \(specification.name) exists with driver \(driver) instead of \(specification.driver)")
        // One that has moved lives on, on another host: to remove it here would destroy it there (PROTOCOL 7.5).
        case (.removed, .missing), (.removed, .moved): return .settle
        case (.removed, .present): return .perform(.removeVolume(name: specification.name, force: false))
        }
    }

    /// The engine shows a plug-in with its tag, the server usually names it without.
    private static func isSame(_ shown: String, _ wanted: String) -> Bool {
        shown == wanted || shown == wanted + ":latest" || shown + ":latest" == wanted
    }
}
