import ArgumentParser
import LosslessJSON
import RancherSimulator

/// Sends the events of a list of files, one after the other's answer.
struct Play: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve, wait for an agent and send it events, each after the answer to the one before.",
        discussion: """
            Ends with status 0 if all events were answered with success, 1 after an error answer and 2 when nothing \
            came in time.
            """)

    @OptionGroup var options: ServerOptions

    @Option(help: ArgumentHelp("How long to wait for the agent, and for each answer.", valueName: "seconds"))
    var timeout = 120

    @Option(
        help: ArgumentHelp(
            "Send an event that is without answer or progress for so long again, as a real server does; 0 never.",
            valueName: "seconds"))
    var resendAfter = 15

    @Argument(help: ArgumentHelp("Files with one event each.", valueName: "file"))
    var files: [String]

    func validate() throws {
        if timeout < 1 { throw ValidationError("--timeout takes a number of seconds from 1") }
        if resendAfter < 0 { throw ValidationError("--resend-after takes a number of seconds from 0") }
    }

    func run() async throws {
        // All files are read before anything is sent: a typing error must not end a demonstration half way.
        let events = try files.map { (path: $0, event: try RancherServer.readEvent(path: $0)) }
        let server = try await options.start()
        let observations = server.observations()
        let isVerbose = options.verbose
        let status = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var reporter = Reporter(isVerbose: isVerbose)
                for await observation in observations { reporter.report(observation) }
            }
            group.addTask { [options] in
                do {
                    try await options.ping(from: server)
                } catch is CancellationError {}
            }
            let status: Int32
            do {
                status = try await play(events.map(\.event), on: server)
            } catch let error as SimulatorError {
                write("\(error)")
                status = 2
            }
            // The end of the server ends the observations, and with them the reporter, after the last line.
            await server.stop()
            group.cancelAll()
            try await group.waitForAll()
            return status
        }
        if status != 0 { throw ExitCode(status) }
    }

    private func play(_ events: [JSON], on server: RancherServer) async throws -> Int32 {
        for event in events {
            let event = RancherServer.renewed(event)
            let answer = try await ask(event, on: server)
            if answer.failure != nil { return 1 }
        }
        return 0
    }

    private func ask(_ event: JSON, on server: RancherServer) async throws -> Published {
        let name = event["name"].text ?? ""
        let id = event["id"].text ?? ""
        let deadline = ContinuousClock.now + .seconds(timeout)
        while true {
            let rest = deadline - .now
            try await server.wait(for: "an agent that takes \(name)", timeout: rest) { server in
                server.send(event: event) ? true : nil
            }
            let patience = resendAfter == 0 ? rest : min(rest, .seconds(resendAfter))
            do {
                return try await answer(to: id, name: name, on: server, patience: patience, deadline: deadline)
            } catch SimulatorError.timedOut(let what) {
                if ContinuousClock.now >= deadline { throw SimulatorError.timedOut(what) }
            }
        }
    }

    /// Waits for the final answer; each progress message prolongs the patience.
    private func answer(
        to id: String, name: String, on server: RancherServer, patience: Duration, deadline: ContinuousClock.Instant
    ) async throws -> Published {
        var seen = server.progress(for: id).count
        var end = ContinuousClock.now + patience
        return try await server.wait(for: "the answer to \(name)", timeout: deadline - .now) { server in
            if let answer = server.replies(to: id).first { return answer }
            let count = server.progress(for: id).count
            if count > seen {
                seen = count
                end = .now + patience
            }
            if ContinuousClock.now >= end { throw SimulatorError.timedOut("the answer to \(name)") }
            return nil
        }
    }
}
