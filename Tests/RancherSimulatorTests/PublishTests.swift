import LosslessJSON
import Testing

@testable import RancherSimulator

@Suite(.timeLimit(.minutes(1)))
struct PublishTests {
    @Test func `a message is stored, answered with 201 and kept in order`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            let answer = try await client.post("/v3/publish", ["name": "reply.1", "data": ["a": 1]])
            #expect(answer.status == 201)
            #expect(answer.json["name"] == "reply.1")
            #expect(answer.json["type"] == "publish")
            #expect(answer.json["id"].nonEmptyText != nil)
            _ = try await client.post("/v3/publish", ["name": "reply.2"])
            #expect(server.published.map(\.name) == ["reply.1", "reply.2"])
            #expect(server.published.map(\.sequence) == [1, 2])
            #expect(server.published[0].arrival <= server.published[1].arrival)
            #expect(server.published[0].message == ["name": "reply.1", "data": ["a": 1]])
            server.forgetMessages()
            #expect(server.published == [])
        }
    }

    @Test(
        arguments: [[:], ["name": nil], ["name": ""], ["name": "service.x"], ["name": "compute.instance.activate"]]
            as [JSON])
    func `a message without a reply address is refused`(message: JSON) async throws {
        try await RancherServer.withServer { server async throws in
            #expect(try await Client.agent(server).post("/v3/publish", message).status == 403)
            #expect(server.published == [])
        }
    }

    @Test func `progress and answers are told apart`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            try await client.subscribed { _ in
                let event = RancherServer.Dialect.rancher20.ping()
                let id = event["id"].text ?? ""
                server.send(event: event)
                try await client.reply(to: event, transitioning: "yes", message: "Pulling")
                #expect(server.replies(to: id) == [])
                #expect(server.progress(for: id).map(\.outcome) == [.progress("Pulling")])

                try await client.reply(to: event, transitioning: "no")
                #expect(try await server.waitForReply(to: id).outcome == .success)
                try await client.reply(to: event, transitioning: "error", message: "broken")
                #expect(server.replies(to: id).map(\.outcome) == [.success, .failure("broken")])
                #expect(server.replies(to: id).map(\.failure) == [nil, "broken"])
            }
        }
    }

    @Test func `an answer under another event's address is none`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            try await client.subscribed { _ in
                let event = RancherServer.Dialect.rancher20.ping()
                server.send(event: event)
                _ = try await client.post("/v3/publish", ["name": "reply.0", "previousIds": [event["id"]]])
                #expect(server.published.count == 1)
                #expect(server.replies(to: event["id"].text ?? "") == [])
            }
        }
    }

    @Test func `asking waits for the answer, and for a limited time`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            let event = RancherServer.Dialect.rancher20.ping()
            await #expect(throws: SimulatorError.wrongState("nobody is subscribed")) { try await server.ask(event) }
            try await client.subscribed { connection async throws in
                async let answer = server.ask(event)
                let received = try await connection.event()
                try await client.reply(to: received, data: ["hashKey": "x"])
                #expect(try await answer.data == ["hashKey": "x"])
                await #expect(throws: SimulatorError.self) {
                    try await server.ask(RancherServer.Dialect.rancher20.ping(), timeout: .milliseconds(20))
                }
            }
        }
    }

    @Test func `a refused message is not taken`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.publish = .init(status: 500, count: 1, code: "Oops", fieldName: "f") }
            let client = Client.agent(server)
            let answer = try await client.post("/v3/publish", ["name": "reply.1"])
            #expect(answer.status == 500)
            #expect(answer.json["type"] == "error")
            #expect(answer.json["status"] == 500)
            #expect(answer.json["code"] == "Oops")
            #expect(answer.json["fieldName"] == "f")
            #expect(server.published == [])
            #expect(try await client.post("/v3/publish", ["name": "reply.1"]).status == 201)
        }
    }

    @Test func `a cut connection leaves a taken message without an answer`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.publishCutCount = 1 }
            let client = Client.agent(server)
            // One attempt on a raw connection: an HTTP client might try again by itself.
            let credentials = Base64.encoded("\(client.user ?? ""):\(client.password)")
            let bytes = try await RawConnection.with(server) { connection in
                let head =
                    "POST /v3/publish HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \(credentials)\r\nContent-Length: 18\r\n\r\n"
                try await connection.send(Array((head + #"{"name":"reply.1"}"#).utf8))
                return await connection.readToEnd()
            }
            #expect(bytes == [])
            #expect(server.published.map(\.name) == ["reply.1"])
            #expect(server.requests.map(\.status) == [0])
            #expect(try await client.post("/v3/publish", ["name": "reply.2"]).status == 201)
        }
    }

    @Test func `a hanging request is neither answered nor taken`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.publishHangCount = 1 }
            let client = Client.agent(server)
            await #expect(throws: (any Error).self) {
                try await client.post("/v3/publish", ["name": "reply.1"], timeout: .milliseconds(200))
            }
            #expect(server.published == [])
            #expect(try await client.post("/v3/publish", ["name": "reply.1"]).status == 201)
        }
    }

    @Test func `a delayed answer comes after its delay`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.publishDelay = .milliseconds(150) }
            let start = ContinuousClock.now
            #expect(try await Client.agent(server).post("/v3/publish", ["name": "reply.1"]).status == 201)
            #expect(ContinuousClock.now - start >= .milliseconds(150))
            #expect(server.published[0].arrival - start < .milliseconds(150))
        }
    }

    @Test func `a connection carries many messages, in order`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            for number in 0..<200 {
                #expect(try await client.post("/v3/publish", ["name": .string("reply.\(number)")]).status == 201)
            }
            #expect(server.published.map(\.name) == (0..<200).map { "reply.\($0)" })
        }
    }

    @Test func `of very many messages the newest are kept, with their events`() {
        var state = ServerState(dialect: .rancher20)
        for number in 0...ServerState.listLimit {
            let message: JSON = ["name": "reply.1", "previousIds": [.string("event-\(number)")]]
            _ = state.take(message, accessKey: "A")
        }
        #expect(state.published.count == ServerState.listLimit / 2 + 1)
        #expect(state.finals.count == state.published.count)
        #expect(state.published.last?.sequence == ServerState.listLimit + 1)
    }

    @Test func `container events are kept, and must name the default host`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            let event: JSON = ["externalStatus": "start", "externalId": "f00", "reportedHostUuid": "DEFAULT"]
            #expect(try await client.post("/v3/containerevents", event).status == 201)
            #expect(try await client.post("/v3/containerEvents", ["reportedHostUuid": "other"]).status == 422)
            #expect(server.containerEvents == [event])
            server.setFaults { $0.containerEvents = .init(status: 409, count: 1, code: "TooManyContainerEvents") }
            #expect(try await client.post("/v3/containerevents", event).json["code"] == "TooManyContainerEvents")
        }
    }

    @Test func `the proxy is disabled, does not know the host, or gives a token`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            func ask() async throws -> HTTPAnswer {
                try await client.post("/v3/hostapiproxytokens", ["reportedUuid": "DEFAULT"])
            }
            #expect(try await ask().status == 501)
            server.setFaults { $0.hostAPIProxy = .hostUnknown }
            let unknown = try await ask()
            #expect(unknown.status == 422)
            #expect(unknown.json["fieldName"] == "reportedUuid")
            server.setFaults { $0.hostAPIProxy = .available(url: "ws://127.0.0.1:1/v1/connectbackend") }
            let token = try await ask()
            #expect(token.status == 201)
            #expect(token.json["url"] == "ws://127.0.0.1:1/v1/connectbackend")
            #expect(token.json["token"].nonEmptyText != nil)
            #expect(server.hostAPIProxyTokenRequests.count == 3)
        }
    }

    @Test func `a body beyond the limit is refused`() async throws {
        try await RancherServer.withServer { server async throws in
            let text = String(repeating: "x", count: HTTPExchangeHandler.bodyLimitBytes)
            let answer = try await Client.agent(server).post("/v3/publish", ["name": "reply.1", "data": .string(text)])
            #expect(answer.status == 413)
        }
    }
}
