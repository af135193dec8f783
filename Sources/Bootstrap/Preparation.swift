package import DockerEngine
package import Logging
internal import LosslessJSON

/// What is done in the container of the agent before the agent itself runs (PROTOCOL 1.10). None of it keeps the agent
/// from running: what fails is said.
package struct Preparation: Sendable {
    let environment: [String: String]
    var launcher: Launcher
    /// Where the state is unless it is moved.
    package var stateDirectory = AgentContainer.stateDirectory
    package var trust = TrustStore()
    /// The program that waits for the network in containers of network plug-ins, in the image.
    package var waiter = "/usr/bin/r"
    /// Where those containers have it (PROTOCOL 6.9): a directory that is shared with them.
    package var sharedWaiter = "/.r/r"

    package init(
        environment: [String: String], engine: EngineClient, logger: Logger, say: @escaping @Sendable (String) -> Void
    ) {
        self.environment = environment
        launcher = Launcher(environment: environment, engine: engine, logger: logger, say: say)
    }

    /// Prepares.
    ///
    /// - Returns: The variables that the agent is to find in its environment besides.
    package func run() async -> [String: String] {
        attempt("trust the server's own certificate") { () throws(BootstrapError) in try trust.extend() }
        let directory = environment["CATTLE_STATE_DIR"]?.nonEmpty ?? stateDirectory
        attempt("make the directory of the state") { () throws(BootstrapError) in
            try TextFile.makeDirectory(directory)
        }
        attempt("share the program that waits for the network") { () throws(BootstrapError) in try shareWaiter() }
        var variables = ["CATTLE_STATE_DIR": directory]
        do throws(BootstrapError) {
            guard let own = try await launcher.inspectedContainer() else { return variables }
            variables[Outliving.variable] = own.id
            if (environment["RANCHER_AGENT_IMAGE"] ?? "").isEmpty { variables["RANCHER_AGENT_IMAGE"] = own.image }
            for container in LaunchPlan.leftovers(among: try await launcher.present(), own: own.id) {
                try await launcher.dismiss(container)
            }
        } catch {
            launcher.say("WARN: Cannot look after the containers of earlier agents: \(error)")
        }
        return variables
    }

    /// Put in place as a whole: containers may be starting with it.
    private func shareWaiter() throws(BootstrapError) {
        let directory = String(sharedWaiter[..<(sharedWaiter.lastIndex(of: "/") ?? sharedWaiter.startIndex)])
        guard TextFile.exists(directory), let program = try TextFile.readBytes(waiter),
            program != (try TextFile.readBytes(sharedWaiter))
        else { return }
        try TextFile.replace(sharedWaiter, with: program, mode: 0o755)
    }

    private func attempt(_ what: String, _ body: () throws(BootstrapError) -> Void) {
        do throws(BootstrapError) {
            try body()
        } catch {
            launcher.say("WARN: Cannot \(what): \(error)")
        }
    }
}

/// What the agent does in its container when it has run for a while (PROTOCOL 1.10): until then its predecessor is kept,
/// for whoever finds that this one does not get on.
package struct Outliving: Sendable {
    /// Holds the id of the agent's container, in the environment of the agent.
    package static let variable = "RANCHER_AGENT_CONTAINER"
    /// Longer than a launch watches, with all its patience.
    package static let after = Duration.seconds(60)

    let own: String
    let launcher: Launcher

    /// - Parameters:
    ///   - own: The id of the container of the agent.
    ///   - engine: That it runs on.
    ///   - logger: For what goes wrong.
    package init(own: String, engine: EngineClient, logger: Logger) {
        self.own = own
        launcher = Launcher(environment: [:], engine: engine, logger: logger) { line in
            logger.info("earlier agents", metadata: ["done": "\(line)"])
        }
    }

    /// Removes the predecessor, and an upgrader that has ended.
    ///
    /// - Throws: ``BootstrapError``.
    package func run() async throws(BootstrapError) {
        for container in LaunchPlan.outlived(among: try await launcher.present(), own: own) {
            try await launcher.dismiss(container, forGood: true)
        }
    }
}

extension Launcher {
    /// Puts a container out of the way: one that runs is asked to end first.
    ///
    /// - Parameters:
    ///   - container: An earlier agent, or an upgrader.
    ///   - forGood: Removes an earlier agent as well, which is kept otherwise.
    func dismiss(_ container: LaunchPlan.Present, forGood: Bool = false) async throws(BootstrapError) {
        let isKept = container.name == AgentContainer.previousName && !forGood
        do throws(EngineError) {
            if container.isRunning { try await engine.stopContainer(container.id, graceSeconds: drainSeconds) }
            if !isKept { try await engine.removeContainer(container.id, removeVolumes: false, force: true) }
        } catch {
            guard error.isNotFound else { throw BootstrapError("\(error)") }
        }
        say(
            "INFO: \(isKept ? "Stopped" : "Removed") the container \(container.name), which an earlier upgrade had left"
        )
    }
}
