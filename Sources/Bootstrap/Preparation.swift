package import DockerEngine
package import Logging
internal import LosslessJSON

/// What is done in the container of the agent before the agent itself runs (PROTOCOL 1.10). None of it keeps the agent
/// from running: what fails is said.
package struct Preparation: Sendable {
    let environment: [String: String]
    let launcher: Launcher
    /// Where the state is unless it is moved.
    package var stateDirectory = AgentContainer.directory + "/state"
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
            guard let id = OwnContainer.id(mountInfo: try TextFile.read("/proc/self/mountinfo") ?? ""),
                let own = try await launcher.inspection(of: id)
            else { return variables }
            if (environment["RANCHER_AGENT_IMAGE"] ?? "").isEmpty {
                variables["RANCHER_AGENT_IMAGE"] = OwnContainer(inspection: own).image
            }
            for container in LaunchPlan.leftovers(among: try await launcher.present(), own: id) {
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

extension Launcher {
    /// Removes a container that is of no use any more; one that runs is asked to end first.
    func dismiss(_ container: LaunchPlan.Present) async throws(BootstrapError) {
        do throws(EngineError) {
            if container.isRunning { try await engine.stopContainer(container.id, graceSeconds: drainSeconds) }
            try await engine.removeContainer(container.id, removeVolumes: false, force: true)
        } catch {
            guard error.isNotFound else { throw BootstrapError("\(error)") }
        }
        say("INFO: Removed the container \(container.name), which an earlier upgrade had left")
    }
}
