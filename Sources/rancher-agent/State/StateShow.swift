import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// One resource, with its history and why it waits.
struct StateShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one instance, volume or image: its history, and why it waits.")

    @Argument(
        help: ArgumentHelp(
            "Its key, uuid, id at the server, name or container id, or the beginning of one of these.",
            valueName: "id"))
    var name: String

    @Flag(help: "Show the values of the environment, which may be secret.")
    var showEnvironment = false

    @OptionGroup var options: StateOptions

    func run() throws {
        let finding = try options.location.read { store throws(StoreError) in try ResourceQuery.run(name, in: store) }
        switch finding {
        case .found(let dossier):
            let now = options.now
            print(
                options.json
                    ? dossier.json(now: now, showingEnvironment: showEnvironment).prettyText
                    : dossier.text(now: now, showingEnvironment: showEnvironment, style: options.style))
        case .several(let rows):
            writeError("'\(name)' may be each of these \(rows.count). Give more letters, or the whole key.")
            writeError(Finding.list(rows, style: ReportStyle(width: options.style.width)))
            throw ExitCode.failure
        case .nothing:
            throw InspectionError(
                "Nothing is known of '\(name)'. See 'rancher-agent state' for all that is known.")
        }
    }
}
