import Agent
import ArgumentParser
import Doctor
import FoundationEssentials
import Inspection
import LosslessJSON

/// Says what is wrong between this host, its server and its engine.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find out what is wrong between this host, its server and its engine.",
        discussion: """
            Walks the way that the agent takes, step by step: names, connections, the proxy, TLS, the API, the key, the \
            websocket; then the engine, the plug-ins, the disk and the database. Says at each step what was found, and \
            what to do. It takes its settings from the environment, as the daemon does; changes nothing; and ends \
            within two minutes, whatever hangs.

            Exit codes: 0 all is well, 1 there are warnings, 2 something does not work. A wrong command line ends with 64.

            Examples:
              docker exec rancher-agent rancher-agent doctor
              rancher-agent doctor --url http://server:8080/v1/scripts/TOKEN
              rancher-agent doctor --json
            """)

    @Option(help: ArgumentHelp("The registration URL, as the agent has it.", valueName: "registration-url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "The state directory; else CATTLE_STATE_DIR, else \(StateLocation.defaultPath).", valueName: "directory"))
    var stateDir: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let style = Terminal.style(environment: environment)
        let isForPeople = !json
        var examination = Examination(
            of: AgentConfiguration(environment: environment, registrationURL: url, stateDirectory: stateDir)
        ) { report in
            if isForPeople { StandardStream.output.writeLine(report.text(style: style)) }
        }
        await examination.run()
        StandardStream.output.writeLine(json ? examination.json.prettyText : "\n" + examination.summary)
        switch examination.verdict {
        case .ok, .skipped: return
        case .warning: throw ExitCode(1)
        case .failure: throw ExitCode(2)
        }
    }
}
