import ArgumentParser
import FoundationEssentials
import Inspection
import Model

/// What the commands about the state have in common.
struct StateOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The state directory; else CATTLE_STATE_DIR, else \(StateLocation.defaultPath).", valueName: "directory"))
    var stateDir: String?

    @Flag(help: "Print JSON; times are UTC.")
    var json = false

    var location: StateLocation { StateLocation(option: stateDir, environment: environment) }

    var style: ReportStyle { Terminal.style(environment: environment) }

    var now: Timestamp { Timestamp(milliseconds: Int(Date().timeIntervalSince1970 * 1000)) }

    private var environment: [String: String] { ProcessInfo.processInfo.environment }
}
