import Doctor
import FakeProxy
import RancherAPI
import RancherSimulator
import Testing

/// A server tells where its parts are, and may be wrong about it.
@Suite("Where the server's links lead")
struct LinkTests {
    /// What the daemon has whose keys were given to it.
    private func settings(_ credentials: Credentials, _ url: String) -> [String: String] {
        [
            "CATTLE_URL": url, "CATTLE_ACCESS_KEY": credentials.accessKey,
            "CATTLE_SECRET_KEY": credentials.secretKey,
        ]
    }

    @Test("to a place that nobody reaches, that is named, and the configured URL is tried as the agent does it")
    func deadLinks() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let credentials = try await host.register(at: server.registrationURL)
                let port = try await FakeProxy.run { $0.port }
                server.setFaults { $0.linkHosts = ["subscribe": "127.0.0.1:\(port)", "publish": "127.0.0.1:\(port)"] }
                let examination = await host.examine(settings(credentials, server.apiURL))
                examination.expectCulprit(
                    .connection,
                    ["links subscribe and publish lead to http://127.0.0.1:\(port)", "Nobody listens on port \(port)"])
                #expect(examination[.connection]?.advice.contains("api.host") == true)
                #expect(examination[.connection]?.advice.contains("X-Forwarded") == true)
                #expect(examination[.websocket]?.verdict == .warning, "\(examination.dossier)")
                #expect(examination[.websocket]?.text.contains("127.0.0.1:\(port)/v3/subscribe") == true)
                #expect(examination[.ping]?.verdict == .ok)
            }
        }
    }

    @Test("of the subscription alone, that is no more than a warning, for the agent has another way")
    func deadSubscription() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let credentials = try await host.register(at: server.registrationURL)
                server.setFaults { $0.linkHosts = ["subscribe": "rancher.invalid:8080"] }
                let examination = await host.examine(settings(credentials, server.apiURL))
                #expect(examination.steps(.warning) == [.name, .websocket], "\(examination.dossier)")
                #expect(examination.steps(.failure) == [])
                #expect(
                    examination[.name]?.text.contains("link subscribe leads to http://rancher.invalid:8080") == true)
            }
        }
    }

    @Test("to another program, the configured URL is tried as well")
    func strangeLinks() async throws {
        var manners = FakeProxy.Manners()
        manners.page = .init("404 Not Found")
        try await FakeProxy.run(manners) { stranger in
            try await Host.play { host in
                try await RancherServer.withServer { server in
                    let credentials = try await host.register(at: server.registrationURL)
                    server.setFaults { $0.linkHosts = ["subscribe": "127.0.0.1:\(stranger.port)"] }
                    let examination = await host.examine(settings(credentials, server.apiURL))
                    #expect(examination.steps(.warning) == [.websocket], "\(examination.dossier)")
                    #expect(examination[.websocket]?.text.contains("status 404") == true)
                    #expect(examination[.ping]?.verdict == .ok)
                }
            }
        }
    }

    @Test("because of what is in front of it, that is named for the script and for the schemas")
    func gateway() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let credentials = try await host.register(at: server.registrationURL)
                let port = try await FakeProxy.run { $0.port }
                var manners = FakeProxy.Manners()
                manners.server = server.port
                manners.host = "127.0.0.1:\(port)"
                try await FakeProxy.run(manners) { gateway in
                    let url = "http://127.0.0.1:\(gateway.port)/v3"
                    let registering = await host.examine(url: "\(url)/scripts/\(server.token)")
                    registering.expectCulprit(
                        .connection, ["registration script leads to http://127.0.0.1:\(port)", "Nobody listens"])
                    let keyed = await host.examine(settings(credentials, url))
                    keyed.expectCulprit(.connection, ["its schemas leads to http://127.0.0.1:\(port)"])
                    for examination in [registering, keyed] {
                        #expect(examination[.connection]?.advice.contains("api.host") == true)
                    }
                    #expect(keyed[.api]?.verdict == .ok)
                }
            }
        }
    }
}
