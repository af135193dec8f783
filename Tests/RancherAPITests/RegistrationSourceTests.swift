import LosslessJSON
import NIOHTTP1
import Synchronization
import Testing

@testable import RancherAPI

@Suite("Where the registration script is")
struct RegistrationSourceTests {
    private static let key = APIKey(accessKey: "", secretKey: "")

    /// The script's URL as found by a source that was pointed at the path.
    private func scriptPath(
        from path: String, _ respond: @escaping @Sendable (StubRequest) -> StubResponse?
    ) async throws -> String {
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                var source = RegistrationSource(url: try server.url(path), key: Self.key)
                source.deadline = .seconds(5)
                source.polls = 3
                return try await source.scriptURL(httpClient: http).path
            }
        }
    }

    private static func schemas(_ request: StubRequest, _ types: String...) -> StubResponse {
        let root = "http://\(request.headers.first(name: "host") ?? "")/v1"
        let all = types.map { type -> JSON in
            ["id": .string(type), "links": ["collection": .string("\(root)/\(type)s")]]
        }
        return StubResponse(
            headers: [("X-API-Schemas", "\(root)/schemas")],
            body: JSON.object(JSONObject([.init(key: "data", value: .array(all))])).encodedText)
    }

    @Test("is the URL itself if a script is there")
    func script() async throws {
        let path = try await scriptPath(from: "/v1/scripts/T") { _ in StubResponse(body: "#!/bin/sh\nexport A=\"b\"\n")
        }
        #expect(path == "/v1/scripts/T")
    }

    @Test("is asked of the server where the URL is that of its API, and a token is made if there is none")
    func made() async throws {
        let isMade = Mutex(false)
        let path = try await scriptPath(from: "/v1") { request in
            switch (request.method, request.path) {
            case (.POST, "/v1/registrationTokens"):
                isMade.withLock { $0 = true }
                return StubResponse(status: .created, body: "{}")
            case (.GET, "/v1/registrationTokens"):
                #expect(request.uri.contains("state=active"))
                return StubResponse(
                    body: isMade.withLock { $0 }
                        ? #"{"data":[{"registrationUrl":null},{"registrationUrl":"http://h/v1/scripts/N"}]}"#
                        : #"{"data":[]}"#)
            case (_, let path) where path.contains("schemas") || path == "/v1" || path == "/v2-beta":
                return Self.schemas(request, "registrationToken")
            default: return StubResponse(status: .notFound)
            }
        }
        #expect(path == "/v1/scripts/N")
    }

    @Test("is that of the one cluster of a server of the 2.0 line; of several none is chosen")
    func cluster() async throws {
        let one = #"{"registrationToken":{"registrationUrl":"http://h/v3/scripts/C"}}"#
        for (clusters, expected) in [(one, "/v3/scripts/C"), ("\(one),\(one)", nil)] {
            let respond: @Sendable (StubRequest) -> StubResponse? = { request in
                request.path.hasSuffix("/clusters")
                    ? StubResponse(body: #"{"data":[\#(clusters)]}"#) : Self.schemas(request, "cluster")
            }
            if let expected {
                #expect(try await scriptPath(from: "/v3", respond) == expected)
            } else {
                await #expect(throws: RancherError.self) { try await scriptPath(from: "/v3", respond) }
            }
        }
    }

    @Test("is not taken from an error, nor from somebody else's page (defect 3)")
    func rubbish() async throws {
        let refused = await #expect(throws: RancherError.self) {
            try await scriptPath(from: "/v1/scripts/SECRET") { _ in StubResponse(status: .notFound, body: "#!/bin/sh") }
        }
        #expect(refused?.code == .refused(status: 404))
        #expect(refused?.description.contains("SECRET") == false)
        let page = await #expect(throws: RancherError.self) {
            try await scriptPath(from: "/v1/scripts/SECRET") { _ in StubResponse(body: "<html>") }
        }
        #expect(page?.code == .badAnswer)
        #expect(page?.description.contains("SECRET") == false)
        // Servers of old answer so to a token that they do not know.
        for path in ["/v1/scripts/SE%3ACRET", "/v3/scripts/SE%3ACRET", "/r/scripts/SE%3ACRET"] {
            let wanted = await #expect(throws: RancherError.self) {
                try await scriptPath(from: path) { request in
                    StubResponse(
                        status: .unauthorized,
                        body: #"{"message":"no \#(request.path), and no SE:CRET","code":"Unauthorized"}"#)
                }
            }
            #expect(wanted?.code == .refused(status: 401))
            #expect(wanted?.description.contains("Unauthorized") == true)
            #expect(wanted?.description.contains("CRET") == false, "\(wanted?.description ?? "")")
            let schemas = await #expect(throws: RancherError.self) {
                try await scriptPath(from: path) { request in
                    StubResponse(
                        headers: [("X-API-Schemas", "http://\(request.headers.first(name: "host") ?? "")\(path)")],
                        body: "rubbish")
                }
            }
            #expect(schemas?.description.contains("CRET") == false, "\(schemas?.description ?? "")")
        }
    }

    @Test("is in no error, also where its URL is none", arguments: ["htp://h/v1/scripts/SECRET", "http://h:x/SECRET"])
    func badURL(text: String) {
        let error = #expect(throws: RancherError.self) { try APIURL(text) }
        #expect(error?.description.contains("SECRET") == false)
        #expect(error?.description.contains("://h") == true)
    }
}

@Suite("A server's own certificate")
struct ServerAuthorityTests {
    private static let fingerprint = "F9:BA:9B:1D:DA:62:35:CF:E5:53:C8:F0:4C:4D:28:A3:40:30:F3:EF"

    @Test(
        "has a fingerprint like that of everybody else",
        arguments: [
            (0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"), (55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
            (56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"), (63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
            (64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"), (1000, "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
        ])
    func digest(count: Int, expected: String) {
        let digest = SHA1.digest(of: [UInt8](repeating: UInt8(ascii: "a"), count: count))
        #expect(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
    }

    @Test("is taken with the right fingerprint, however that is written")
    func right() throws {
        try ServerAuthority.check(TestKeys.certificate, against: Self.fingerprint)
        try ServerAuthority.check(TestKeys.certificate, against: Self.fingerprint.lowercased())
        try ServerAuthority.check(TestKeys.certificate, against: Self.fingerprint.filter { $0 != ":" })
    }

    @Test("is not taken with another fingerprint, nor with anything else beside it, nor if it is none")
    func wrong() {
        for (text, fingerprint) in [
            (TestKeys.certificate, "00" + Self.fingerprint.dropFirst(2)), (TestKeys.certificate, ""),
            (TestKeys.certificate + TestKeys.certificate, Self.fingerprint), ("", Self.fingerprint),
            ("<html>", Self.fingerprint),
        ] {
            let error = #expect(throws: RancherError.self) { try ServerAuthority.check(text, against: fingerprint) }
            #expect(error?.code == .badAnswer)
        }
    }

    @Test("is fetched from a server that nobody vouches for yet, and then its fingerprint decides")
    func fetched() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            request.path == "/v1/scripts/ca.crt"
                ? StubResponse(body: TestKeys.certificate) : StubResponse(status: .notFound)
        }
        try await StubServer.run(withTLS: true, respond: respond) { server in
            let url = try server.url("/v3/scripts/T")
            let text = try await ServerAuthority(server: url, fingerprint: Self.fingerprint).fetch()
            #expect(text == TestKeys.certificate)
            await #expect(throws: RancherError.self) {
                try await ServerAuthority(server: url, fingerprint: "AA:BB").fetch()
            }
        }
    }
}
