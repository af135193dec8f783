import LosslessJSON
import NIOSSL
import Testing

@testable import RancherSimulator

@Suite(.timeLimit(.minutes(1)))
struct SubscriptionTests {
    @Test func `a heartbeat without a reply address comes at once`() async throws {
        try await RancherServer.withServer { server async throws in
            try await Client.agent(server).subscribed(to: ["ping", "compute.instance.activate"]) {
                connection async throws in
                let heartbeat = try await connection.message()
                #expect(heartbeat["name"] == "ping")
                #expect(heartbeat["replyTo"].isNull)
                let subscription = try #require(server.subscriptions.first)
                #expect(subscription.eventNames == ["ping", "compute.instance.activate"])
                #expect(subscription.accessKey == RancherServer.credentials(registrationKey: "host-1").accessKey)
            }
        }
    }

    @Test func `a handshake needs an agent's credentials, a known path and event names`() async throws {
        try await RancherServer.withServer { server async throws in
            let agent = RancherServer.credentials(registrationKey: "k")
            func status(_ names: [String], _ user: String, _ password: String, _ path: String) async throws -> Int {
                try await RawConnection.with(server) {
                    try await $0.subscribe(names, user: user, password: password, path: path)
                }
            }
            #expect(try await status(["ping"], agent.accessKey, "wrong", "/v3/subscribe") == 401)
            #expect(try await status(["ping"], "registrationToken", server.token, "/v3/subscribe") == 403)
            #expect(try await status(["ping"], agent.accessKey, agent.secretKey, "/v3/elsewhere") == 404)
            #expect(try await status([], agent.accessKey, agent.secretKey, "/v3/subscribe") == 422)
            #expect(try await status(["ping"], agent.accessKey, agent.secretKey, "/v3/subscribe") == 101)
            #expect(try await Client.agent(server).get("/v3/subscribe?eventNames=ping").status == 426)
        }
    }

    @Test func `handshakes are refused for as long as the fault lasts`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.subscribe = .init(status: 503, count: 2) }
            let client = Client.agent(server)
            for _ in 0..<2 {
                await #expect(throws: SimulatorError.wrongState("status 503")) {
                    try await client.subscribed { _ in }
                }
            }
            try await client.subscribed { _ in }
            #expect(server.requests.map(\.status) == [503, 503, 101])
        }
    }

    @Test func `an event goes to those who asked for its name`() async throws {
        try await RancherServer.withServer { server async throws in
            #expect(!server.send(event: RancherServer.Dialect.rancher20.ping()))
            try await Client.agent(server).subscribed(to: ["compute.instance.inspect"]) { connection async throws in
                #expect(!server.send(event: RancherServer.Dialect.rancher20.ping()))
                let event = RancherServer.Dialect.rancher20.instanceInspect(name: "web")
                #expect(server.send(event: event))
                #expect(try await connection.event() == event)
            }
            try await server.wait(for: "the end", timeout: .seconds(10)) { $0.subscriberCount == 0 ? true : nil }
        }
    }

    @Test func `an event can be sent to the newest subscription or to one agent only`() async throws {
        try await RancherServer.withServer { server async throws in
            try await Client.agent(server, key: "a").subscribed { first async throws in
                try await Client.agent(server, key: "b").subscribed { second async throws in
                    try await server.waitForSubscriber(after: 1)
                    let (one, two, both) = (
                        RancherServer.Dialect.rancher20.ping(), RancherServer.Dialect.rancher20.ping(),
                        RancherServer.Dialect.rancher20.ping()
                    )
                    let keys = RancherServer.credentials(registrationKey: "a")
                    server.send(event: one, to: .agent(accessKey: keys.accessKey))
                    server.send(event: two, to: .newest)
                    server.send(event: both)
                    #expect(try await first.event() == one)
                    #expect(try await first.event() == both)
                    #expect(try await second.event() == two)
                    #expect(try await second.event() == both)
                }
            }
        }
    }

    @Test func `any text can be sent`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.withoutHeartbeat = true }
            try await Client.agent(server).subscribed { connection async throws in
                for text in ["\n", "{\"broken\":", "{}"] {
                    #expect(server.sendRaw(text: text))
                    #expect(try await connection.frame().text == text)
                }
            }
        }
    }

    @Test func `a fragmented event is whole again when its frames are joined`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults {
                $0.fragmentSizeBytes = 7
                $0.withoutHeartbeat = true
            }
            try await Client.agent(server).subscribed { connection async throws in
                let event = InstanceEvents(name: "wéb", image: "busybox", environment: ["TEXT": "größer 🚀"]).activate()
                server.send(event: event)
                let first = try await connection.frame()
                #expect(first.opcode == RawConnection.text)
                #expect(!first.isFinal)
                #expect(first.payload.count == 7)
                var bytes = first.payload
                while true {
                    let frame = try await connection.frame()
                    #expect(frame.opcode == 0)
                    bytes += frame.payload
                    if frame.isFinal { break }
                }
                #expect(try JSON(parsing: bytes) == event)
            }
        }
    }

    @Test func `a ping is answered with its payload`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.withoutHeartbeat = true }
            try await Client.agent(server).subscribed { connection async throws in
                try await connection.sendPing("abc")
                #expect(
                    try await connection.frame()
                        == .init(isFinal: true, opcode: RawConnection.pong, payload: Array("abc".utf8)))
                #expect(server.pingFramesReceived == 1)
            }
        }
    }

    @Test func `a silenced websocket answers no ping and loses events, a new one is sound`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.withoutHeartbeat = true }
            let client = Client.agent(server)
            try await client.subscribed { connection async throws in
                server.silenceSockets()
                #expect(server.subscriberCount == 0)
                try await connection.sendPing()
                try await server.wait(for: "the ping", timeout: .seconds(10)) {
                    $0.pingFramesReceived == 1 ? true : nil
                }
                #expect(server.send(event: RancherServer.Dialect.rancher20.ping()))
                try await client.subscribed { second async throws in
                    let event = RancherServer.Dialect.rancher20.ping()
                    server.send(event: event)
                    #expect(try await second.event() == event)
                }
                server.cutSockets()
                #expect(await connection.framesToEnd() == [])
            }
        }
    }

    @Test func `cut websockets end without a close frame`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            try await client.subscribed { connection async throws in
                server.cutSockets()
                #expect(server.subscriberCount == 0)
                #expect(await connection.framesToEnd().allSatisfy { $0.opcode != RawConnection.close })
            }
            try await client.subscribed { _ in }
        }
    }

    @Test func `websockets that the server closes end with code 1000`() async throws {
        try await RancherServer.withServer { server async throws in
            try await Client.agent(server).subscribed { connection async throws in
                server.closeSockets()
                let last = await connection.framesToEnd().last
                #expect(last == .init(isFinal: true, opcode: RawConnection.close, payload: [0x03, 0xE8]))
            }
        }
    }

    @Test func `a close frame is answered with a close frame`() async throws {
        try await RancherServer.withServer { server async throws in
            try await Client.agent(server).subscribed { connection async throws in
                try await connection.sendFrame(opcode: RawConnection.close, payload: "")
                #expect(await connection.framesToEnd().last?.opcode == RawConnection.close)
            }
            try await server.wait(for: "the end", timeout: .seconds(10)) { $0.subscriberCount == 0 ? true : nil }
        }
    }

    @Test func `an outage ends connections, refuses new ones and forgets nothing`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.agent(server)
            let port = server.port
            let event = RancherServer.Dialect.rancher20.ping()
            try await client.subscribed { connection async throws in
                server.send(event: event)
                try await client.reply(to: event)
                await server.suspend()
                #expect(!server.isListening)
                _ = await connection.framesToEnd()
                await #expect(throws: (any Error).self) { try await RawConnection.with(server) { _ in } }
                #expect(!server.send(event: event))
            }
            for _ in 0..<3 {
                try await server.resume()
                #expect(server.isListening)
                #expect(server.port == port)
                try await client.subscribed { _ in }
                await server.suspend()
            }
            try await server.resume()
            #expect(server.replies(to: event["id"].text ?? "").count == 1)
            #expect(try await client.get("/v3").status == 200)
            await server.stop()
            await #expect(throws: SimulatorError.wrongState("the server has been stopped")) {
                try await server.resume()
            }
        }
    }

    @Test func `https and wss work with a given certificate`() async throws {
        let tls = RancherServer.TLS(
            certificate: TestCertificate.certificate, privateKey: TestCertificate.privateKey)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Array(TestCertificate.certificate.utf8)))
        let context = try NIOSSLContext(configuration: configuration)
        try await RancherServer.withServer(tls: tls) { server async throws in
            #expect(server.registrationURL.hasPrefix("https://127.0.0.1:"))
            let agent = RancherServer.credentials(registrationKey: "k")
            try await RawConnection.with(server, tls: context) { connection in
                let status = try await connection.subscribe(
                    ["ping"], user: agent.accessKey, password: agent.secretKey)
                #expect(status == 101)
                #expect(try await connection.message()["name"] == "ping")
                server.cutSockets()
                #expect(await connection.framesToEnd() == [])
            }
        }
    }

    @Test func `waiting for a subscription ends with an error at its time`() async throws {
        try await RancherServer.withServer { server async throws in
            await #expect(throws: SimulatorError.timedOut("a subscription")) {
                try await server.waitForSubscriber(timeout: .milliseconds(20))
            }
        }
    }

    @Test func `what happens can be watched`() async throws {
        try await RancherServer.withServer { server async throws in
            var observations = server.observations().makeAsyncIterator()
            let client = Client.agent(server)
            try await client.subscribed { _ in
                let event = RancherServer.Dialect.rancher20.ping()
                server.send(event: event)
                try await client.reply(to: event)
                let subscription = try #require(server.subscriptions.first)
                #expect(await observations.next(isolation: #isolation) == .subscribed(subscription))
                #expect(await observations.next(isolation: #isolation) == .sent(event: event, subscribers: 1))
                let published = try #require(server.published.first)
                #expect(await observations.next(isolation: #isolation) == .published(published))
                server.cutSockets()
                #expect(await observations.next(isolation: #isolation) == .unsubscribed(subscription))
            }
            await server.stop()
            #expect(await observations.next(isolation: #isolation) == nil)
        }
    }
}
