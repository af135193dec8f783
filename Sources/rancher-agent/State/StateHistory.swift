import Agent
import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// What has happened to one resource.
struct StateHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show all that is remembered of one instance, volume or image, in order.",
        discussion: """
            Examples:
              rancher-agent state history web
              rancher-agent state history 1i20 --limit 20 --json
            """)

    @Argument(help: ResourceName.help, completion: .resource)
    var name: String

    @OptionGroup var rows: RowLimit
    @OptionGroup var options: StateOptions

    func run() throws {
        let match = try options.location.read { store throws(StoreError) in
            try ResourceQuery.run(name, in: store, eventLimit: rows.limit)
        }
        let timeline = Timeline(of: try match.one(name, options.style), limit: rows.limit)
        try options.print(timeline.json, text: timeline.text(now: options.now, style: options.style))
    }
}

/// How resources are named on the command line.
enum ResourceName {
    static let help = ArgumentHelp(
        "Its key, uuid, id at the server, name or container id, or the beginning of one of these.", valueName: "id")
}

extension ResourceMatch {
    /// The one that was found.
    ///
    /// - Throws: An error for the command line if it is none or several, which are listed.
    func one(_ name: String, _ style: ReportStyle) throws -> Found {
        switch self {
        case .found(let found): return found
        case .several(let rows):
            StandardStream.error.writeLine(
                "'\(name.onOneLine)' may be each of these \(rows.count). Give more letters, or the whole key.")
            StandardStream.error.writeLine(ResourceQuery.list(rows, style: ReportStyle(width: style.width)))
            throw ExitCode.failure
        case .nothing:
            throw InspectionError(
                "Nothing is known of '\(name.onOneLine)'. See 'rancher-agent state' for all that is known.")
        }
    }
}
