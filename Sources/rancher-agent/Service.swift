import Agent
import ArgumentParser
import Bootstrap
import FoundationEssentials

/// Installing and removing the agent as a service of this host.
enum Service {
    /// Installs, or removes.
    ///
    /// - Parameters:
    ///   - unregisters: Removes the service instead of installing it.
    ///   - name: Of the service; needed for installing.
    ///   - url: The registration URL, from the command line.
    ///   - installer: Puts the service in place, or takes it away.
    ///   - environment: Where the service's settings come from.
    /// - Throws: `ExitCode` after it was said why nothing was done.
    static func run(
        unregisters: Bool, name: String?, url: String?, installer: ServiceInstaller = ServiceInstaller(),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        do {
            if unregisters {
                print(try installer.unregister(name: name))
            } else if let name {
                let configuration = AgentConfiguration(environment: environment, registrationURL: url)
                let settings = settings(configuration, environment)
                // Without new settings the old ones say where the files are.
                let used =
                    settings.isEmpty
                    ? AgentConfiguration(environment: try installer.keptSettings(name: name)) : configuration
                print(
                    try installer.register(
                        name: name,
                        program: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
                        settings: settings,
                        directories: directories(used)))
            }
        } catch let error as BootstrapError {
            StandardStream.error.writeLine("\(error)")
            throw ExitCode(1)
        }
    }

    /// What the service writes into. A file is put in place beside the old one, so its directory counts.
    static func directories(_ configuration: AgentConfiguration) -> [String] {
        let above = configuration.writtenFiles.map { String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) }
        var directories: [String] = []
        for path in [configuration.stateDirectory, configuration.home] + above {
            // What is no whole path is refused where the unit is made.
            let path = path.hasPrefix("/") ? TextFile.withoutDots(path) : path
            if !directories.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) { directories.append(path) }
        }
        return directories
    }

    /// What the service is to be run with; nothing where it would not know its server.
    static func settings(_ configuration: AgentConfiguration, _ environment: [String: String]) -> [String: String] {
        guard configuration.fault == nil else { return [:] }
        var settings = LaunchSettings.passedOn(from: environment)
        for name in ["CATTLE_STATE_DIR", "CATTLE_HOME", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"] {
            settings[name] = environment[name]
        }
        settings["CATTLE_REGISTRATION_URL"] = configuration.registrationURL
        return settings
    }
}
