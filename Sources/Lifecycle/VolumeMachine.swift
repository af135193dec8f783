package import Model

/// Brings one volume to what is wanted of it (PROTOCOL 7).
///
/// The engine keeps most volumes. Some are kept by a storage plug-in; these are mounted on the host for as long as an
/// instance needs them, and it is remembered which instances these are.
package struct VolumeMachine: Sendable, Hashable {
    package private(set) var desired: VolumeDesire
    package private(set) var specification: VolumeSpecification
    package private(set) var phase = VolumePhase.requested
    package private(set) var knowledge = VolumeKnowledge.unobserved
    package private(set) var attempts = 0
    package private(set) var lastError = ""
    /// Where the plug-in has mounted the volume; empty for volumes of the engine.
    package private(set) var mountpoint = ""
    /// The instances for which it was mounted, by uuid. A failure for others does not take it away from them.
    package private(set) var holders: Names = []
    /// The instances that wait for it.
    package private(set) var claimants: Names = []
    /// As what a plug-in was asked to attach or mount it, and not yet successfully to unmount it; the driver named for it
    /// may be another one by now.
    private var mounted: VolumeSpecification?
    /// The driver whose storage plug-in was seen to keep the volume; `nil` if none was.
    package private(set) var pluginDriver: String?

    /// What this wish has seen on its way.
    fileprivate struct Story: Sendable, Hashable {
        /// The last call of the plug-in that has succeeded.
        var called: PluginCall?
        var isUnmounted = false
        var isGone = false
        var creations = 0
        var removals = 0
        var looks = 0
        var downs = 0
        var unclear = 0
        /// It may be mounted although no call of this wish has succeeded in that.
        var isMountUnclear = false
        /// The plug-in does not unmount what is to be removed: whether it removes it is up to it.
        var isUnmountRefused = false
        /// The engine said no to the last create, but not for good; what that means is decided after another look.
        var refusal = ""
        /// What will be the answer as soon as the mount is undone.
        var failure = ""
        /// The end, and it is a bad one.
        var verdict = ""
        var pause: Pause?
    }

    fileprivate enum Pause: String, Sendable, Hashable {
        case backOff
        case second
    }

    private var story = Story()

    /// - Parameter holder: The uuid of the instance that needs the volume, or needs it no more; empty if it is wanted
    ///   for its own sake.
    package init(_ specification: VolumeSpecification, desired: VolumeDesire, holder: String = "") {
        self.specification = specification
        self.desired = desired
        if !holder.isEmpty { claimants = [holder] }
    }
}

// MARK: Wishes

extension VolumeMachine {
    /// Whether a plug-in may have it mounted.
    package var mayBeMounted: Bool { mounted != nil }

    /// Whether who wants the given is served by the work for this one. Options count only for whoever creates.
    package func serves(_ wish: VolumeMachine) -> Bool {
        isEnough(for: wish.desired) && specification.driver == wish.specification.driver
            && specification.isManaged == wish.specification.isManaged
    }

    /// One that is on its way to an instance is created on the way (PROTOCOL 5.11).
    private func isEnough(for other: VolumeDesire) -> Bool {
        desired == other || desired == .active && other == .created
    }

    /// Somebody who is served by the work under way wants the volume, too.
    package mutating func joined(by wish: VolumeMachine) {
        switch desired {
        case .active: claimants = claimants.adding(wish.claimants)
        case .created, .inactive, .removed: release(wish.claimants)
        }
    }

    /// Somebody wants something new. For whom it is mounted, and that it may be, stays known.
    package mutating func wished(_ wish: VolumeMachine) {
        // Who does not name a driver means the volume that is known.
        let specification = wish.specification.isManaged ? wish.specification : mounted ?? wish.specification
        var next = VolumeMachine(specification, desired: wish.desired)
        next.mounted = mounted
        next.mountpoint = mountpoint
        next.story.isMountUnclear = mayBeMounted
        next.holders = holders
        next.pluginDriver = pluginDriver
        if wish.desired == .active {
            next.claimants = wish.claimants
        } else {
            next.release(wish.claimants)
        }
        self = next
    }

    /// An instance needs the volume no more.
    ///
    /// - Returns: whether that is all: others need it, or it is not mounted, or its removal sees to that.
    package mutating func released(by holder: String) -> Bool {
        release([holder])
        if !holders.isEmpty || !claimants.isEmpty { return true }
        return phase.isSettled ? !mayBeMounted : desired == .removed
    }

    private mutating func release(_ instances: Names) {
        holders = holders.subtracting(instances)
        claimants = claimants.subtracting(instances)
    }

    /// Only these of the instances that hold the volume run; the others have gone without a word.
    package mutating func held(onlyBy living: Names) { holders = holders.keeping(living) }
}

// MARK: Events

extension VolumeMachine {
    /// The process was started anew: what was seen before may be long past.
    package mutating func resumed() {
        story.pause = nil
        story.called = nil
        if phase == .attaching || phase == .mounting { story.isMountUnclear = true }
        knowledge = .unobserved
    }

    /// A new wish arrived while work for the old one was under way: what that work has left behind must be looked at.
    package mutating func overtaken() { knowledge = .unobserved }

    /// The wait that was asked for is over.
    package mutating func waited() {
        story.pause = nil
        // A plug-in that is away for a moment does not make its volumes the engine's.
        if knowledge != .kept { knowledge = .unobserved }
    }

    /// The step is written down and about to be done.
    package mutating func began(_ step: Step) {
        switch step {
        case .perform(.createVolume), .perform(.callPlugin(.create, _)): phase = .creating
        case .perform(.callPlugin(.attach, let volume)):
            phase = .attaching
            // One that the engine keeps is mounted by the engine.
            if knowledge == .kept { mounted = volume }
        case .perform(.callPlugin(.mount, let volume)):
            phase = .mounting
            mounted = volume
        case .perform(.callPlugin(.unmount, _)): phase = .unmounting
        case .perform(.removeVolume), .perform(.callPlugin(.remove, _)): phase = .removing
        case .perform, .wait, .require: break
        case .settle: settled()
        case .fail(let reason):
            phase = .failed
            lastError = reason
            claimants = []
        }
    }

    private mutating func settled() {
        lastError = ""
        switch desired {
        case .active:
            phase = .active
            // The engine knows by itself who uses a volume of its own.
            holders = knowledge == .kept ? holders.adding(claimants) : []
            claimants = []
            if knowledge != .kept { mountpoint = "" }
        case .created: phase = knowledge == .kept && !mayBeMounted ? .inactive : .active
        case .inactive: phase = .inactive
        case .removed:
            phase = .removed
            mounted = nil
            mountpoint = ""
            pluginDriver = nil
        }
    }

    /// The work is over, or what became of it is unknown.
    package mutating func ended(_ operation: Operation, _ outcome: OperationOutcome) {
        switch outcome {
        case .volume where mounted?.driver == specification.driver: pluginDown(Self.noPlugin(specification))
        // It is not gone because its plug-in is.
        case .volume(nil) where desired == .removed && pluginDriver == specification.driver:
            pluginDown(Self.noPlugin(specification))
        case .volume(let volume):
            story.looks = 0
            if volume == nil, !story.refusal.isEmpty { story.verdict = story.refusal }
            story.refusal = ""
            knowledge = volume.map { $0.isMoved ? .moved : .present(driver: $0.driver) } ?? .missing
            if case .createVolume = operation, volume.map(\.isMoved) ?? true {
                story.creations += 1
                guard story.creations >= Patience.vanishings else { return }
                story.verdict = "Volume \(specification.name) was created but is not there"
            }
        case .keptByPlugin:
            knowledge = .kept
            pluginDriver = specification.driver
        case .pluginDone(let mountpoint): pluginDone(operation, mountpoint)
        case .noPlugin where mayBeMounted || knowledge == .kept || desired == .active:
            pluginDown(Self.noPlugin(specification))
        case .noPlugin: story.isUnmounted = true
        case .removed: knowledge = .missing
        case .refused(let refusal): refused(operation, refusal)
        case .unavailable(let text):
            if case .callPlugin = operation { pluginDown(text) } else { backOff(text) }
        case .unknown(let text):
            if case .callPlugin = operation { pluginUnclear(text) } else { backOff(text) }
        case .container, .created, .nameTaken, .imageMissing, .image, .address, .configurationUpdated:
            preconditionFailure("an outcome that no work on a volume can have")
        }
    }

    private mutating func refused(_ operation: Operation, _ refusal: Refusal) {
        lastError = refusal.message
        switch operation {
        case .removeVolume: removalRefused(refusal)
        case .inspectVolume where !story.refusal.isEmpty: story.verdict = story.refusal
        // Nobody knows that it was ever mounted, and there is no plug-in that could say.
        case .inspectVolume where desired == .inactive && mounted == nil: story.isUnmounted = true
        case .inspectVolume:
            story.looks += 1
            if story.looks >= Patience.looks { story.verdict = refusal.message } else { backOff(refusal.message) }
        case .createVolume where refusal.isInconclusive:
            story.refusal = refusal.message
            knowledge = .unobserved
        case .createVolume: story.verdict = refusal.message
        case .callPlugin(.remove, _): removalRefused(refusal)
        case .callPlugin(let call, _): pluginFailed(call, refusal.message, isRefused: true)
        case .findContainer, .createContainer, .startContainer, .stopContainer, .killContainer, .removeContainer,
            .detectAddress, .inspectImage, .pullImage, .tagImage, .removeImage, .buildImage, .inspectContainer,
            .updateConfiguration:
            preconditionFailure("work that no volume asks for")
        }
    }

    private mutating func removalRefused(_ refusal: Refusal) {
        story.removals += 1
        // "Should retry" is a plug-in's way to ask that the server, not the agent, tries again (PROTOCOL 7.5).
        if story.removals >= Patience.removals || refusal.message.contains("Should retry") {
            story.verdict = refusal.message
        } else {
            story.pause = .second
        }
    }

    private mutating func backOff(_ reason: String) {
        lastError = reason
        attempts += 1
        story.pause = .backOff
    }

    private static func noPlugin(_ specification: VolumeSpecification) -> String {
        "There is no storage plug-in for driver \(specification.driver) of volume \(specification.name)"
    }
}

// MARK: Events of the storage plug-in

extension VolumeMachine {
    private mutating func pluginDone(_ operation: Operation, _ mountpoint: String) {
        guard case .callPlugin(let call, _) = operation else {
            preconditionFailure("a plug-in's answer to work that none was asked for")
        }
        attempts = 0
        story.downs = 0
        story.unclear = 0
        switch call {
        case .create, .attach: story.called = call
        case .mount:
            story.called = call
            self.mountpoint = mountpoint
        case .unmount:
            story.isUnmounted = true
            mounted = nil
            holders = []
            self.mountpoint = ""
        case .remove: story.isGone = true
        }
    }

    /// The call certainly did nothing.
    private mutating func pluginDown(_ reason: String) {
        story.downs += 1
        retryPlugin(reason, isLast: story.downs >= Patience.pluginCalls)
    }

    /// The call may have done something.
    private mutating func pluginUnclear(_ reason: String) {
        story.unclear += 1
        if phase == .attaching || phase == .mounting { story.isMountUnclear = true }
        retryPlugin(reason, isLast: story.unclear >= Patience.unclearPluginCalls)
    }

    private mutating func retryPlugin(_ reason: String, isLast: Bool) {
        guard isLast else { return backOff(reason) }
        pluginFailed(phase == .unmounting ? .unmount : .mount, reason, isRefused: false)
    }

    /// A mount that failed is taken back before that is reported; what cannot be taken back is reported, too.
    private mutating func pluginFailed(_ call: PluginCall, _ reason: String, isRefused: Bool) {
        lastError = reason
        story.downs = 0
        story.unclear = 0
        attempts = 0
        guard call == .unmount else {
            // Who only wants it created has mounted nothing that could be taken back.
            if desired == .active { story.failure = reason } else { story.verdict = reason }
            return
        }
        if desired == .removed, isRefused {
            story.isUnmountRefused = true
        } else if story.failure.isEmpty {
            story.verdict = reason
        } else if isRefused, !story.isMountUnclear {
            // What the plug-in has neither mounted nor wants to unmount is not mounted.
            mounted = nil
            story.verdict = story.failure
        } else {
            story.verdict = "\(story.failure). It may still be mounted, for the unmount failed: \(reason)"
        }
    }
}

// MARK: The decision

extension VolumeMachine {
    /// The one thing to do now; the same until something happens.
    package var next: Step {
        switch story.pause {
        case .backOff: return .wait(Patience.backOff(afterTries: attempts))
        case .second: return .wait(Patience.pause)
        case nil: break
        }
        if !story.verdict.isEmpty { return .fail(story.verdict) }
        // A directory of the host is nobody's to create or to delete.
        guard specification.isManaged else { return .settle }
        if !story.failure.isEmpty {
            // Whoever holds it gives it back himself, once his container is certainly at rest.
            return mayBeMounted && holders.isEmpty ? call(.unmount) : .fail(story.failure)
        }
        switch desired {
        case .active, .created: return nextTowardsActive
        case .inactive: return nextTowardsInactive
        case .removed: return nextTowardsRemoved
        }
    }

    private var nextTowardsActive: Step {
        switch knowledge {
        case .unobserved: return inspect
        case .missing: return .perform(.createVolume(specification))
        case .moved: return .perform(.removeVolume(name: specification.name, force: true))
        case .present(let driver):
            guard Self.isSame(driver, specification.driver) else {
                return .fail(
                    "Volume \(specification.name) exists with driver \(driver) instead of \(specification.driver)")
            }
            let isReady = desired != .active || !specification.isAttachedBeforeStart || story.called == .attach
            return isReady ? .settle : call(.attach)
        // Every call is made each time: the host may have been started anew since, and all of them may be repeated.
        case .kept where desired == .created: return story.called == .create ? .settle : call(.create)
        case .kept:
            if let mounted, mounted.driver != specification.driver {
                let others = holders.subtracting(claimants)
                guard others.isEmpty else { return .fail(inUse(by: others)) }
                return call(.unmount)
            }
            switch story.called {
            case nil: return call(.create)
            case .create: return call(.attach)
            case .attach: return call(.mount)
            case .mount, .unmount, .remove: return .settle
            }
        }
    }

    private var nextTowardsInactive: Step {
        if story.isUnmounted { return .settle }
        // Of a mount that nobody knows of, only a plug-in that keeps the volume may be asked to undo it: others let the
        // engine mount it (PROTOCOL 12.3 no. 83).
        guard mounted == nil, specification.keeping == .byRancherPlugin, pluginDriver != specification.driver else {
            return call(.unmount)
        }
        guard VolumeKeeping.isRancherDriver(specification.driver) else { return .settle }
        switch knowledge {
        case .unobserved: return inspect
        case .missing, .moved, .present: return .settle
        case .kept: return call(.unmount)
        }
    }

    private var nextTowardsRemoved: Step {
        guard holders.isEmpty else { return .fail(inUse(by: holders)) }
        if knowledge != .unobserved, mayBeMounted, !story.isUnmountRefused { return call(.unmount) }
        switch knowledge {
        case .unobserved: return inspect
        // One that has moved lives on, on another host: to remove it here would destroy it there (PROTOCOL 7.5).
        case .missing, .moved: return .settle
        // One of the same name with another driver is another volume (PROTOCOL 12.3 no. 60).
        case .present(let driver):
            guard Self.isSame(driver, specification.driver) else { return .settle }
            return .perform(.removeVolume(name: specification.name, force: false))
        case .kept: return story.isGone ? .settle : call(.remove)
        }
    }

    private var inspect: Step { .perform(.inspectVolume(specification)) }

    private func inUse(by instances: Names) -> String {
        "Volume \(specification.name) is in use by instance \(instances.sorted.joined(separator: ", "))"
    }

    private func call(_ call: PluginCall) -> Step {
        .perform(.callPlugin(call, call == .unmount ? mounted ?? specification : specification))
    }

    /// The engine shows a plug-in with its tag, the server usually names it without.
    private static func isSame(_ shown: String, _ wanted: String) -> Bool {
        shown == wanted || shown == wanted + ":latest" || shown + ":latest" == wanted
    }
}

// MARK: The record

extension VolumeMachine: Recorded {
    package init() { self.init(VolumeSpecification(), desired: .active) }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.required("desired", &desired)
        try record.required("specification", &specification)
        try record.required("phase", &phase)
        try record.member("knowledge", &knowledge)
        try record.member("attempts", &attempts)
        try record.member("lastError", &lastError)
        try record.member("mountpoint", &mountpoint)
        try record.member("holders", &holders)
        try record.member("claimants", &claimants)
        try record.member("mounted", &mounted)
        try record.member("pluginDriver", &pluginDriver)
        try record.member("story", &story)
    }
}

extension VolumeMachine.Story: Recorded {
    mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("called", &called)
        try record.member("isUnmounted", &isUnmounted)
        try record.member("isGone", &isGone)
        try record.member("creations", &creations)
        try record.member("removals", &removals)
        try record.member("looks", &looks)
        try record.member("downs", &downs)
        try record.member("unclear", &unclear)
        try record.member("isMountUnclear", &isMountUnclear)
        try record.member("isUnmountRefused", &isUnmountRefused)
        try record.member("refusal", &refusal)
        try record.member("failure", &failure)
        try record.member("verdict", &verdict)
        try record.member("pause", &pause)
    }
}

extension VolumeMachine.Pause: NamedAlternative { var saysNothing: Bool { false } }
