import Agent
import ArgumentParser

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The host agent, and the commands that look at what it knows.
@main
struct RancherAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rancher-agent",
        abstract: "The agent of a Rancher server on a Docker host.",
        usage: """
            rancher-agent [-url <registration-url>]
            rancher-agent state [<command>] [--json]
            rancher-agent doctor [--json]
            rancher-agent -version
            """,
        discussion: "Without a command the agent runs; see 'rancher-agent help run' for its flags.",
        subcommands: [Run.self, State.self, Doctor.self, Version.self],
        defaultSubcommand: Run.self)

    static func main() async {
        var arguments = Array(CommandLine.arguments.dropFirst())
        do {
            if arguments.first == ContainerEntry.word {
                guard let words = try await ContainerEntry.run(Array(arguments.dropFirst())) else { return }
                arguments = words
            }
            var command = try parseAsRoot(DaemonFlags.normalized(arguments))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            guard exitCode(for: error) == .validationFailure, isForDaemon(arguments) else { exit(withError: error) }
            // Scripts know the exit code that the agent always had for a wrong flag (PROTOCOL 1.1). With other commands
            // that number says something about the host.
            StandardStream.error.writeLine(fullMessage(for: error))
            leave(2)
        }
    }

    /// Whether these are the arguments of the daemon itself.
    private static func isForDaemon(_ arguments: [String]) -> Bool {
        let others: [any ParsableCommand.Type] = [State.self, Doctor.self, Version.self]
        return !others.contains { $0._commandName == arguments.first }
    }
}

/// `exit` of the system; the name means something else within a command.
private func leave(_ code: Int32) -> Never { exit(code) }
