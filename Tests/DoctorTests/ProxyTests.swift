import Doctor
import FakeProxy
import RancherAPI
import RancherSimulator
import TestAuthority
import Testing

/// The proxy is in the way, and the server is none of the trouble.
@Suite("On the way through a proxy")
struct ProxyTests {
    @Test("one that hangs instead of opening a tunnel is named, and not the server")
    func hanging() async throws {
        var manners = FakeProxy.Manners()
        manners.isSilent = true
        try await Host.play { host in
            try await FakeProxy.run(manners) { proxy in
                let place = "http://127.0.0.1:\(proxy.port)"
                let examination = await host.examine([
                    "CATTLE_URL": "https://rancher.invalid/v3", "https_proxy": place,
                ]) { $0.tls = .seconds(1) }
                examination.expectCulprit(.tls, ["The proxy \(place) does not answer within 1000 ms"])
                #expect(examination[.tls]?.advice.contains("https_proxy") == true)
            }
        }
    }

    @Test("a server that hangs behind a tunnel is named, and not the proxy")
    func hangingServer() async throws {
        var manners = FakeProxy.Manners()
        manners.isSilent = true
        try await Host.play { host in
            try await FakeProxy.run(manners) { server in
                try await FakeProxy.run { proxy in
                    let examination = await host.examine([
                        "CATTLE_URL": "https://rancher.invalid:\(server.port)/v3",
                        "https_proxy": "127.0.0.1:\(proxy.port)",
                    ]) { $0.tls = .seconds(1) }
                    examination.expectCulprit(.tls, ["rancher.invalid accepts the connection and says nothing of TLS"])
                }
            }
        }
    }

    @Test("one that hangs instead of opening a tunnel for the websocket is named")
    func hangingForWebSocket() async throws {
        var manners = FakeProxy.Manners()
        manners.isSilentToTunnels = true
        try await Host.play { host in
            try await RancherServer.withServer { server in
                try await host.register(at: server.registrationURL)
                try await FakeProxy.run(manners) { proxy in
                    let place = "http://127.0.0.1:\(proxy.port)"
                    let url = "http://rancher.invalid:\(server.port)/v3/scripts/\(server.token)"
                    let examination = await host.examine(["http_proxy": place], url: url) { $0.websocket = .seconds(1) }
                    examination.expectCulprit(
                        .websocket, ["The proxy \(place) does not answer within 1000 ms", "for the websocket"])
                }
            }
        }
    }

    @Test("one that opens no way for a websocket without TLS is told of, and that there is one past it")
    func pastTheProxy() async throws {
        var manners = FakeProxy.Manners()
        manners.tunnelRefusal = "403 Forbidden"
        let address = try #require(FakeProxy.ownAddress)
        try await Host.play { host in
            try await RancherServer.withServer(host: "0.0.0.0") { server in
                try await host.register(at: server.registrationURL)
                try await FakeProxy.run(manners) { proxy in
                    let url = "http://\(address):\(server.port)/v3/scripts/\(server.token)"
                    let examination = await host.examine(["http_proxy": "127.0.0.1:\(proxy.port)"], url: url)
                    #expect(examination.steps(.failure) == [], "\(examination.dossier)")
                    let finding = try #require(examination[.websocket])
                    #expect(finding.verdict == .warning)
                    #expect(finding.text.contains("no way through the proxy for the websocket"), "\(finding.text)")
                    #expect(finding.text.contains("Without the proxy the server opens one"), "\(finding.text)")
                    #expect(examination[.ping]?.verdict == .ok)
                }
            }
        }
    }

    @Test("one that does not reach the server says so, and the place to look at is the URL")
    func unreachableServer() async throws {
        try await Host.play { host in
            let port = try await FakeProxy.run { $0.port }
            try await FakeProxy.run { proxy in
                let examination = await host.examine([
                    "CATTLE_URL": "https://rancher.invalid:\(port)/v3", "https_proxy": "127.0.0.1:\(proxy.port)",
                ])
                examination.expectCulprit(.tls, ["no way through the proxy", "502"])
                let advice = examination[.tls]?.advice ?? ""
                #expect(advice.contains("does not reach rancher.invalid:\(port)") && !advice.contains("no_proxy"))
            }
        }
    }

    @Test("whose name is not known, the variable is named as it is written", arguments: ["http_proxy", "HTTP_PROXY"])
    func unknownName(variable: String) async throws {
        try await Host.play { host in
            let examination = await host.examine([
                "CATTLE_URL": "http://127.0.0.2.example/v3", variable: "http://no-such-proxy.invalid:3128",
            ])
            examination.expectCulprit(.name, ["no-such-proxy.invalid of the proxy"])
            #expect(examination[.name]?.advice.contains("the variable \(variable)") == true, "\(examination.dossier)")
        }
    }

    @Test("a server that is known by its address has the certificate of that address, and not of the proxy's")
    func address() async throws {
        let authority = try TestAuthority()
        try await Host.play { host in
            for (name, isRight) in [("IP:10.1.2.3", true), ("IP:127.0.0.1", false)] {
                let identity = try authority.identity(for: [name], until: "20990101000000Z")
                try await RancherServer.withServer(
                    tls: .init(certificate: identity.certificate, privateKey: identity.privateKey)
                ) { server in
                    try await FakeProxy.run { proxy in
                        let settings = [
                            "https_proxy": "http://127.0.0.1:\(proxy.port)",
                            "CATTLE_CA_FILE": authority.certificateFile,
                        ]
                        let url = "https://10.1.2.3:\(server.port)/v3/scripts/\(server.token)"
                        guard isRight else {
                            let examination = await host.examine(settings, url: url)
                            return examination.expectCulprit(.tls, ["not for 10.1.2.3, but for 127.0.0.1"])
                        }
                        try await host.register(
                            at: url, ProxySettings(variables: settings), trusting: authority.certificateFile)
                        let examination = await host.examine(settings, url: url)
                        #expect(examination.verdict == .ok, "\(examination.dossier)")
                    }
                }
            }
        }
    }
}
