import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// All instances, volumes and images.
struct StateList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show all instances, volumes and images. This is what happens without a command.",
        discussion: """
            Examples:
              rancher-agent state
              rancher-agent state --json
            """)

    @OptionGroup var options: StateOptions

    func run() throws {
        let snapshot = try options.location.read { store throws(StoreError) in try Snapshot(of: store) }
        try options.print(snapshot.json, text: snapshot.text(now: options.now, style: options.style))
    }
}
