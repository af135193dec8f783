import Agent
import ArgumentParser
import Model

/// The daemon itself.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the agent. This is what happens without a command.",
        discussion: "Each flag may also be written with a single dash.")

    @Option(help: ArgumentHelp("Register with the Rancher server at this URL.", valueName: "registration-url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "Answer /healthz, /readyz and /metrics here, an address of this host alone such as 127.0.0.1:9346.",
            valueName: "address"))
    var listen: String?

    @Option(help: ArgumentHelp("How the log is written: text or json.", valueName: "format"))
    var logFormat: String?

    @Flag(help: "Print the version.")
    var version = false

    @Option(help: ArgumentHelp("Install the agent as a service of systemd, and start it.", valueName: "name"))
    var registerService: String?

    @Flag(help: "Stop that service and remove it; its settings and the agent's state stay.")
    var unregisterService = false

    func run() async throws {
        if version {
            // Scripts take the number out of this line, which ends with a space (PROTOCOL 1.1).
            print("go-agent version \(AgentVersion.current) ")
            return
        }
        if unregisterService || registerService != nil {
            try Service.run(unregisters: unregisterService, name: registerService, url: url)
            return
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ContainerEntry.outlivePredecessor() }
            try await AgentDaemon.run(
                registrationURL: url, listen: listen, logFormat: logFormat, version: AgentVersion.current)
            group.cancelAll()
        }
    }
}
