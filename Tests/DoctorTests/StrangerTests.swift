import Doctor
import FakeProxy
import RancherSimulator
import TestAuthority
import Testing

/// Any program may answer, and any of them may refuse: nothing of that is about a key or a token.
@Suite("In the place of the server")
struct StrangerTests {
    private func page(_ status: String) -> FakeProxy.Manners {
        var manners = FakeProxy.Manners()
        manners.page = .init(status)
        return manners
    }

    @Test(
        "another program is named, and not the token or the key",
        arguments: ["401 Unauthorized", "403 Forbidden", "404 Not Found"])
    func refusing(status: String) async throws {
        try await Host.play { host in
            try await FakeProxy.run(page(status)) { stranger in
                let url = "http://127.0.0.1:\(stranger.port)/v1"
                let registering = await host.examine(url: "\(url)/scripts/abcdefghij")
                registering.expectCulprit(.api, ["no Rancher API", "status \(status.prefix(3))"])
                #expect(registering[.registration]?.verdict == .skipped)
                let keyed = await host.examine(["CATTLE_URL": url])
                keyed.expectCulprit(.api, ["no Rancher API", "status \(status.prefix(3))"])
                for examination in [registering, keyed] {
                    #expect(examination[.api]?.advice.contains("another program") == true)
                    #expect(examination[.api]?.advice.contains("the proxy http") == false)
                    #expect(!examination.dossier.contains("token is not valid"))
                }
            }
        }
    }

    @Test("a page that has nothing to do with Rancher is named")
    func page() async throws {
        try await Host.play { host in
            try await FakeProxy.run(page("200 OK")) { stranger in
                let url = "http://127.0.0.1:\(stranger.port)/v1"
                let registering = await host.examine(url: "\(url)/scripts/abcdefghij")
                registering.expectCulprit(.registration, ["none of a Rancher server"])
                let keyed = await host.examine(["CATTLE_URL": url])
                keyed.expectCulprit(.api, ["no Rancher API", "status 200"])
            }
        }
    }

    @Test("a proxy that refuses what it is to hand on is named, and not the token or the key")
    func refusingProxy() async throws {
        try await Host.play { host in
            try await FakeProxy.run(page("403 Forbidden")) { proxy in
                let settings = ["http_proxy": "http://127.0.0.1:\(proxy.port)"]
                let url = "http://rancher.invalid:8080/v1"
                let registering = await host.examine(settings, url: "\(url)/scripts/abcdefghij")
                let keyed = await host.examine(settings.merging(["CATTLE_URL": url]) { $1 })
                for examination in [registering, keyed] {
                    examination.expectCulprit(.api, ["status 403"])
                    let advice = "or the proxy http://127.0.0.1:\(proxy.port) refuses it"
                    #expect(examination[.api]?.advice.contains(advice) == true, "\(examination.dossier)")
                    #expect(!examination.dossier.contains("token is not valid"))
                }
            }
        }
    }

    @Test("another program behind a tunnel is named, and not the proxy, which cannot speak there")
    func behindTunnel() async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(for: ["rancher.invalid"], until: "20990101000000Z")
        var manners = page("403 Forbidden")
        manners.identity = (identity.certificate, identity.privateKey)
        try await Host.play { host in
            try await FakeProxy.run(manners) { stranger in
                try await FakeProxy.run { proxy in
                    let examination = await host.examine([
                        "CATTLE_URL": "https://rancher.invalid:\(stranger.port)/v1",
                        "CATTLE_CA_FILE": authority.certificateFile, "https_proxy": "127.0.0.1:\(proxy.port)",
                    ])
                    examination.expectCulprit(.api, ["no Rancher API", "status 403"])
                    #expect(examination[.api]?.advice.contains("the proxy http") == false, "\(examination.dossier)")
                }
            }
        }
    }

    @Test("a server that refuses the token is believed, also where it shows nothing without a key")
    func refusingServer() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                server.setFaults { $0.schemas = .init(status: 401) }
                let examination = await host.examine(url: "\(server.apiURL)/scripts/nonsense-nonsense")
                examination.expectCulprit(.registration, ["token is not valid"])
                #expect(examination[.api]?.text.contains("wants a key (status 401)") == true)
            }
        }
    }

    @Test("a server that is slow for each of many requests is given up when the time for all of the way is over")
    func slow() async throws {
        var manners = page("302 Found")
        manners.page?.header = "Location: /again"
        manners.delay = .milliseconds(900)
        try await FakeProxy.run(manners) { server in
            try await Host.play { host in
                let examination = await host.examine(url: "http://127.0.0.1:\(server.port)/v1/scripts/abcdefghij") {
                    $0.request = .seconds(3)
                    $0.server = .milliseconds(1500)
                }
                examination.expectCulprit(.registration, ["does not answer"])
                #expect(server.requests.count < 5)
            }
        }
    }
}
