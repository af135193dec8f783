import Agent
import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// Why something is where it is.
struct StateWhy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Say in sentences why something is where it is, and what it waits for.",
        discussion: """
            What was asked by which event and when, what was seen last, what was tried, what it waits for and until when. \
            The ID may also be that of an event, or of what is in quarantine. With --json the member "reason" is one of \
            \(Explanation.Reason.allCases.map(\.rawValue).joined(separator: ", ")).

            Examples:
              rancher-agent state why web
              rancher-agent state why volume:data
              rancher-agent state why 1473ba52              an event
            """)

    @Argument(
        help: ArgumentHelp(
            "A key, uuid, id at the server, name or container id, an event id, or the beginning of one of these; or the "
                + "id of something in quarantine.", valueName: "id"),
        completion: .resourceOrEvent)
    var name: String

    @OptionGroup var options: StateOptions

    func run() throws {
        let now = options.now
        let found = try options.location.read { store throws(StoreError) in
            try WhyQuery.run(name, now: now, in: store)
        }
        switch found {
        case .found(let explanation): try options.print(explanation.json, text: explanation.text(style: options.style))
        case .several(let names):
            StandardStream.error.writeLine(
                "'\(name.onOneLine)' may be each of these. Give more letters, or the whole key.")
            for name in names { StandardStream.error.writeLine("  \(name)") }
            throw ExitCode.failure
        case .nothing:
            throw InspectionError(
                "Nothing is known of '\(name.onOneLine)', as a resource, an event or in quarantine. See 'rancher-agent state' and "
                    + "'rancher-agent state events'.")
        }
    }
}
