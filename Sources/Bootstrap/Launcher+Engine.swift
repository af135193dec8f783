internal import Deadline
internal import DockerEngine
internal import Logging
internal import LosslessJSON
internal import RancherAPI

extension Launcher {
    /// `nil` if there is no such container.
    func inspection(of id: String) async throws(BootstrapError) -> JSON? {
        do throws(EngineError) {
            return try await engine.inspectContainer(id)
        } catch {
            if error.isNotFound { return nil }
            throw BootstrapError("\(error)")
        }
    }

    // MARK: The host

    /// Looks at the host from a container of the same image that has the host's directories (PROTOCOL 1.9.3). Where
    /// `/var/lib` cannot be written, a second one makes what is to last in the agent's volume.
    func inspectHost(_ own: OwnContainer, script: APIURL, certificate: String?) async throws -> HostReport {
        var variables = certificate.map { [HostInspection.certificateVariable: $0] } ?? [:]
        if !own.isInHostNetwork {
            variables[HostInspection.scriptVariable] = script.description
            for name in AgentFacts.proxyVariableNames { variables[name] = environment[name]?.nonEmpty }
        }
        var report = try await inspectHost(own, bind: "/var/lib:/var/lib", variables)
        if report.token == nil, !report.isVarLibWritable {
            say("INFO: /var/lib cannot be written: the agent's files go into the volume \(AgentContainer.volume)")
            if let fault = report.varLibFault { say("INFO: \(fault)") }
            let second = try await inspectHost(
                own, bind: "\(AgentContainer.volume):\(AgentContainer.directory)", variables)
            report.token = second.token
            // Only the second one could keep the certificate that the server may need.
            report.detectedAgentIP = report.detectedAgentIP ?? second.detectedAgentIP
        }
        guard report.token != nil else {
            throw BootstrapError("The key of this host can be kept neither in /var/lib nor in a volume")
        }
        return report
    }

    private func inspectHost(
        _ own: OwnContainer, bind: String, _ variables: [String: String]
    ) async throws -> HostReport {
        let body: JSON = [
            "Image": .string(own.image), "Cmd": ["inspect-host"],
            "Env": JSON(variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }),
            "HostConfig": [
                "Binds": [.string(bind)], "NetworkMode": "host", "SecurityOpt": ["label=disable"],
                // What it says is read back, which the engine's default may not allow. It holds the key of this host, and
                // is to be in no central log.
                "LogConfig": ["Type": "json-file"],
            ],
        ]
        let id = try await engineWords("inspect the host") { () throws(EngineError) in
            try await engine.createContainer(name: nil, body: body).id
        }
        let result: Result<HostReport, BootstrapError>
        do throws(BootstrapError) {
            result = .success(try await runInspection(id))
        } catch {
            result = .failure(error)
        }
        // Its output holds the key of this host.
        do throws(EngineError) {
            try await engine.removeContainer(id, removeVolumes: true, force: true)
        } catch {
            say("WARN: The container \(id.prefix(12)) could not be removed: \(error)")
        }
        return try result.get()
    }

    private func runInspection(_ id: String) async throws(BootstrapError) -> HostReport {
        let (code, output) = try await engineWords("inspect the host") { () throws(EngineError) in
            try await engine.startContainer(id)
            let code = try await engine.waitForContainer(id, within: .seconds(60))
            return (code, try await engine.containerOutput(id))
        }
        guard code == 0 else { throw BootstrapError("The host could not be inspected: \(output.lastLines(5))") }
        return HostReport(parsing: output)
    }

    // MARK: The agent

    /// Starts the container in the place of the one that is there.
    ///
    /// - Throws: ``BootstrapError``, with the old one running as it did before, unless it says otherwise.
    func replace(
        with container: AgentContainer, from own: OwnContainer, present: [LaunchPlan.Present]
    ) async throws(BootstrapError) {
        if let itself = present.first(where: { $0.id == own.id && $0.name != AgentContainer.upgraderName }) {
            throw BootstrapError(
                "This container is called \(itself.name), which is the name that the agent's is to have. Run it under "
                    + "another name, or without one.")
        }
        allowInterruption(false)
        for line in container.limitations { say("WARN: Without --privileged: \(line)") }
        let plan = LaunchPlan(present: present)
        var new: String?
        for (index, step) in plan.steps.enumerated() {
            do throws(BootstrapError) {
                try await perform(step, container, &new)
            } catch {
                if plan.isConfirmed(before: index) {
                    say("WARN: The old container is still there: \(error)")
                    break
                }
                await recover(plan.recovery(failedAt: index), container, &new)
                throw BootstrapError("The agent was not started: \(error)\(await end(of: plan))")
            }
        }
        say("INFO: The agent runs in the container \(AgentContainer.name): docker logs -f \(AgentContainer.name)")
    }

    /// What is left after a way back, for people.
    private func end(of plan: LaunchPlan) async -> String {
        guard let old = plan.old else { return "" }
        do throws(BootstrapError) {
            guard let found = try await inspection(of: old.id) else {
                return
                    " NO agent runs now: the old container is gone, as the engine removed it when it ended. Launch the "
                    + "agent again."
            }
            if found["State"]["Running"].boolean == true, found["State"]["Restarting"].boolean != true {
                return " The old agent goes on."
            }
            return old.isRunning
                ? " NO agent runs now: the old one did not start again. Try docker start \(old.id.prefix(12))."
                : " NO agent runs now: the old one did not run before either."
        } catch {
            return " It is not known whether the old agent runs: \(error)"
        }
    }

    /// The containers whose names matter.
    ///
    /// - Parameter watching: Looks twice at an agent that was started again by the engine and has a predecessor, to tell
    ///   whether that goes on.
    func present(watching: Bool = false) async throws(BootstrapError) -> [LaunchPlan.Present] {
        var present: [LaunchPlan.Present] = []
        let names = [
            AgentContainer.name, AgentContainer.previousName, AgentContainer.nextName, AgentContainer.upgraderName,
        ]
        for name in names {
            guard let found = try await inspection(of: name), let id = found["Id"].nonEmptyText else { continue }
            var container = LaunchPlan.Present(
                id: id, name: name, isRunning: found["State"]["Running"].boolean ?? false,
                isFailing: found["State"]["Restarting"].boolean ?? false)
            if name == AgentContainer.previousName, watching {
                for index in present.indices where present[index].isRunning && !present[index].isFailing {
                    present[index].isFailing = try await restarts(present[index].id)
                }
            }
            container.isRunning = container.isRunning || container.isFailing
            present.append(container)
        }
        return present
    }

    private func restarts(_ id: String) async throws(BootstrapError) -> Bool {
        guard let first = try await inspection(of: id)?["RestartCount"].integer else { return true }
        if first == 0 { return false }
        await pass(probation)
        guard let second = try await inspection(of: id) else { return true }
        return second["State"]["Restarting"].boolean == true || second["RestartCount"].integer != first
    }

    private func recover(_ steps: [LaunchPlan.Step], _ container: AgentContainer, _ new: inout String?) async {
        for step in steps {
            do throws(BootstrapError) {
                try await perform(step, container, &new)
            } catch {
                say("WARN: On the way back: \(error)")
            }
        }
    }

    private func perform(
        _ step: LaunchPlan.Step, _ container: AgentContainer, _ new: inout String?
    ) async throws(BootstrapError) {
        let name = new ?? AgentContainer.nextName
        if step == .confirmNew { return try await confirm(name) }
        let id: String? = try await engineWords("\(step)") { () throws(EngineError) in
            switch step {
            case .remove(let id): try await remove(id)
            case .create:
                return try await engine.createContainer(name: AgentContainer.nextName, body: container.createBody).id
            case .stop(let id):
                say("INFO: Asking the old agent to end")
                try await engine.stopContainer(id, graceSeconds: drainSeconds)
            case .start(let id): try await startAgain(id)
            case .rename(let id, let name): try await rename(id, to: name)
            case .renameNew(let wanted): try await engine.renameContainer(name, to: wanted)
            case .startNew: try await engine.startContainer(name)
            case .removeNew: try await remove(name)
            case .confirmNew: break
            }
            return nil
        }
        if let id { new = id }
    }

    /// A container that was asked to end, and has not ended yet, takes this for done: its end is waited for.
    private func startAgain(_ id: String) async throws(EngineError) {
        if try await engine.startContainer(id) { return }
        do throws(EngineError) {
            _ = try await engine.waitForContainer(id, within: .seconds(drainSeconds + 5))
        } catch {
            guard error.kind == .timedOut else { throw error }
            return
        }
        try await engine.startContainer(id)
    }

    /// A container that the engine removes when it ends is gone by now; then there is nothing to go back to. One that has
    /// the name already is left alone: the engine would refuse.
    private func rename(_ id: String, to name: String) async throws(EngineError) {
        do throws(EngineError) {
            guard try await engine.inspectContainer(id)["Name"].text != "/\(name)" else { return }
            try await engine.renameContainer(id, to: name)
        } catch {
            guard error.isNotFound, name == AgentContainer.previousName else { throw error }
            say("WARN: The old container was removed by the engine when it ended")
        }
    }

    private func remove(_ id: String) async throws(EngineError) {
        do throws(EngineError) {
            // Its volumes hold what the agent remembers.
            try await engine.removeContainer(id, removeVolumes: false, force: true)
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    /// An engine that cannot be asked for a moment says nothing about the agent.
    private func confirm(_ id: String) async throws(BootstrapError) {
        let end = ContinuousClock.now + probation
        while true {
            let found: JSON?
            do throws(BootstrapError) {
                found = try await inspection(of: id)
            } catch {
                guard ContinuousClock.now < end + patience else {
                    throw BootstrapError("It cannot be told whether the new agent runs: \(error)")
                }
                await pass(.milliseconds(250))
                continue
            }
            let isWell =
                found?["State"]["Running"].boolean == true && found?["State"]["Restarting"].boolean != true
                && (found?["RestartCount"].integer ?? 0) == 0
            guard isWell else {
                let output = (try? await engine.containerOutput(id, lines: 20)) ?? ""
                throw BootstrapError("The new agent has ended at once: \(output.lastLines(20))")
            }
            if ContinuousClock.now >= end { return }
            await pass(.milliseconds(250))
        }
    }

    private func engineWords<Value>(
        _ what: String, _ body: () async throws(EngineError) -> Value
    ) async throws(BootstrapError) -> Value {
        do throws(EngineError) {
            return try await body()
        } catch {
            logger.debug("call to the engine failed", metadata: ["step": "\(what)", "error": "\(error)"])
            throw BootstrapError("\(error)")
        }
    }
}

extension String {
    /// The end of an output, in one line.
    func lastLines(_ count: Int) -> String {
        split(whereSeparator: \.isNewline).suffix(count).joined(separator: "; ")
    }
}
