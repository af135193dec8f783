import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// One resource, with its history and why it waits.
struct StateShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one instance, volume or image: its history, and why it waits.",
        discussion: """
            Examples:
              rancher-agent state show web
              rancher-agent state show volume:data --json
            """)

    @Argument(help: ResourceName.help, completion: .resource)
    var name: String

    @Flag(help: "Show the values of the environment, which may be secret.")
    var showEnvironment = false

    @OptionGroup var options: StateOptions

    func run() throws {
        let finding = try options.location.read { store throws(StoreError) in try ResourceQuery.run(name, in: store) }
        let dossier = try finding.one(name, options.style)
        let now = options.now
        options.print(
            dossier.json(now: now, showingEnvironment: showEnvironment),
            text: dossier.text(now: now, showingEnvironment: showEnvironment, style: options.style))
    }
}
