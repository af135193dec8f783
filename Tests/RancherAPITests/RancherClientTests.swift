import LosslessJSON
import Model
import NIOHTTP1
import RancherAPI
import Synchronization
import Testing

/// A server's schemas, as much of them as an agent looks at.
func schemasBody(_ base: String, collections: [String: String] = [:]) -> String {
    func schema(_ id: String, _ plural: String, _ methods: JSON) -> JSON {
        [
            "id": .string(id), "pluralName": .string(plural), "collectionMethods": methods,
            "links": [
                "self": .string("\(base)/schemas/\(id)"), "collection": .string(collections[id] ?? "\(base)/\(plural)"),
            ],
        ]
    }
    let all: JSON = [
        "type": "collection",
        "data": [
            schema("publish", "publish", ["POST"]), schema("subscribe", "subscribe", ["GET"]),
            schema("register", "registers", ["GET", "POST"]),
            ["id": "linkless", "pluralName": "linklesses", "links": ["self": .string("\(base)/schemas/linkless")]], [:],
            nil,
        ],
    ]
    return all.encodedText
}

/// Where this request thinks that the API is.
func base(_ request: StubRequest) -> String { "http://\(request.headers.first(name: "host") ?? "")/v3" }

func schemasResponse(_ request: StubRequest, collections: [String: String] = [:]) -> StubResponse {
    StubResponse(
        headers: [("X-API-Schemas", "\(base(request))/schemas")],
        body: schemasBody(base(request), collections: collections))
}

@Suite("The REST client")
struct RancherClientTests {
    private static let key = APIKey(accessKey: "user", secretKey: "pass:word=ü")
    private static let authorization = "Basic dXNlcjpwYXNzOndvcmQ9w7w="

    @Test("finds the schemas by the header and publishes where they say")
    func publish() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            switch (request.method, request.path) {
            case (.GET, "/v3"): StubResponse(headers: [("X-API-Schemas", "\(base(request))/schemas")], body: "{}")
            case (.GET, "/v3/schemas"): StubResponse(body: schemasBody(base(request)))
            case (.POST, "/v3/publish"): StubResponse(status: .created, body: "no JSON at all")
            default: StubResponse(status: .notFound)
            }
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url("/v1"), key: Self.key, httpClient: http)
                try await client.publish(body: #"{"a":1}"#)
                try await client.publish(body: #"{"a":2}"#)
                #expect(
                    server.requests.map(\.path) == ["/v3", "/v3/schemas", "/v3/publish", "/v3/publish"],
                    "looked up once")
                #expect(server.requests.allSatisfy { $0.authorization == Self.authorization })
                #expect(server.requests.last?.body == #"{"a":2}"#)
                #expect(server.requests.last?.headers.first(name: "content-type") == "application/json")
            }
        }
    }

    @Test("tells the two servers apart by where they have their schemas, whatever version the URL names")
    func dialect() async throws {
        func roots(_ answers: [String: String], _ path: String) async throws -> (Dialect?, [String]) {
            let respond: @Sendable (StubRequest) -> StubResponse? = { request in
                guard let schemas = answers[request.path] else { return StubResponse(status: .notFound) }
                let host = request.headers.first(name: "host") ?? ""
                return StubResponse(
                    headers: schemas.isEmpty ? [] : [("X-API-Schemas", "http://\(host)\(schemas)")],
                    body: schemas.isEmpty ? "<html>" : schemasBody("http://\(host)\(request.path)"))
            }
            var found: (Dialect?, [String]) = (nil, [])
            try await StubServer.run(respond: respond) { server in
                try await withHTTPClient { http in
                    let client = RancherClient(url: try server.url(path), key: Self.key, httpClient: http)
                    #expect(client.dialect == nil)
                    _ = try? await client.discover()
                    _ = try? await client.discover()
                    found = (client.dialect, server.requests.map(\.path))
                }
            }
            return found
        }
        let preview = try await roots(["/v3": "/v3"], "/v1")
        #expect(preview == (.a, ["/v3", "/v3"]))
        // What is found once is asked first from then on.
        let older = try await roots(["/v2-beta": "/v2-beta"], "/v1")
        #expect(older == (.b, ["/v3", "/v2-beta", "/v2-beta"]))
        let page = try await roots(["/v3": "", "/v2-beta": "/v2-beta"], "")
        #expect(page == (.b, ["/v3", "/v2-beta", "/v2-beta"]), "a page for people is no interface")
        let both = try await roots(["/v3": "/v3", "/v2-beta": "/v2-beta"], "/v2-beta")
        #expect(both.0 == .a)
        let own = try await roots(["/rancher/v1": "/rancher/v1"], "/rancher/v1")
        #expect(own == (.b, ["/rancher/v1", "/rancher/v1"]), "the place of the schemas tells")
        let none = try await roots([:], "/v1")
        #expect(none.0 == nil)
    }

    @Test("takes the first answer for the schemas if the header points at it")
    func discoverInOne() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            StubResponse(headers: [("X-API-Schemas", base(request))], body: schemasBody(base(request)))
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                let schemas = try await client.discover()
                #expect(server.requests.count == 1)
                #expect(try schemas.createURL("publish") == server.url("/v3/publish"))
                #expect(try schemas.createURL("linkless") == server.url("/v3/linklesses"), "derived from its own place")
                #expect(schemas["subscribe"]?.collection == (try server.url("/v3/subscribe")))
                for (type, isList) in [("nothing", true), ("linkless", true), ("publish", true), ("subscribe", false)] {
                    let error = #expect(throws: RancherError.self) {
                        _ = isList ? try schemas.listURL(type) : try schemas.createURL(type)
                    }
                    #expect(error?.code == .noSchema)
                }
            }
        }
    }

    @Test("looks the schemas up again when the place is gone")
    func rediscoverAfter404() async throws {
        let moved = Mutex(false)
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            let place = moved.withLock { $0 } ? "/v3/new" : "/v3/old"
            switch request.path {
            case "/v3", "/v3/schemas":
                return schemasResponse(
                    request, collections: ["publish": "http://\(request.headers.first(name: "host") ?? "")\(place)"])
            case place: return StubResponse(status: .created)
            default: return StubResponse(status: .notFound)
            }
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                try await client.publish(body: "{}")
                moved.withLock { $0 = true }
                try await client.publish(body: "{}")
                #expect(server.requests.last?.path == "/v3/new")
            }
        }
    }

    @Test("looks the schemas up again after a connection that failed")
    func rediscoverAfterFailure() async throws {
        let isBroken = Mutex(true)
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            switch request.path {
            case "/v3", "/v3/schemas":
                // Port 1 is nobody's.
                return schemasResponse(
                    request, collections: isBroken.withLock { $0 } ? ["publish": "http://127.0.0.1:1/v3/publish"] : [:])
            default: return StubResponse(status: .created)
            }
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                let error = await #expect(throws: RancherError.self) { try await client.publish(body: "{}") }
                #expect(error?.code == .unreachable || error?.code == .timedOut)
                #expect(error?.isRetryable == true)
                isBroken.withLock { $0 = false }
                try await client.publish(body: "{}")
            }
        }
    }

    @Test("lists with filters and creates")
    func listAndCreate() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            switch (request.method, request.path) {
            case (_, "/v3"): schemasResponse(request)
            case (_, "/v3/schemas"): schemasResponse(request)
            case (.GET, "/v3/registers"):
                StubResponse(body: #"{"data":[{"id":"1"},{"id":"2"}],"pagination":{"next":"x"}}"#)
            case (.POST, "/v3/registers"): StubResponse(status: .created, body: #"{"id":"3"}"#)
            default: StubResponse(status: .notFound)
            }
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                #expect(try await client.list("register", filters: [("key", "a=b c")]) == [["id": "1"], ["id": "2"]])
                #expect(server.requests.last?.uri == "/v3/registers?key=a%3Db%20c")
                #expect(try await client.create("register", ["key": "k"]) == ["id": "3"])
                #expect(server.requests.last?.body == #"{"key":"k"}"#)
            }
        }
    }

    @Test("reports a refusal in the documented words and keeps the filter to itself")
    func refusal() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            switch request.path {
            case "/v3", "/v3/schemas": schemasResponse(request)
            default:
                StubResponse(
                    status: .unprocessableEntity,
                    body: #"{"type":"error","status":422,"code":"InvalidReference","message":null}"#)
            }
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                let error = await #expect(throws: RancherError.self) {
                    try await client.list("register", filters: [("key", "t0ken")])
                }
                #expect(error?.code == .refused(status: 422))
                #expect(error?.isRetryable == false)
                #expect(
                    error?.message
                        == "Bad response statusCode [422]. Status [422 Unprocessable Entity]. "
                        + "Body: [type=error, status=422, code=InvalidReference, message=null] "
                        + "from [\(try server.url("/v3/registers"))]")
            }
        }
    }

    @Test(
        "tells a failure worth another try from one that is not",
        arguments: [
            (500, true), (502, true), (503, true), (429, true), (408, true), (401, false), (403, false), (404, false),
            (302, false),
        ])
    func retryable(status: Int, expected: Bool) async throws {
        try await StubServer.run(respond: { _ in StubResponse(status: .init(statusCode: status), body: "<html>\nno") })
        { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                let error = await #expect(throws: RancherError.self) { try await client.publish(body: "{}") }
                #expect(error?.code == .refused(status: status))
                #expect(error?.isRetryable == expected)
                #expect(error?.message.contains("\n") == false)
            }
        }
    }

    @Test("tells a refusal of the server from one of somebody on the way", arguments: [true, false])
    func whose(isServers: Bool) async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            guard request.method == .POST else { return schemasResponse(request) }
            return StubResponse(
                status: .badRequest,
                body: isServers ? #"{"type":"error","status":400,"code":"InvalidFormat"}"# : "<html>400</html>")
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                let error = await #expect(throws: RancherError.self) { try await client.publish(body: "{}") }
                #expect(error?.code == .refused(status: 400))
                #expect(error?.isServers == isServers)
            }
        }
    }

    @Test("does not take a redirected answer for a heard one, but follows it when it asks")
    func redirects() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            switch (request.method, request.path) {
            case (.GET, "/v3"): StubResponse(status: .found, headers: [("Location", "/real")])
            case (.GET, "/real"), (.GET, "/v3/schemas"): schemasResponse(request)
            case (.POST, "/v3/publish"): StubResponse(status: .found, headers: [("Location", "/v3")])
            default: StubResponse(status: .notFound)
            }
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                let error = await #expect(throws: RancherError.self) { try await client.publish(body: "{}") }
                #expect(error?.code == .refused(status: 302))
                #expect(server.requests.last?.path == "/v3/publish")
            }
        }
    }

    @Test("gives up redirects in a circle and answers that are none")
    func badAnswers() async throws {
        let bad: [StubResponse] = [
            StubResponse(status: .found, headers: [("Location", "/v3")]), StubResponse(body: "{}"),
            StubResponse(headers: [("X-API-Schemas", "http://127.0.0.1:1")], body: "x"),
        ]
        for (index, response) in bad.enumerated() {
            try await StubServer.run(respond: { _ in response }) { server in
                try await withHTTPClient { http in
                    let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                    let error = await #expect(throws: RancherError.self) { try await client.discover() }
                    #expect(error?.code == (index < 2 ? .badAnswer : .unreachable), "\(error as Any)")
                    #expect(error?.isRetryable == true)
                }
            }
        }
    }

    @Test("waits for a whole answer no longer than its deadline")
    func deadline() async throws {
        let slow: [StubResponse?] = [nil, StubResponse(body: "{", neverEnds: true)]
        for response in slow {
            try await StubServer.run(respond: { _ in response }) { server in
                try await withHTTPClient { http in
                    let client = RancherClient(
                        url: try server.url(), key: Self.key, httpClient: http, deadline: .milliseconds(200))
                    let error = await #expect(throws: RancherError.self) { try await client.discover() }
                    #expect(error?.code == .timedOut)
                }
            }
        }
    }

    @Test("ends at once when it is cancelled")
    func cancellation() async throws {
        try await StubServer.run(respond: { _ in nil }) { server in
            try await withHTTPClient { http in
                let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                let start = ContinuousClock.now
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await #expect(throws: CancellationError.self) { try await client.discover() } }
                    try await Task.sleep(for: .milliseconds(100))
                    group.cancelAll()
                    try await group.waitForAll()
                }
                #expect(ContinuousClock.now - start < .seconds(10))
            }
        }
    }

    @Test("speaks TLS with a server whose certificate it was told to trust, and with no other")
    func tls() async throws {
        try await withTemporaryDirectory { directory in
            let roots = "\(directory)/roots.pem"
            try TestFiles.write(TestKeys.certificate, to: roots)
            let respond: @Sendable (StubRequest) -> StubResponse? = { request in
                StubResponse(
                    headers: [("X-API-Schemas", "https://\(request.headers.first(name: "host") ?? "")/v3")],
                    body: schemasBody("x"))
            }
            try await StubServer.run(withTLS: true, respond: respond) { server in
                try await withHTTPClient(extraTrustRoots: roots) { http in
                    let client = RancherClient(url: try server.url(), key: Self.key, httpClient: http)
                    try await client.discover()
                }
                try await withHTTPClient { http in
                    let client = RancherClient(
                        url: try server.url(), key: Self.key, httpClient: http, deadline: .seconds(5))
                    let error = await #expect(throws: RancherError.self) { try await client.discover() }
                    #expect(error?.isRetryable == true)
                    #expect(error?.message.contains("its certificate is not to be trusted") == true)
                }
            }
            let error = await #expect(throws: RancherError.self) {
                try await withHTTPClient(extraTrustRoots: "\(directory)/none.pem") { _ in }
            }
            #expect(error?.code == .local)
        }
    }
}
