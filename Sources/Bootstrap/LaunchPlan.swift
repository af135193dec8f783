/// How the agent's container is replaced: what there is, and the steps from it, as values.
///
/// The new container is created before the old one is touched, and the old one is kept until the new one has shown that
/// it runs. At every moment there is one that starts again with the engine.
package struct LaunchPlan: Sendable, Hashable {
    /// A container with one of the names that matter.
    package struct Present: Sendable, Hashable {
        package var id: String
        package var name: String
        package var isRunning: Bool
        /// Whether it ends again and again.
        package var isFailing: Bool

        package init(id: String, name: String, isRunning: Bool, isFailing: Bool = false) {
            self.id = id
            self.name = name
            self.isRunning = isRunning
            self.isFailing = isFailing
        }
    }

    /// One call to the engine, or a few.
    package enum Step: Sendable, Hashable {
        /// Takes away what an earlier attempt has left, or what has been replaced.
        case remove(id: String)
        /// Creates the new container under its first name.
        case create
        /// Has it drain: what it has accepted is in its store.
        case stop(id: String)
        case start(id: String)
        case rename(id: String, to: String)
        case renameNew(to: String)
        case startNew
        /// Watches whether it goes on running.
        case confirmNew
        case removeNew
    }

    /// In order.
    package let steps: [Step]
    /// The container that is replaced, with the name that it is found under.
    package let old: Present?
    /// The container with the agent's name, where it does not get on and its predecessor is still there.
    private let failed: Present?

    /// - Parameter present: The containers called ``AgentContainer/name``, ``AgentContainer/previousName`` and
    ///   ``AgentContainer/nextName``, as far as there are any.
    package init(present: [Present]) {
        func find(_ name: String) -> Present? { present.first { $0.name == name } }
        let (agent, previous) = (find(AgentContainer.name), find(AgentContainer.previousName))
        // A predecessor has shown that it runs. What has its place and does not run has not.
        let failed = previous == nil || agent?.isRunning == true && agent?.isFailing == false ? nil : agent
        // One that was stopped half way to a new one still is the agent.
        let old = failed == nil ? agent ?? previous : previous
        var steps = find(AgentContainer.nextName).map { [Step.remove(id: $0.id)] } ?? []
        steps.append(.create)
        // Not before there is a new one.
        if let previous, previous != old { steps.append(.remove(id: previous.id)) }
        if let failed { steps.append(.remove(id: failed.id)) }
        if let old {
            if old.isRunning { steps.append(.stop(id: old.id)) }
            if old.name != AgentContainer.previousName {
                steps.append(.rename(id: old.id, to: AgentContainer.previousName))
            }
        }
        steps += [.renameNew(to: AgentContainer.name), .startNew, .confirmNew]
        if let old { steps.append(.remove(id: old.id)) }
        self.steps = steps
        self.old = old
        self.failed = failed
    }

    /// How to get back after the step with this index has failed, perhaps half done: the old container has its name and
    /// runs, if it did, and there is no new one. A predecessor that was to be replaced runs in any case, once there is
    /// nothing beside it.
    package func recovery(failedAt index: Int) -> [Step] {
        let begun = steps.prefix(index + 1)
        // Once the new one has shown that it runs, it stays: only the old one was not got rid of.
        if isConfirmed(before: index) { return [] }
        var recovery: [Step] = begun.contains(.create) ? [.removeNew] : []
        guard let old else { return recovery }
        if old.name == AgentContainer.previousName {
            let alone =
                begun.contains(.stop(id: old.id)) || begun.contains(.renameNew(to: AgentContainer.name))
                || failed.map { begun.contains(.remove(id: $0.id)) } ?? false
            if alone { recovery += [.rename(id: old.id, to: AgentContainer.name), .start(id: old.id)] }
            return recovery
        }
        if begun.contains(.rename(id: old.id, to: AgentContainer.previousName)) {
            recovery.append(.rename(id: old.id, to: AgentContainer.name))
        }
        if begun.contains(.stop(id: old.id)) { recovery.append(.start(id: old.id)) }
        return recovery
    }

    /// Whether the new container had shown that it runs before the step with this index: what fails then is no reason to
    /// go back.
    package func isConfirmed(before index: Int) -> Bool { steps.prefix(index).contains(.confirmNew) }

    /// What is in the agent's way when it starts: an upgrader that has ended is of no use any more, and a predecessor
    /// that runs beside it was started again by the engine. It is only to be stopped: the agent has not shown yet that
    /// it runs.
    ///
    /// - Parameters:
    ///   - present: The containers whose names matter, running or not.
    ///   - own: The id of the container that asks. Only the one with the agent's name may do this.
    package static func leftovers(among present: [Present], own: String) -> [Present] {
        guard present.contains(where: { $0.id == own && $0.name == AgentContainer.name }) else { return [] }
        return present.filter { container in
            switch container.name {
            case AgentContainer.upgraderName: !container.isRunning
            case AgentContainer.previousName: container.isRunning
            default: false
            }
        }
    }

    /// What the agent does away with when it has run for a while, and whoever launched it has long made up his mind: the
    /// predecessor, and an upgrader that has ended.
    ///
    /// - Parameters:
    ///   - present: The containers whose names matter, running or not.
    ///   - own: The id of the container that asks. Only the one with the agent's name may do this.
    package static func outlived(among present: [Present], own: String) -> [Present] {
        guard present.contains(where: { $0.id == own && $0.name == AgentContainer.name }) else { return [] }
        return present.filter { container in
            switch container.name {
            case AgentContainer.upgraderName: !container.isRunning
            case AgentContainer.previousName: true
            default: false
            }
        }
    }
}
