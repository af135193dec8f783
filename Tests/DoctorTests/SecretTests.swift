import Agent
import FakeProxy
import Foundation
import RancherAPI
import RancherSimulator
import Testing
import URLCoding

@testable import Doctor

/// Whoever answers may quote what was asked.
@Suite("In reports a secret")
struct SecretTests {
    private func gateway(_ server: RancherServer, quoting part: String) -> FakeProxy.Manners {
        var manners = FakeProxy.Manners()
        manners.server = server.port
        manners.page = .init("500 Internal Server Error", to: part)
        return manners
    }

    @Test(
        "of this host or of the URL does not stand, although the server quotes it", arguments: ["scripts", "registers"])
    func quoted(part: String) async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                try await host.register(at: server.registrationURL)
                let token = try String(contentsOfFile: host.state + "/.registration_token", encoding: .utf8)
                try await FakeProxy.run(gateway(server, quoting: "/\(part)")) { proxy in
                    let examination = await host.examine(
                        url: "http://127.0.0.1:\(proxy.port)/v3/scripts/\(server.token)")
                    examination.expectCulprit(.registration, ["You asked: GET /v3/\(part)", "…"])
                    #expect(!examination.dossier.contains(token) && !examination.dossier.contains(server.token))
                    #expect(!examination.dossier.contains(PercentCoding.encoded(server.token)))
                }
            }
        }
    }

    @Test("in the URL of the API, which takes none, does not stand, also where that is no URL")
    func misplaced() async throws {
        try await Host.play { host in
            for place in ["127.0.0.1:1", "127.0.0.1:port"] {
                for name in ["CATTLE_URL", "CATTLE_REGISTRATION_URL"] {
                    let examination = await host.examine([name: "http://\(place)/v1/scripts/hunter2-token"])
                    #expect(examination[.settings]?.text.contains("127.0.0.1") == true, "\(examination.dossier)")
                    #expect(!examination.dossier.contains("hunter2"), "\(examination.dossier)")
                }
            }
        }
    }

    @Test("does not stand in any of its forms, nor its beginning where a text was cut off")
    func forms() {
        var secrets = Secrets(of: AgentConfiguration(environment: [:], registrationURL: nil))
        let key = APIKey(accessKey: "AK", secretKey: "very:secret=key of somebody")
        secrets.add(key)
        secrets.add("short")
        func shown(_ text: String) -> String { secrets.removed(from: .failure(text, text)).text }
        #expect(shown("a \(key.secretKey) b \(key.secretKey)") == "a … b …")
        #expect(shown("key=\(PercentCoding.encoded(key.secretKey))&x") == "key=…&x")
        #expect(shown(key.authorization) == "Basic …")
        #expect(shown("Body: [very:secret=key o") == "Body: […")
        #expect(shown("a very short story") == "a very short story")
    }
}
