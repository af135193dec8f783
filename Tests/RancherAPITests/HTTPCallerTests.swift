import FakeProxy
import NIOHTTP1
import RancherAPI
import Testing

@Suite("A call to the server")
struct HTTPCallerTests {
    @Test("ends at its end, however many requests it takes, each of which is in time")
    func end() async throws {
        var manners = FakeProxy.Manners()
        manners.page = .init("302 Found", header: "Location: /again")
        manners.delay = .milliseconds(450)
        try await FakeProxy.run(manners) { server in
            try await withHTTPClient { http in
                let url = try APIURL("http://127.0.0.1:\(server.port)/v3")
                let caller = HTTPCaller(http: http, deadline: .milliseconds(900), end: .now + .seconds(1))
                let error = await #expect(throws: RancherError.self) {
                    try await within { try await caller.call(.GET, url, limit: 1000) }
                }
                #expect(error?.code == .timedOut)
                // Without an end the redirects are what it fails for.
                let patient = HTTPCaller(http: http, deadline: .seconds(20))
                let other = await #expect(throws: RancherError.self) {
                    try await within { try await patient.call(.GET, url, limit: 1000) }
                }
                #expect(other?.code == .badAnswer)
            }
        }
    }

    @Test(
        "tells a Rancher server from other programs, whatever it answers",
        arguments: [
            ("X-API-Schemas", "http://h/v3/schemas", "", true), ("Server", "nginx", #"{"type":"error"}"#, true),
            ("Server", "nginx", #"{"type":"message"}"#, false), ("Server", "nginx", "<html></html>", false),
            ("Server", "nginx", "", false),
        ])
    func mark(name: String, value: String, body: String, isOfRancher: Bool) async throws {
        try await StubServer.run(respond: { _ in
            StubResponse(status: .forbidden, headers: [(name, value)], body: body)
        }) { server in
            try await withHTTPClient { http in
                let caller = HTTPCaller(http: http, deadline: .seconds(20))
                let answer = try await caller.call(.GET, try server.url("/v3"), limit: 1000)
                #expect(answer.isOfRancher == isOfRancher)
            }
        }
    }
}
