import ArgumentParser

/// A small Rancher server to try an agent out.
@main
struct RancherSim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rancher-sim",
        abstract: "A small Rancher server (2.0 tech preview or 1.6) to try an agent out.",
        subcommands: [Serve.self, Play.self])
}
