import ArgumentParser
import Foundation
import Processes

/// Measures what the agent costs and how fast it is, and prints one page.
@main
struct Benchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rancher-bench",
        abstract:
            "Measures an agent binary beside a simulated server, an instant engine and, if there is one, a real one.",
        discussion: """
            The real engine is found in DOCKER_HOST and must have the image rancher-demo:latest. The exit code is 1 if a
            figure misses what is wanted of it.
            """)

    @Option(help: "The agent binary; a release build gives the figures that count.")
    var agent: String

    @Option(help: "How often the longer measurements are made.")
    var rounds = 5

    @Option(help: "Measure only this; may be given several times.")
    var only: [Part] = Part.allCases

    func run() async throws {
        setenv("RANCHER_AGENT_BINARY", agent, 1)
        var page = Page()
        // What was measured is shown even if the rest cannot be.
        defer { print(page.text) }
        for part in only {
            if part == .real {
                guard let host = ProcessInfo.processInfo.environment["DOCKER_HOST"], host.hasPrefix("unix://") else {
                    throw ValidationError("DOCKER_HOST names no socket of a real engine")
                }
                let real = RealFigures(socket: String(host.dropFirst("unix://".count)), rounds: rounds)
                try await real.measure(into: &page)
            } else {
                try await PaperFigures(rounds: rounds).measure(part, into: &page)
            }
        }
        if !page.isMet { throw ExitCode(1) }
    }
}

/// What can be measured by itself.
enum Part: String, CaseIterable, ExpressibleByArgument {
    /// Docker calls of each event.
    case calls
    /// One activate at a time.
    case latency
    /// Thousands of events at once.
    case burst
    /// Whole lives side by side, and the memory that they take.
    case lives
    case pings
    /// Starts with an empty and with a full store, and after a crash.
    case starts
    /// Events beside commands that read the store all the time.
    case readers
    /// Beside a real engine.
    case real
}
