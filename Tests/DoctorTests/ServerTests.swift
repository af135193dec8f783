import Doctor
import FakeProxy
import Foundation
import RancherAPI
import RancherSimulator
import TestAuthority
import Testing

/// Each trouble is there for real, on this host's own addresses.
@Suite("On the way to the server")
struct ServerTests {
    private static let behindTheWay: [Step] = [
        .registration, .api, .clock, .credentials, .schemas, .websocket, .ping,
    ]

    @Test(
        "a host without any trouble is well, in both dialects, and nothing was changed",
        arguments: RancherServer.Dialect.allCases)
    func healthy(dialect: RancherServer.Dialect) async throws {
        try await Host.play { host in
            try await RancherServer.withServer(dialect: dialect) { server in
                try await host.register(at: server.registrationURL)
                let files = try FileManager.default.subpathsOfDirectory(atPath: host.directory).sorted()
                let before = server.requests.count
                let examination = await host.examine(url: server.registrationURL)
                #expect(examination.steps(.ok) == Step.allCases, "\(examination.dossier)")
                #expect(examination.verdict == .ok)
                #expect(Set(server.requests.dropFirst(before).map(\.method)) == ["GET"])
                #expect(try FileManager.default.subpathsOfDirectory(atPath: host.directory).sorted() == files)
            }
        }
    }

    @Test("a host that was never registered is told so, and is not registered by it")
    func unregistered() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let first = await host.examine(url: server.registrationURL)
                #expect(first.steps(.warning) == [.registration], "\(first.dossier)")
                #expect(first.steps(.skipped) == [.credentials, .schemas, .websocket, .ping])
                #expect(first.steps(.failure) == [])
                // With a token that the server has never heard of.
                try "t0ken".write(toFile: host.state + "/.registration_token", atomically: true, encoding: .utf8)
                let second = await host.examine(url: server.registrationURL)
                #expect(second[.registration]?.text.contains("no keys for this host") == true)
                #expect(Set(server.requests.map(\.method)) == ["GET"])
            }
        }
    }

    @Test("no server at all is named, and the rest of the host is looked at all the same")
    func noServer() async throws {
        try await Host.play { host in
            let examination = await host.examine()
            examination.expectCulprit(.settings, ["CATTLE_URL"])
            // On a busy host the engine may well be slow.
            #expect(examination[.docker]?.text.contains("answers") == true)
            #expect(examination[.database]?.verdict == .ok)
            #expect(Set(examination.reports.map(\.step)) == Set(Step.allCases))
        }
    }

    @Test("a wrong host name is named")
    func wrongName() async throws {
        try await Host.play { host in
            let examination = await host.examine(["CATTLE_URL": "http://rancher-server.invalid:8080/v3"])
            examination.expectCulprit(.name, ["rancher-server.invalid"])
            #expect(examination.steps(.skipped) == [.connection, .tls] + Self.behindTheWay)
        }
    }

    @Test("a closed port is named")
    func closedPort() async throws {
        try await Host.play { host in
            let port = try await FakeProxy.run { $0.port }
            let examination = await host.examine(["CATTLE_URL": "http://127.0.0.1:\(port)/v3"])
            examination.expectCulprit(.connection, ["Nobody listens on port \(port)", "127.0.0.1"])
            #expect(examination.steps(.skipped) == [.tls] + Self.behindTheWay)
        }
    }

    @Test("a server that never answers is named, without TLS and with it")
    func silent() async throws {
        var manners = FakeProxy.Manners()
        manners.isSilent = true
        try await FakeProxy.run(manners) { server in
            try await Host.play { host in
                let place = "127.0.0.1:\(server.port)"
                let plain = await host.examine(url: "http://\(place)/v3/scripts/abcdefghij") {
                    $0.request = .seconds(1)
                }
                plain.expectCulprit(.registration, ["does not answer", place])
                let keyed = await host.examine(["CATTLE_URL": "http://\(place)/v3"]) { $0.request = .seconds(1) }
                keyed.expectCulprit(.api, ["does not answer"])
                let encrypted = await host.examine(["CATTLE_URL": "https://\(place)/v3"]) { $0.tls = .seconds(1) }
                encrypted.expectCulprit(.tls, ["says nothing of TLS within 1000 ms"])
                // Where the time for all of the way is over, each step has a second.
                let late = await host.examine(["CATTLE_URL": "https://\(place)/v3"]) { $0.server = .zero }
                late.expectCulprit(.tls, ["says nothing of TLS within 1000 ms"])
            }
        }
    }

    // MARK: Certificates

    /// Examines a server that has this certificate.
    private func examine(
        _ identity: TestAuthority.Identity, trusting authority: TestAuthority?, as name: String = "127.0.0.1",
        _ check: (Examination) -> Void
    ) async throws {
        try await Host.play { host in
            try await RancherServer.withServer(
                tls: .init(certificate: identity.certificate, privateKey: identity.privateKey)
            ) { server in
                check(
                    await host.examine([
                        "CATTLE_URL": "https://\(name):\(server.port)/v3",
                        "CATTLE_CA_FILE": authority?.certificateFile ?? "",
                    ]))
            }
        }
    }

    @Test("a certificate of a known authority is trusted, until which day is said")
    func trusted() async throws {
        let authority = try TestAuthority()
        try await examine(
            try authority.identity(for: ["IP:127.0.0.1"], until: "20990101000000Z"), trusting: authority
        ) { examination in
            #expect(examination[.tls]?.verdict == .ok, "\(examination.dossier)")
            #expect(examination[.tls]?.text.contains("2099-01-01") == true)
            #expect(examination[.tls]?.text.contains("CN=Test Authority") == true)
            // The default key is none that the simulated server knows.
            examination.expectCulprit(.credentials, ["401"])
        }
    }

    @Test("a self-signed certificate is named")
    func selfSigned() async throws {
        let authority = try TestAuthority()
        try await examine(
            try authority.identity(for: ["IP:127.0.0.1"], isSelfSigned: true), trusting: nil
        ) { examination in
            examination.expectCulprit(.tls, ["CN=server of 127.0.0.1", "self-signed"])
            #expect(examination[.tls]?.text.contains("expired") == false)
            #expect(examination.steps(.skipped) == Self.behindTheWay)
        }
    }

    @Test("a certificate of an unknown authority is named, with who has signed it")
    func unknownIssuer() async throws {
        let authority = try TestAuthority(name: "House of Cards")
        let other = try TestAuthority()
        try await examine(try authority.identity(for: ["IP:127.0.0.1"]), trusting: other) { examination in
            examination.expectCulprit(.tls, ["issuer", "CN=House of Cards"])
            #expect(examination[.tls]?.advice.contains(other.certificateFile) == true)
        }
    }

    @Test("an expired certificate is named, with both dates and the clock of this host")
    func expired() async throws {
        let authority = try TestAuthority()
        try await examine(
            try authority.identity(for: ["IP:127.0.0.1"], from: "20200101000000Z", until: "20200201000000Z"),
            trusting: authority
        ) { examination in
            examination.expectCulprit(
                .tls, ["has expired", "2020-01-01T00:00:00", "2020-02-01T00:00:00", "clock says 20"])
            #expect(examination[.tls]?.text.contains("self-signed") == false)
        }
    }

    @Test("a certificate that is not valid yet is named, with both dates")
    func notYetValid() async throws {
        let authority = try TestAuthority()
        try await examine(
            try authority.identity(for: ["IP:127.0.0.1"], from: "20980101000000Z", until: "20990101000000Z"),
            trusting: authority
        ) { examination in
            examination.expectCulprit(.tls, ["not valid yet", "2098-01-01", "2099-01-01"])
        }
    }

    @Test("a clock that is wrong is named, by the time that the server tells though its certificate counts as expired")
    func clockOfUntrustedServer() async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(
            for: ["IP:127.0.0.1"], from: "20200101000000Z", until: "20200201000000Z")
        try await Host.play { host in
            try await RancherServer.withServer { server in
                var manners = FakeProxy.Manners()
                manners.server = server.port
                manners.identity = (identity.certificate, identity.privateKey)
                manners.date = "Wed, 15 Jan 2020 12:00:00 GMT"
                try await FakeProxy.run(manners) { gateway in
                    let examination = await host.examine([
                        "CATTLE_URL": "https://127.0.0.1:\(gateway.port)/v3",
                        "CATTLE_CA_FILE": authority.certificateFile,
                    ])
                    examination.expectCulprit(.tls, ["has expired", "ahead of that of the server"])
                    #expect(examination[.tls]?.advice.contains("Set the clock of this host") == true)
                    // The key is for servers that are trusted.
                    #expect(gateway.requests.allSatisfy { $0.header("Authorization") == nil })
                    #expect(gateway.requests.map(\.line) == ["HEAD / HTTP/1.1"])
                }
            }
        }
    }

    @Test("a clock that is apart from the server's is named")
    func clock() async throws {
        try await examineThroughGateway {
            $0.date = "Wed, 15 Jan 2020 12:00:00 GMT"
        } _: { examination in
            examination.expectCulprit(.clock, ["ahead of that of the server"])
            #expect(examination[.ping]?.verdict == .ok)
        }
    }

    @Test("a certificate for another name is named, with the names that it is for")
    func wrongCertificateName() async throws {
        let authority = try TestAuthority()
        try await examine(
            try authority.identity(for: ["rancher.example", "*.rancher.example", "IP:10.1.2.3"]), trusting: authority,
            as: "localhost"
        ) { examination in
            examination.expectCulprit(
                .tls, ["not for localhost", "rancher.example, *.rancher.example, 10.1.2.3"])
        }
    }

    @Test("a certificate without alternative names is for its common name, as it is to the agent")
    func commonName() async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(for: [], commonName: "localhost", until: "20990101000000Z")
        try await examine(identity, trusting: authority, as: "localhost") { examination in
            #expect(examination[.tls]?.verdict == .ok, "\(examination.dossier)")
        }
        try await examine(identity, trusting: nil, as: "localhost") { examination in
            examination.expectCulprit(.tls, ["CN=Test Authority"])
            #expect(examination[.tls]?.text.contains("not for") == false, "\(examination.dossier)")
        }
        try await examine(identity, trusting: authority) { examination in
            examination.expectCulprit(.tls, ["not for 127.0.0.1, but for localhost"])
        }
    }

    @Test("the addresses in a certificate are read")
    func certificateAddresses() async throws {
        let authority = try TestAuthority()
        try await examine(
            try authority.identity(for: ["other.example", "IP:::1", "IP:10.1.2.3"]), trusting: authority
        ) { examination in
            examination.expectCulprit(.tls, ["not for 127.0.0.1, but for other.example, ::1, 10.1.2.3"])
        }
    }

    @Test("a server that speaks no TLS is named")
    func noTLS() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let examination = await host.examine(["CATTLE_URL": "https://127.0.0.1:\(server.port)/v3"])
                examination.expectCulprit(.tls, ["speaks no TLS"])
            }
        }
    }

    @Test("a file of authorities that is none is named")
    func badAuthorities() async throws {
        try await Host.play { host in
            let examination = await host.examine([
                "CATTLE_URL": "https://127.0.0.1:1/v3", "CATTLE_CA_FILE": host.directory + "/none.pem",
            ])
            examination.expectCulprit(.settings, ["none.pem"])
        }
    }

    // MARK: Keys

    @Test("wrong credentials are named, those that are not known apart from those that may not")
    func credentials() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let unknown = await host.examine([
                    "CATTLE_URL": server.apiURL, "CATTLE_ACCESS_KEY": "AK", "CATTLE_SECRET_KEY": "wrong-secret",
                ])
                unknown.expectCulprit(.credentials, ["does not know", "401"])
                #expect(unknown.steps(.skipped) == [.schemas, .websocket, .ping])

                try await host.register(at: server.registrationURL)
                server.setFaults { $0.agentKeysRevoked = true }
                let revoked = await host.examine(url: server.registrationURL)
                revoked.expectCulprit(.credentials, ["does not know", "401"])
            }
        }
    }

    @Test("a key that the server knows and does not let in is named")
    func forbidden() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                server.setFaults { $0.schemas = .init(status: 403) }
                let examination = await host.examine([
                    "CATTLE_URL": server.apiURL, "CATTLE_ACCESS_KEY": "registrationToken",
                    "CATTLE_SECRET_KEY": server.token,
                ])
                examination.expectCulprit(.credentials, ["knows", "403"])
            }
        }
    }

    @Test("a registration URL with a wrong token is named")
    func wrongToken() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let examination = await host.examine(url: "\(server.apiURL)/scripts/nonsense-nonsense")
                examination.expectCulprit(.registration, ["token is not valid"])
            }
        }
    }

    @Test("the key of something else than an agent is named")
    func foreignKey() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let examination = await host.examine([
                    "CATTLE_URL": server.apiURL, "CATTLE_ACCESS_KEY": "registrationToken",
                    "CATTLE_SECRET_KEY": server.token,
                ])
                examination.expectCulprit(.schemas, ["does not offer this key", "subscribe", "publish"])
            }
        }
    }

    @Test("something in front of the server that does not reach it is named")
    func unreachableBehind() async throws {
        try await Host.play { host in
            try await RancherServer.withServer(dialect: .rancher20) { server in
                server.setFaults { $0.script = .init(status: 502) }
                let examination = await host.examine(url: server.registrationURL)
                examination.expectCulprit(.registration, ["in front of the server", "502"])
            }
        }
    }

    // MARK: Websockets

    private func examineThroughGateway(
        _ change: (inout FakeProxy.Manners) -> Void, _ check: (Examination) -> Void
    ) async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                var manners = FakeProxy.Manners()
                manners.server = server.port
                change(&manners)
                try await FakeProxy.run(manners) { gateway in
                    let url = "http://127.0.0.1:\(gateway.port)/v3/scripts/\(server.token)"
                    try await host.register(at: url)
                    check(await host.examine(url: url))
                }
            }
        }
    }

    @Test("a proxy that passes everything on is no trouble")
    func goodGateway() async throws {
        try await examineThroughGateway { _ in
        } _: { examination in
            #expect(examination.verdict == .ok, "\(examination.dossier)")
        }
    }

    @Test("a proxy that strips the websocket upgrade from the request is named")
    func strippedRequest() async throws {
        try await examineThroughGateway {
            $0.stripsUpgrade = true
        } _: { examination in
            examination.expectCulprit(
                .websocket, ["A proxy in front of the server swallows the websocket upgrade", "426"])
            #expect(examination[.websocket]?.advice.contains("Upgrade") == true)
            #expect(examination.steps(.skipped) == [.ping])
        }
    }

    @Test("a proxy that strips the websocket upgrade from the answer is named")
    func strippedAnswer() async throws {
        try await examineThroughGateway {
            $0.stripsAnswer = true
        } _: { examination in
            examination.expectCulprit(
                .websocket, ["A proxy in front of the server strips the websocket upgrade", "Upgrade and Connection"])
        }
    }

    // MARK: Proxies

    @Test("through a proxy all is well, with the name that only it knows", arguments: ["http", "https"])
    func throughProxy(scheme: String) async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(for: ["rancher.invalid"])
        let tls = RancherServer.TLS(certificate: identity.certificate, privateKey: identity.privateKey)
        try await Host.play { host in
            try await RancherServer.withServer(tls: scheme == "https" ? tls : nil) { server in
                var manners = FakeProxy.Manners()
                manners.authorization = "Basic bWU6dmVyeS1zZWNyZXQ="
                try await FakeProxy.run(manners) { proxy in
                    let settings = [
                        "\(scheme)_proxy": "http://me:very-secret@127.0.0.1:\(proxy.port)",
                        "CATTLE_CA_FILE": authority.certificateFile,
                    ]
                    let url = "\(scheme)://rancher.invalid:\(server.port)/v3/scripts/\(server.token)"
                    try await host.register(
                        at: url, ProxySettings(variables: settings), trusting: authority.certificateFile)
                    let examination = await host.examine(settings, url: url)
                    #expect(examination.verdict == .ok, "\(examination.dossier)")
                    #expect(examination[.proxy]?.text.contains("through the proxy http://127.0.0.1") == true)
                    #expect(!examination.dossier.contains("very-secret"))
                    #expect(proxy.requests.contains { $0.line.hasPrefix("CONNECT rancher.invalid:\(server.port) ") })
                }
            }
        }
    }

    @Test("a proxy that does not know us is named, and so is one that opens no connections")
    func refusingProxy() async throws {
        try await Host.play { host in
            var manners = FakeProxy.Manners()
            manners.authorization = "Basic of-somebody-else"
            try await FakeProxy.run(manners) { proxy in
                let settings = ["http_proxy": "127.0.0.1:\(proxy.port)", "https_proxy": "127.0.0.1:\(proxy.port)"]
                let encrypted = await host.examine(
                    settings.merging(["CATTLE_URL": "https://rancher.invalid/v3"]) { $1 })
                encrypted.expectCulprit(.tls, ["no way through the proxy", "407"])
                #expect(encrypted[.tls]?.advice.contains("user and password into https_proxy") == true)
                let plain = await host.examine(settings.merging(["CATTLE_URL": "http://rancher.invalid/v3"]) { $1 })
                plain.expectCulprit(.api, ["proxy wants to know who", "407"])
            }
            try await RancherServer.withServer { server in
                try await host.register(at: server.registrationURL)
                var manners = FakeProxy.Manners()
                manners.tunnelRefusal = "403 Forbidden"
                try await FakeProxy.run(manners) { proxy in
                    let url = "http://rancher.invalid:\(server.port)/v3/scripts/\(server.token)"
                    let examination = await host.examine(["http_proxy": "127.0.0.1:\(proxy.port)"], url: url)
                    examination.expectCulprit(.websocket, ["through the proxy for the websocket", "403 Forbidden"])
                }
            }
        }
    }

    @Test("a proxy that is not there is named, and not the server")
    func absentProxy() async throws {
        try await Host.play { host in
            let port = try await FakeProxy.run { $0.port }
            let examination = await host.examine([
                "CATTLE_URL": "http://rancher.invalid/v3", "http_proxy": "http://127.0.0.1:\(port)",
            ])
            examination.expectCulprit(.connection, ["port \(port) of the proxy"])
            #expect(examination[.connection]?.advice.contains("the port in the variable http_proxy") == true)
        }
    }
}
