import Agent
import ArgumentParser
import FoundationEssentials
import Inspection
import LosslessJSON
import Model

/// What the commands about the state have in common.
struct StateOptions: ParsableArguments {
    @OptionGroup var place: StatePlace

    @Flag(help: "Print JSON; times are UTC.")
    var json = false

    var location: StateLocation { place.location }

    var style: ReportStyle { Terminal.style(environment: StatePlace.environment) }

    var now: Timestamp { .current }

    /// Prints one of the two forms.
    ///
    /// - Throws: An error for the command line if not all of it could be written.
    func print(_ json: @autoclosure () -> JSON, text: @autoclosure () -> String) throws {
        let report = self.json ? json().prettyText.jsonWithoutControls : text()
        guard StandardStream.output.write(Array((report + "\n").utf8)) else {
            throw InspectionError("The output could not be written.")
        }
    }
}

/// Where the state is.
struct StatePlace: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The state directory; else CATTLE_STATE_DIR, else \(StateLocation.defaultPath).", valueName: "directory"),
        completion: .directory)
    var stateDir: String?

    var location: StateLocation { StateLocation(option: stateDir, environment: Self.environment) }

    static var environment: [String: String] { ProcessInfo.processInfo.environment }
}

extension Timestamp {
    /// This moment.
    static var current: Timestamp { Timestamp(milliseconds: Int(Date().timeIntervalSince1970 * 1000)) }
}

/// How many rows are shown.
struct RowLimit: ParsableArguments {
    @Option(help: ArgumentHelp("Show at most so many, the newest or the first of them.", valueName: "count"))
    var limit = 100

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit has to be at least 1.") }
    }
}
