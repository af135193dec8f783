import ArgumentParser

/// What the agent knows and does, read from its store.
struct State: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the agent knows and does, whether it runs or not.",
        discussion: """
            All of these read the database of the agent, beside a running one or without one. They never write to it and \
            hold nobody up. Secrets are not shown. An ID is a key, a uuid, an id at the server, a name, a container id, \
            or the beginning of one of these that only one has.

            Examples:
              rancher-agent state                     how far everything has come
              rancher-agent state why web             why the instance web does not run
              rancher-agent state events --open       what the server still waits for
              rancher-agent state watch               all of it live
              rancher-agent state check --max-age 5m  for monitoring: ends with 0, 1, 2

            Shells complete commands and IDs with 'rancher-agent --generate-completion-script bash' (or zsh, fish).
            """,
        subcommands: [
            StateList.self, StateInstances.self, StateVolumes.self, StateImages.self, StateEvents.self,
            StateReplies.self, StateQuarantine.self, StateShow.self, StateHistory.self, StateWhy.self,
            StateWatch.self, StateCheckCommand.self, StateExportCommand.self,
        ],
        defaultSubcommand: StateList.self)
}
