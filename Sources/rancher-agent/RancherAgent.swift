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
        do {
            var arguments = Array(CommandLine.arguments.dropFirst())
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
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            // Scripts know the exit code that the agent always had for a wrong flag (PROTOCOL 1.1).
            StandardStream.error.writeLine(fullMessage(for: error))
            leave(2)
        }
    }
}

/// `exit` of the system; the name means something else within a command.
private func leave(_ code: Int32) -> Never { exit(code) }
