package import Model

/// What is wanted of an image.
package enum ImageDesire: String, Sendable, Hashable, Recordable, CaseIterable {
    case present
    case removed
}

/// Where an image is, as the store and the operator see it.
package enum ImagePhase: String, Sendable, Hashable, Recordable, CaseIterable {
    case requested
    case pulling
    case tagging
    case present
    case removing
    case removed
    case failed

    /// Whether the wish has been brought to an end, good or bad.
    package var isSettled: Bool {
        switch self {
        case .present, .removed, .failed: true
        case .requested, .pulling, .tagging, .removing: false
        }
    }

    /// The phases that can follow within one wish. A new wish leads back to `requested` from everywhere.
    package var successors: Set<ImagePhase> {
        switch self {
        case .requested: [.pulling, .tagging, .removing, .present, .failed]
        case .pulling: [.tagging, .present, .failed]
        case .tagging: [.pulling, .present, .failed]
        case .removing: [.removed, .failed]
        case .present, .removed, .failed: []
        }
    }
}

/// Brings one image to what is wanted of it (PROTOCOL 5.7, 8).
package struct ImageMachine: Sendable, Hashable {
    package private(set) var desired: ImageDesire
    package private(set) var specification: ImageSpecification
    package private(set) var phase = ImagePhase.requested
    package private(set) var attempts = 0
    package private(set) var lastError = ""

    /// What is known of the image under its own name, and under the temporary one.
    fileprivate enum Knowledge: String, Sendable, Hashable {
        case unobserved
        case missing
        case present
    }

    private var image = Knowledge.unobserved
    private var isTagged = false
    private var isPulled = false
    private var isGone = false
    private var looks = 0
    private var brokenPulls = 0
    private var vanishings = 0
    private var failures = 0
    /// The engine said no to the last pull, but not for good; what that means is decided after another look.
    private var refusal = ""
    private var verdict = ""
    private var isWaiting = false

    package init(_ specification: ImageSpecification, desired: ImageDesire) {
        self.specification = specification
        self.desired = desired
    }

    // MARK: Events

    /// Somebody wants something new.
    package mutating func wished(_ specification: ImageSpecification, desired: ImageDesire) {
        self = ImageMachine(specification, desired: desired)
    }

    /// The process was started anew. What was pulled stays pulled, but somebody may have removed it since.
    package mutating func resumed() {
        waited()
        isTagged = false
    }

    /// A new wish arrived while work for the old one was under way: what that work has left behind must be looked at.
    package mutating func overtaken() { resumed() }

    /// Somebody else wants the image too. One pull serves all: it is made if one of them asks for it, with the
    /// credential that came last.
    package mutating func joined(by wish: ImageSpecification) {
        if wish.alwaysPull { specification.alwaysPull = true }
        guard let credential = wish.credential else { return }
        // What the engine said to the other one is not the last word.
        if credential != specification.credential { refusal = "" }
        specification.credential = credential
    }

    /// The wait that was asked for is over.
    package mutating func waited() {
        isWaiting = false
        image = .unobserved
    }

    /// The step is written down and about to be done.
    package mutating func began(_ step: Step) {
        switch step {
        case .perform(.pullImage), .perform(.buildImage): phase = .pulling
        case .perform(.tagImage): phase = .tagging
        case .perform(.removeImage): phase = .removing
        case .perform, .wait, .require: break
        case .settle:
            phase = desired == .present ? .present : .removed
            lastError = ""
        case .fail(let reason):
            phase = .failed
            lastError = reason
        }
    }

    /// The work is over, or what became of it is unknown.
    package mutating func ended(_ operation: Operation, _ outcome: OperationOutcome) {
        switch outcome {
        case .image(let found):
            looks = 0
            switch operation {
            case .tagImage where found == nil:
                // Somebody removed it, or its tag, at this very moment.
                vanishings += 1
                image = .unobserved
                if vanishings >= Patience.vanishings {
                    verdict = "Image [\(specification.taggedReference)] was tagged but is not there"
                }
            case .tagImage: isTagged = true
            case .pullImage where found == nil:
                // Pulled, and not there: somebody removed it, or the stream did not tell the truth.
                verdict = "Image [\(specification.reference)] was pulled but is not there"
            case .pullImage:
                isPulled = true
                image = .present
            case .buildImage:
                // It was given a name of its own, which need not be the one that is wanted.
                isPulled = true
                image = .unobserved
            case .inspectImage where found == nil && !refusal.isEmpty: verdict = refusal
            case .inspectImage where found == nil && isPulled && specification.build != nil:
                verdict = "Image [\(specification.reference)] was built but is not there"
            case .findContainer, .createContainer, .startContainer, .stopContainer, .killContainer, .removeContainer,
                .detectAddress, .inspectVolume, .callPlugin, .createVolume, .removeVolume, .inspectImage, .removeImage,
                .inspectContainer, .updateConfiguration:
                image = found == nil ? .missing : .present
                refusal = ""
            }
        case .imageMissing(let text): verdict = text
        case .removed: isGone = true
        case .refused(let refusal): refused(operation, refusal)
        case .unavailable(let text): backOff(text)
        case .unknown(let text):
            switch operation {
            case .pullImage, .buildImage:
                brokenPulls += 1
                if brokenPulls >= Patience.pulls {
                    let what = specification.build == nil ? "pull" : "build"
                    verdict = "Image [\(specification.reference)] failed to \(what): \(text)"
                }
            default: break
            }
            backOff(text)
        case .container, .created, .nameTaken, .address, .volume, .keptByPlugin, .pluginDone, .noPlugin,
            .configurationUpdated:
            preconditionFailure("an outcome that no work on an image can have")
        }
    }

    private mutating func refused(_ operation: Operation, _ refused: Refusal) {
        lastError = refused.message
        switch operation {
        case .inspectImage:
            looks += 1
            if looks < Patience.looks { return backOff(refused.message) }
        case .pullImage where refused.isInconclusive && image == .missing:
            refusal = refused.message
            image = .unobserved
            return
        case .tagImage where refused.isInconclusive, .removeImage where refused.isInconclusive:
            // Either may be done twice.
            failures += 1
            if failures < Patience.removals { return backOff(refused.message) }
        default: break
        }
        verdict = refused.message
    }

    private mutating func backOff(_ reason: String) {
        lastError = reason
        attempts += 1
        isWaiting = verdict.isEmpty
    }

    // MARK: The decision

    /// The one thing to do now; the same until something happens.
    package var next: Step {
        if isWaiting { return .wait(Patience.backOff(afterTries: attempts)) }
        if !verdict.isEmpty { return .fail(verdict) }
        switch desired {
        case .removed:
            return isGone ? .settle : .perform(.removeImage(reference: specification.taggedReference))
        case .present:
            let fetch = Step.perform(
                specification.build.map(Operation.buildImage)
                    ?? .pullImage(reference: specification.reference, credential: specification.credential))
            if specification.alwaysPull, !isPulled { return fetch }
            switch image {
            case .unobserved: return .perform(.inspectImage(reference: specification.reference))
            case .missing: return fetch
            case .present:
                if specification.temporaryTag.isEmpty || isTagged { return .settle }
                return .perform(
                    .tagImage(reference: specification.reference, tagged: specification.taggedReference))
            }
        }
    }
}

// MARK: The record

extension ImageMachine: Recorded {
    package init() { self.init(ImageSpecification(), desired: .present) }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.required("desired", &desired)
        try record.required("specification", &specification)
        try record.required("phase", &phase)
        try record.member("attempts", &attempts)
        try record.member("lastError", &lastError)
        try record.member("image", &image)
        try record.member("isTagged", &isTagged)
        try record.member("isPulled", &isPulled)
        try record.member("isGone", &isGone)
        try record.member("looks", &looks)
        try record.member("brokenPulls", &brokenPulls)
        try record.member("vanishings", &vanishings)
        try record.member("failures", &failures)
        try record.member("refusal", &refusal)
        try record.member("verdict", &verdict)
        try record.member("isWaiting", &isWaiting)
    }
}

extension ImageMachine.Knowledge: NamedAlternative { var saysNothing: Bool { self == .unobserved } }
