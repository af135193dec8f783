import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// All instances, volumes and images.
struct StateList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show all instances, volumes and images. This is what happens without a command.")

    @OptionGroup var options: StateOptions

    func run() throws {
        let snapshot = try options.location.read { store throws(StoreError) in try Snapshot(of: store) }
        print(options.json ? snapshot.json.prettyText : snapshot.text(now: options.now, style: options.style))
    }
}
