import ArgumentParser

/// What the agent knows and does, read from its store.
struct State: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the agent knows and does, whether it runs or not.",
        subcommands: [StateList.self, StateShow.self],
        defaultSubcommand: StateList.self)
}
