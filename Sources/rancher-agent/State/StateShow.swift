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
        let now = options.now
        let match = try options.location.read { store throws(StoreError) in
            try ResourceQuery.run(name, in: store) { row, all throws(StoreError) -> (Dossier, Explanation)? in
                guard let dossier = try Dossier(of: row.key, among: all, in: store) else { return nil }
                let quarantine = try store.quarantineEntries(limit: WhyQuery.quarantineLimit)
                return (dossier, try Explanation(of: dossier, quarantine, now: now, in: store))
            }
        }
        let (dossier, why) = try match.one(name, options.style)
        try options.print(
            dossier.json(why: why, showingEnvironment: showEnvironment),
            text: dossier.text(why: why, now: now, showingEnvironment: showEnvironment, style: options.style))
    }
}
