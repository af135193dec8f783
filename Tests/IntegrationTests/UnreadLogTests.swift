import Foundation
import RancherSimulator
import Testing

/// The log goes into a pipe that is full, as it does in a container whose engine hangs.
@Suite(.serialized, .engineDifferences)
struct UnreadLogTests {
    @Test(arguments: Dialect.all)
    func `an agent whose log nobody reads works on, and ends when it is told to`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect, .init(starts: false, environment: ["RANCHER_DEBUG": "true"])) { scene in
            let path = scene.agent.logFile
            try #require(mkfifo(path, 0o600) == 0)
            let pipe = open(path, O_RDWR | O_NONBLOCK)
            defer {
                // Whoever wants to see the log afterwards must not wait for it.
                close(pipe)
                unlink(path)
            }
            // F_SETPIPE_SZ: one page, which is full before the agent has subscribed.
            try #require(fcntl(pipe, 1031, 4096) >= 4096)
            try await scene.start()
            for number in 0..<5 {
                let instance = try await scene.activate(scene.instance("unread-\(number)"))
                try await scene.deactivate(instance)
            }
            let pings = try await withPings(scene) { _ = try await scene.activate(scene.instance("watched")) }
            #expect(pings.areTimely)
            // Whoever writes now would wait.
            var request = pollfd(fd: pipe, events: Int16(POLLOUT), revents: 0)
            #expect(poll(&request, 1, 0) == 0, "the pipe was never full")
            let end = try await scene.agent.terminate()
            #expect(end.took < .seconds(6))
        }
    }
}
