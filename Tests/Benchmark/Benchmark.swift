import ArgumentParser
import Foundation
import Processes

/// Measures what the agent costs and how fast it is, and prints one page.
@main
struct Benchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rancher-bench",
        abstract: "Measures an agent binary beside a simulated server, an instant engine and, if there is one, a real one.",
        discussion: """
            The real engine is found in DOCKER_HOST and must have the image rancher-demo:latest. The exit code is 1 if a
            figure misses what is wanted of it.
            """)

    @Option(help: "The agent binary; a release build gives the figures that count.")
    var agent: String

    @Option(help: "How often the longer measurements are made.")
    var rounds = 5

    @Flag(help: "Measure beside the instant engine only.")
    var paperOnly = false

    func run() async throws {
        setenv("RANCHER_AGENT_BINARY", agent, 1)
        var page = Page()
        if !paperOnly {
            guard let host = ProcessInfo.processInfo.environment["DOCKER_HOST"], host.hasPrefix("unix://") else {
                throw ValidationError("DOCKER_HOST names no socket; --paper-only measures without a real engine")
            }
            try await RealFigures(socket: String(host.dropFirst("unix://".count)), rounds: rounds).measure(into: &page)
        }
        try await PaperFigures(rounds: rounds).measure(into: &page)
        print(page.text)
        if !page.isMet { throw ExitCode(1) }
    }
}
