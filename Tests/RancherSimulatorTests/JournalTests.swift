import Foundation
import LosslessJSON
import Testing

@testable import RancherSimulator

/// What a server knows that was killed and started again.
@Suite(.timeLimit(.minutes(1)))
struct JournalTests {
    private let path = NSTemporaryDirectory() + "journal-" + UUID().uuidString

    private func withServer(_ body: (RancherServer, Client) async throws -> Void) async throws {
        let server = try await RancherServer.start(journal: path)
        let client = Client.agent(server)
        do {
            try await body(server, client)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private var lines: [JSON] {
        get throws {
            try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
                try JSON(parsing: Array($0.utf8))
            }
        }
    }

    @Test func `what was sent and taken is known to the next server`() async throws {
        defer { unlink(path) }
        let event = RancherServer.Dialect.rancher20.ping()
        let id = event["id"].text ?? ""
        try await withServer { server, client in
            try await client.subscribed { _ in
                server.send(event: event)
                try await client.reply(to: event, transitioning: "yes", message: "Pulling")
                try await client.reply(to: event, transitioning: "no")
            }
        }
        #expect(try lines.filter { !$0["sent"].isNull }.map { $0["sent"] } == [event])
        #expect(try lines.count { !$0["taken"].isNull } == 2)
        try await withServer { server, client in
            #expect(server.replies(to: id).map(\.outcome) == [.success])
            #expect(server.progress(for: id).count == 1)
            // The old event's answer is still told from one under another address.
            try await client.reply(to: event, transitioning: "no")
            _ = try await client.post("/v3/publish", ["name": "reply.1", "previousIds": [.string(id)]])
            #expect(server.replies(to: id).count == 2)
            #expect(server.published.map(\.sequence) == [1, 2, 3, 4])
        }
    }

    @Test func `a line that the server was killed in was never taken, and the next one begins afresh`() async throws {
        defer { unlink(path) }
        try await withServer { _, client in
            _ = try await client.post("/v3/publish", ["name": "reply.1", "data": ["text": "ü"]])
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        try (whole + whole.prefix(20)).write(to: URL(fileURLWithPath: path))
        try await withServer { server, client in
            #expect(server.published.map(\.message) == [["name": "reply.1", "data": ["text": "ü"]]])
            _ = try await client.post("/v3/publish", ["name": "reply.2"])
        }
        #expect(try lines.map { $0["taken"]["name"] } == ["reply.1", "reply.2"])
    }

    @Test func `a file that is no journal is refused`() async throws {
        defer { unlink(path) }
        try "something else\n".write(toFile: path, atomically: true, encoding: .utf8)
        await #expect(throws: SimulatorError.self) { _ = try await RancherServer.start(journal: path) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "something else\n")
    }
}
