import LosslessJSON
import NIOHTTP1
import Testing

@testable import RancherSimulator

@Suite(.timeLimit(.minutes(1)))
struct RegistrationTests {
    @Test func `the script exports the four variables in double quotes`() async throws {
        try await RancherServer.withServer { server async throws in
            let answer = try await Client.anonymous(server).get(server.registrationURL)
            #expect(answer.status == 200)
            #expect(
                answer.text == """
                    #!/bin/sh
                    export CATTLE_REGISTRATION_ACCESS_KEY="registrationToken"
                    export CATTLE_REGISTRATION_SECRET_KEY="\(server.token)"
                    export CATTLE_URL="http://127.0.0.1:\(server.port)/v3"
                    export DETECTED_CATTLE_AGENT_IP="127.0.0.1"

                    """)
            #expect(server.token.contains(":"))
            #expect(server.token.contains("="))
        }
    }

    @Test func `the script is found under an escaped token, and not under another one`() async throws {
        try await RancherServer.withServer(token: "a:b=c") { server async throws in
            let client = Client.anonymous(server)
            #expect(try await client.get("/v3/scripts/a%3Ab%3Dc").status == 200)
            #expect(try await client.get("/v3/scripts/a:b=d").status == 404)
        }
    }

    @Test func `a refusal lasts for its count of requests`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.script = .init(status: 502, count: 2) }
            let client = Client.anonymous(server)
            #expect(try await client.get(server.registrationURL).status == 502)
            #expect(try await client.get(server.registrationURL).status == 502)
            #expect(try await client.get(server.registrationURL).status == 200)
            #expect(server.requests.map(\.status) == [502, 502, 200])
            #expect(server.faults == Faults())
        }
    }

    @Test func `a refusal without a count stays`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.schemas = .init(status: 500) }
            let client = Client.registering(server)
            for _ in 0..<3 { #expect(try await client.get("/v3").status == 500) }
            #expect(try await client.get("/v3/schemas").status == 500)
        }
    }

    @Test(arguments: ["/v1", "/v2-beta", "/v3", "/v3/"])
    func `an API root names the schemas in a header`(path: String) async throws {
        try await RancherServer.withServer { server async throws in
            let answer = try await Client.registering(server).get(path)
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "X-API-Schemas") == server.apiURL + "/schemas")
        }
    }

    @Test func `wrong credentials are refused with 401 and those of the wrong kind with 403`() async throws {
        try await RancherServer.withServer { server async throws in
            #expect(try await Client.anonymous(server).get("/v3").status == 401)
            #expect(try await Client(server: server, user: "registrationToken", password: "x").get("/v3").status == 401)
            #expect(try await Client(server: server, user: "A1", password: "x").get("/v3").status == 401)
            #expect(try await Client.agent(server).get("/v3/registers").status == 403)
            #expect(try await Client.registering(server).post("/v3/publish", [:]).status == 403)
            #expect(try await Client.anonymous(server).get("/nowhere").status == 404)
            #expect(try await Client.agent(server).get("/v3/publish").status == 405)
        }
    }

    @Test func `revoked keys are refused everywhere`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.agentKeysRevoked = true }
            #expect(try await Client.agent(server).get("/v3").status == 401)
            #expect(try await Client.agent(server).post("/v3/publish", ["name": "reply.1"]).status == 401)
            #expect(try await Client.registering(server).get("/v3").status == 200)
        }
    }

    @Test func `schemas depend on the credentials`() async throws {
        try await RancherServer.withServer { server async throws in
            func types(_ client: Client) async throws -> [String: JSON] {
                let answer = try await client.get("/v3/schemas")
                #expect(answer.json["type"] == "collection")
                let schemas = answer.json["data"].array ?? []
                return Dictionary(schemas.map { ($0["id"].text ?? "", $0) }, uniquingKeysWith: { first, _ in first })
            }
            let registration = try await types(.registering(server))
            #expect(registration["register"]?["links"]["collection"] == .string(server.apiURL + "/registers"))
            #expect(registration["register"]?["collectionMethods"] == ["GET", "POST"])
            #expect(registration["publish"] == nil)

            let agent = try await types(.agent(server))
            #expect(agent["register"] == nil)
            #expect(agent["publish"]?["links"]["collection"] == .string(server.apiURL + "/publish"))
            #expect(agent["containerEvent"]?["links"]["collection"] == .string(server.apiURL + "/containerevents"))
            #expect(agent["containerEvent"]?["pluralName"] == "containerEvents")
            #expect(agent["hostApiProxyToken"] != nil)
            #expect(agent["subscribe"] != nil)

            server.setFaults { $0.schemasWithoutCollectionLinks = true }
            let bare = try await types(.agent(server))
            #expect(bare["publish"]?["links"]["collection"].isNull == true)
            #expect(bare["publish"]?["links"]["self"] == .string(server.apiURL + "/schemas/publish"))
        }
    }

    @Test func `a registration is empty, then creating, then active with keys`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults {
                $0.registerEmptyPolls = 1
                $0.registerCreatingPolls = 2
            }
            let client = Client.registering(server)
            func item() async throws -> JSON { try await client.get("/v3/registers?key=host%2D1").json["data"] }

            #expect(try await item() == [])
            let created = try await client.post("/v3/registers", ["key": "host-1", "orchestration": "cattle"])
            #expect(created.status == 201)
            #expect(created.json["id"] == "host-1")
            #expect(created.json["state"] == "creating")
            #expect(created.json["accessKey"].isNull)

            #expect(try await item() == [])
            for _ in 0..<2 {
                let creating = try await item()[0]
                #expect(creating["state"] == "creating")
                #expect(creating["secretKey"].isNull)
            }
            let active = try await item()[0]
            #expect(active["state"] == "active")
            #expect(active["orchestration"] == "cattle")
            let keys = RancherServer.credentials(registrationKey: "host-1")
            #expect(active["accessKey"].text == keys.accessKey)
            #expect(active["secretKey"].text == keys.secretKey)
            #expect(server.registrationKeys == ["host-1"])
        }
    }

    @Test func `the same key always gets the same account, another key another one`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.registerCreatingPolls = 0 }
            let client = Client.registering(server)
            var accessKeys: [String?] = []
            for key in ["a", "a", "b"] {
                #expect(try await client.post("/v3/registers", ["key": .string(key)]).status == 201)
                accessKeys.append(try await client.get("/v3/registers?key=\(key)").json["data"][0]["accessKey"].text)
            }
            #expect(accessKeys[0] != nil)
            #expect(accessKeys[0] == accessKeys[1])
            #expect(accessKeys[0] != accessKeys[2])
            #expect(try await client.post("/v3/registers", [:]).status == 422)
        }
    }

    @Test func `a registration may never become active, or be refused`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.registerNeverDelivers = true }
            let client = Client.registering(server)
            _ = try await client.post("/v3/registers", ["key": "k"])
            for _ in 0..<5 {
                #expect(try await client.get("/v3/registers?key=k").json["data"][0]["state"] == "creating")
            }
            server.faults = Faults()
            #expect(try await client.get("/v3/registers?key=k").json["data"][0]["state"] == "active")
            server.setFaults { $0.register = .init(status: 503, count: 1) }
            #expect(try await client.get("/v3/registers?key=k").status == 503)
        }
    }

    @Test func `the certificate comes clean, twice, as a page, empty or not at all`() async throws {
        try await RancherServer.withServer { server async throws in
            let client = Client.anonymous(server)
            func text(_ way: Faults.APICertificate) async throws -> String {
                server.setFaults { $0.apiCertificate = way }
                return try await client.get("/v3/scripts/api.crt").text
            }
            let single = try await text(.single)
            #expect(single.hasPrefix("-----BEGIN PUBLIC KEY-----\n"))
            #expect(single.hasSuffix("-----END PUBLIC KEY-----\n"))
            #expect(try await text(.twice) == single + single)
            #expect(try await text(.htmlPage).hasPrefix("<!DOCTYPE html>"))
            #expect(try await text(.empty) == "")
            server.setFaults { $0.apiCertificateRefusal = .init(status: 404) }
            #expect(try await client.get("/v3/scripts/api.crt").status == 404)
        }
    }

    @Test func `the second copy of the certificate may come behind the declared length`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.apiCertificate = .trailingCopy }
            let bytes = try await RawConnection.with(server) { connection in
                try await connection.send(Array("GET /v3/scripts/api.crt HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
                return await connection.readToEnd()
            }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains("Content-Length: \(Identity.apiCertificate.utf8.count)\r\n"))
            #expect(text.hasSuffix("\r\n\r\n" + Identity.apiCertificate + Identity.apiCertificate))
        }
    }
}
