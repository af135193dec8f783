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
        if !own.isInHostNetwork { variables[HostInspection.scriptVariable] = script.description }
        var report = try await inspectHost(own, bind: "/var/lib:/var/lib", variables)
        if report.token == nil, !report.isVarLibWritable {
            say("INFO: /var/lib cannot be written: the agent's files go into the volume \(AgentContainer.volume)")
            report.token = try await inspectHost(
                own, bind: "\(AgentContainer.volume):\(AgentContainer.directory)", variables
            ).token
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
            "HostConfig": ["Binds": [.string(bind)], "NetworkMode": "host", "SecurityOpt": ["label=disable"]],
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
    /// - Throws: ``BootstrapError``, with the old one running as it did before.
    func replace(with container: AgentContainer, from own: OwnContainer) async throws {
        let present = try await present()
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
                let end = plan.old.map { $0.isRunning ? " The old agent goes on." : "" } ?? ""
                throw BootstrapError("The agent was not started: \(error)\(end)")
            }
        }
        say("INFO: The agent runs in the container \(AgentContainer.name): docker logs -f \(AgentContainer.name)")
    }

    /// The containers whose names matter.
    func present() async throws(BootstrapError) -> [LaunchPlan.Present] {
        var present: [LaunchPlan.Present] = []
        let names = [
            AgentContainer.name, AgentContainer.previousName, AgentContainer.nextName, AgentContainer.upgraderName,
        ]
        for name in names {
            guard let found = try await inspection(of: name), let id = found["Id"].nonEmptyText else { continue }
            present.append(.init(id: id, name: name, isRunning: found["State"]["Running"].boolean ?? false))
        }
        return present
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
            case .start(let id): try await engine.startContainer(id)
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

    /// A container that the engine removes when it ends is gone by now; then there is nothing to go back to.
    private func rename(_ id: String, to name: String) async throws(EngineError) {
        do throws(EngineError) {
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

    private func confirm(_ id: String) async throws(BootstrapError) {
        let end = ContinuousClock.now + probation
        while true {
            let found = try await inspection(of: id)
            let isWell =
                found?["State"]["Running"].boolean == true && found?["State"]["Restarting"].boolean != true
                && (found?["RestartCount"].integer ?? 0) == 0
            guard isWell else {
                let output = (try? await engine.containerOutput(id, lines: 20)) ?? ""
                throw BootstrapError("The new agent has ended at once: \(output.lastLines(20))")
            }
            if ContinuousClock.now >= end { return }
            try? await Task.sleep(for: .milliseconds(250))
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
