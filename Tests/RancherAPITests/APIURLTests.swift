import Model
import RancherAPI
import Testing

@Suite("A URL")
struct APIURLTests {
    @Test(
        "is taken apart and put together again",
        arguments: [
            ("http://host", "http", "host", nil, "", ""), ("HTTPS://host:8443/v3", "https", "host", 8443, "/v3", ""),
            ("http://[::1]:8080/v3/x?a=b", "http", "::1", 8080, "/v3/x", "a=b"),
            ("ws://[fe80::1]", "ws", "fe80::1", nil, "", ""),
            ("wss://h/?q", "wss", "h", nil, "/", "q"), ("http://h?q=/x", "http", "h", nil, "", "q=/x"),
            ("http://http.example/http", "http", "http.example", nil, "/http", ""),
            ("http://h:/x", "http", "h", nil, "/x", ""),
        ] as [(String, String, String, Int?, String, String)])
    func parts(text: String, scheme: String, host: String, port: Int?, path: String, query: String) throws {
        let url = try APIURL(text)
        #expect(url == APIURL(scheme: scheme, host: host, port: port, path: path, query: query))
        #expect(try APIURL(url.description) == url)
    }

    @Test("loses user, password, fragment and white space around it")
    func leftOut() throws {
        #expect(try APIURL("  http://user:p@ss@host:1/x#part\n").description == "http://host:1/x")
    }

    @Test(
        "is refused with a reason",
        arguments: [
            "", "host:8080/v3", "/v3", "http:/x", "http://", "http://:80", "ftp://host", "http://host:x",
            "http://host:0",
            "http://host:65536", "http://[::1", "http://[::1]x", "http://ho st/", "://x", "http://a/b c",
        ])
    func refusals(text: String) {
        let error = #expect(throws: RancherError.self) { try APIURL(text) }
        #expect(error?.code == .badURL)
        #expect(error?.isRetryable == false)
    }

    @Test("does not tell its password when it is refused")
    func redacted() {
        let error = #expect(throws: RancherError.self) { try APIURL("ftp://me:secret@host") }
        #expect(error?.message.contains("secret") == false)
    }

    @Test(
        "leads to the third version of the API, or else to the second",
        arguments: [
            ("http://h", ["http://h/v3", "http://h/v2-beta"]), ("http://h/", ["http://h/v3", "http://h/v2-beta"]),
            ("http://h/v1", ["http://h/v3", "http://h/v2-beta"]),
            ("http://h/v1/", ["http://h/v3/", "http://h/v2-beta/"]),
            ("http://h/v2-beta/projects", ["http://h/v3/projects", "http://h/v2-beta/projects"]),
            ("http://h/v2", ["http://h/v3", "http://h/v2"]),
            ("http://h/v3", ["http://h/v3"]), ("http://h/v10", ["http://h/v10"]),
            ("http://h/v2-betas", ["http://h/v2-betas"]),
            ("http://h/r/v1", ["http://h/r/v1"]), ("http://h/V1", ["http://h/V1"]),
        ])
    func normalised(text: String, expected: [String]) throws {
        let roots = APIRoot.candidates(for: try APIURL(text))
        #expect(roots.map(\.url.description) == expected)
        #expect(roots.map(\.dialect) == Array([Dialect.a, .b].prefix(expected.count)))
    }

    @Test(
        "of the schemas tells the dialect",
        arguments: [
            ("http://h/v3/schemas", Dialect.a), ("http://h/v1/schemas", .b), ("http://h/v2-beta/schemas", .b),
            ("http://h/v2-beta/projects/1a5/schemas", .b), ("http://h/v1/v3/schemas", .a), ("http://h/schemas", nil),
        ])
    func dialect(text: String, expected: Dialect?) throws {
        #expect(APIRoot.dialect(ofSchemasAt: try APIURL(text)) == expected)
    }

    @Test(
        "loses a path to the schemas",
        arguments: [
            ("http://h/v3/schemas", "http://h/v3/"), ("http://h/schemas", "http://h/"),
            ("http://h/v3/schemas/", "http://h/v3/schemas/"),
            ("http://h/v3", "http://h/v3"), ("http://h/v3/myschemas", "http://h/v3/myschemas"),
        ])
    func droppingSchemas(text: String, expected: String) throws {
        #expect(try APIURL(text).droppingSchemas.description == expected)
    }

    @Test("is lengthened without a double slash (defect 19)")
    func appending() throws {
        for text in ["http://h/v3", "http://h/v3/", "http://h/v3//", "http://h/v3?x=y"] {
            #expect(try APIURL(text).appending("subscribe").description == "http://h/v3/subscribe")
            #expect(try APIURL(text).appending("/subscribe").description == "http://h/v3/subscribe")
        }
        #expect(try APIURL("http://h").appending("a/b").description == "http://h/a/b")
    }

    @Test("of a websocket has the scheme changed and nothing else (defect 19)")
    func webSocket() throws {
        #expect(try APIURL("http://http.example/http").webSocket.description == "ws://http.example/http")
        #expect(try APIURL("https://h:1/").webSocket.description == "wss://h:1/")
        #expect(try APIURL("wss://h").webSocket.description == "wss://h")
        #expect(try APIURL("wss://h").effectivePort == 443)
        #expect(try APIURL("http://h").effectivePort == 80)
    }

    @Test("has its parameters encoded")
    func query() throws {
        let url = try APIURL("http://h/x?a=1").adding(query: [("k", "a b&c=d/ü"), ("e", "")])
        #expect(url.description == "http://h/x?a=1&k=a%20b%26c%3Dd%2F%C3%BC&e=")
    }

    @Test("of the subscription is the schema's if there is one, with every event named (defect 19)")
    func subscription() throws {
        var stream = EventStream(
            configuredURL: try APIURL("http://http.example:8080/v1/schemas"),
            key: APIKey(accessKey: "a", secretKey: "s"))
        #expect(
            stream.subscriptionURL(link: nil, dialect: .a).description
                == "ws://http.example:8080/v1/subscribe?eventNames=compute.instance.activate"
                + "&eventNames=compute.instance.deactivate&eventNames=compute.instance.inspect"
                + "&eventNames=compute.instance.pull&eventNames=compute.instance.remove"
                + "&eventNames=storage.volume.remove&eventNames=ping")
        stream.eventNames = ["a;b"]
        #expect(
            stream.subscriptionURL(link: try APIURL("https://other/v3/subscribe")).description
                == "wss://other/v3/subscribe?eventNames=a%3Bb")
    }
}
