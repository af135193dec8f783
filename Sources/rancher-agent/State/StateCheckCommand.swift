import Agent
import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// Whether somebody has to look after this agent.
struct StateCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the database and what waits in it, for monitoring.",
        discussion: """
            Exit codes:
              0  fine
              1  warning: an event unanswered, an answer undelivered or a next try overdue for longer than --max-age, \
            something new in quarantine, a log that only grows
              2  critical: the database is damaged, or it or a row of it cannot be read, or the report cannot be \
            written
              64 a wrong command line

            The first line of the output says the worst of it.

            Examples:
              rancher-agent state check
              rancher-agent state check --max-age 5m --json
            """)

    @Option(
        help: ArgumentHelp(
            "How long an event may be unanswered, or an answer undelivered: 90, 90s, 5m, 2h, 1d.", valueName: "age"))
    var maxAge = Age(duration: StateCheck.Limits().age)

    @OptionGroup var options: StateOptions

    func run() throws {
        let location = options.location
        let now = options.now
        var limits = StateCheck.Limits()
        limits.age = maxAge.duration
        let check: StateCheck
        do {
            check = try location.read { store throws(StoreError) in
                try StateCheck(of: store, at: location, limits: limits, now: now)
            }
        } catch {
            check = StateCheck(unreadable: error.description, path: location.databasePath)
        }
        do {
            try options.print(check.json, text: check.text(style: options.style))
        } catch {
            // Whoever watches has learned nothing, and shall not take that for good news.
            StandardStream.error.writeLine("Error: \(error)")
            throw ExitCode(Int32(StateCheck.Severity.critical.rawValue))
        }
        if check.severity != .fine { throw ExitCode(Int32(check.severity.rawValue)) }
    }
}

/// A span of time on the command line.
struct Age: ExpressibleByArgument, Hashable {
    let duration: Duration

    init(duration: Duration) { self.duration = duration }

    init?(argument: String) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = argument.last.flatMap { units[$0] }
        let digits = unit == nil ? argument[...] : argument.dropLast()
        guard let number = Double(digits), number.isFinite, number >= 0, number <= 1e9 else { return nil }
        duration = .milliseconds(Int((number * (unit ?? 1) * 1000).rounded()))
    }

    var defaultValueDescription: String { "\(Int(duration.inSeconds))s" }
}
