import ArgumentParser
import LosslessJSON
import NIOPosix
import RancherSimulator

/// Serves until it is told to quit.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve, print what agents say, and take commands from the standard input.",
        discussion: """
            Commands on the standard input:
              send FILE...  send events, each with an id of its own
              event JSON    send an event as it is, its id included
              ping          ask the agents for everything they know
              cut           cut all websockets
              silence       leave all websockets half open
              down, up      an outage, and its end
              status        who is subscribed
              quit          end the server

            At the end of the standard input the server stays.
            """)

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let server = try await options.start()
        let observations = server.observations()
        let isVerbose = options.verbose
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var reporter = Reporter(isVerbose: isVerbose)
                for await observation in observations { reporter.report(observation) }
            }
            group.addTask { [options] in
                do {
                    try await options.ping(from: server)
                } catch is CancellationError {}
            }
            try await Console(server: server).run()
            group.cancelAll()
            try await group.waitForAll()
        }
        await server.stop()
    }
}

/// The commands from the standard input.
struct Console {
    let server: RancherServer

    /// Returns after `quit`.
    func run() async throws {
        while let line = try await Self.nextLine() {
            let words = line.split(separator: " ").map(String.init)
            guard let command = words.first else { continue }
            if command == "quit" || command == "exit" { return }
            do {
                if command == "event" {
                    try sendAsItIs(line)
                } else {
                    try await perform(command, arguments: Array(words.dropFirst()))
                }
            } catch is CancellationError {
                return
            } catch {
                write("\(command): \(error)")
            }
        }
        // A server in the background has no input and runs on; a signal ends it.
        while true { try await Task.sleep(for: .seconds(3600)) }
    }

    private func perform(_ command: String, arguments: [String]) async throws {
        switch command {
        case "send":
            if arguments.isEmpty { write("send: which file?") }
            for path in arguments { send(RancherServer.renewed(try RancherServer.readEvent(path: path))) }
        case "ping":
            if server.subscriberCount == 0 { write("nobody is subscribed") }
            for subscription in server.subscriptions {
                server.send(
                    event: server.dialect.ping(agentID: subscription.agentID, number: 0),
                    to: .agent(accessKey: subscription.accessKey))
            }
        case "cut": server.cutSockets()
        case "silence": server.silenceSockets()
        case "down":
            await server.suspend()
            write("down: connecting to port \(server.port) is refused")
        case "up":
            try await server.resume()
            write("up: listening on port \(server.port)")
        case "status":
            if server.subscriberCount == 0 { write("nobody is subscribed") }
            for subscription in server.subscriptions {
                write("agent \(subscription.agentID)  \(subscription.eventNames.joined(separator: " "))")
            }
        case "help": write("send FILE...  event JSON  ping  cut  silence  down  up  status  quit")
        default: write("\(command): unknown; try help")
        }
    }

    private func send(_ event: JSON) {
        if !server.send(event: event) { write("nobody is subscribed to \(event["name"].text ?? "")") }
    }

    private func sendAsItIs(_ line: String) throws {
        let text = line.drop { $0 == " " }.dropFirst("event".count)
        let event = try JSON(parsing: Array(text.utf8))
        if event["name"].nonEmptyText == nil { throw SimulatorError.badFile("no event, it has no name") }
        send(event)
    }

    /// Reading blocks, so a thread for blocking work does it.
    private static func nextLine() async throws -> String? {
        try await NIOThreadPool.singleton.runIfActive { readLine() }
    }
}
