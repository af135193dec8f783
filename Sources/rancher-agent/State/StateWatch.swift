import ArgumentParser
import Inspection
import Model
import Store

/// The state, live.
struct StateWatch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Show the state live, on the whole terminal.",
        discussion: """
            q or Ctrl-C ends it, arrows, space and b scroll, r reads at once. The terminal is left as it was.

            Examples:
              rancher-agent state watch
              rancher-agent state watch --interval 0.5
            """)

    @Option(help: ArgumentHelp("Between two looks: 2, 0.5s, 1m.", valueName: "time"))
    var interval = Age(duration: .seconds(2))

    @OptionGroup var place: StatePlace

    @Flag(help: "Not for this command: it paints a terminal.")
    var json = false

    func validate() throws {
        guard interval.duration >= .milliseconds(100) else {
            throw ValidationError("--interval has to be at least 0.1 seconds.")
        }
        if json { throw ValidationError("'state watch' paints a terminal; use 'state --json' for a program.") }
    }

    func run() throws {
        guard let terminal = LiveTerminal() else {
            throw InspectionError(
                "The output is no terminal, and 'state watch' paints one. Use 'rancher-agent state' or 'rancher-agent state "
                    + "--json' for a file or another program.")
        }
        terminal.enter()
        defer { terminal.leave() }
        var screen = WatchScreen(size: terminal.size)
        var isDue = true
        var nextLook = ContinuousClock.now
        while true {
            if isDue {
                screen.size = terminal.size
                screen.show(report(terminal))
                nextLook = .now + interval.duration
                isDue = false
            }
            guard terminal.write(screen.painted(isColoured: terminal.isColoured)) else { return }
            switch terminal.wait(until: nextLook) {
            case .time: isDue = true
            case .resized: isDue = true
            case .ended: return
            case .suspended:
                terminal.suspend()
                isDue = true
            case .keys(let keys):
                if keys.contains(.quit) { return }
                if keys.contains(.refresh) { isDue = true }
                for key in keys { screen.pressed(key) }
            }
        }
    }

    /// What is to be seen now: the state, or why there is none.
    private func report(_ terminal: LiveTerminal) -> String {
        let style = ReportStyle(width: terminal.size.columns, isColoured: terminal.isColoured)
        let now = Timestamp.current
        do {
            let report = try place.location.read { store throws(StoreError) in try WatchReport(of: store) }
            return report.text(now: now, style: style)
        } catch {
            return error.text(now: now, style: style)
        }
    }
}
