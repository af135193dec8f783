import RancherAPI
import Testing

@Suite("The proxy settings")
struct ProxySettingsTests {
    private func proxy(_ url: String, _ variables: [String: String]) throws -> String? {
        ProxySettings(variables: variables).proxy(for: try APIURL(url)).map { "\($0)" }
    }

    @Test("send each scheme through its own proxy, and a websocket through that of its scheme")
    func schemes() throws {
        let variables = ["http_proxy": "http://plain:3128", "HTTPS_PROXY": "tunnel:3129/"]
        #expect(try proxy("http://server:8080/v3", variables) == "http://plain:3128")
        #expect(try proxy("ws://server:8080/v3", variables) == "http://plain:3128")
        #expect(try proxy("https://server/v3", variables) == "http://tunnel:3129")
        #expect(try proxy("wss://server/v3", variables) == "http://tunnel:3129")
        #expect(try proxy("http://server", [:]) == nil)
        #expect(try proxy("http://server", ["http_proxy": ""]) == nil)
        #expect(try proxy("http://server", ["http_proxy": "small", "HTTP_PROXY": "capital"]) == "http://small:80")
        #expect(try proxy("http://server", ["http_proxy": "http://[::1]:8"]) == "http://[::1]:8")
    }

    @Test(
        "never send what is meant for this host to a proxy",
        arguments: ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
    func loopback(host: String) throws {
        #expect(try proxy("http://\(host):8080/v3", ["http_proxy": "http://proxy:1"]) == nil)
    }

    @Test(
        "leave out what no_proxy names",
        arguments: [
            ("example.com", "example.com", true), ("example.com", "www.example.com", true),
            ("example.com", "badexample.com", false), (".example.com", "example.com", false),
            (".example.com", "www.example.com", true), ("*.example.com", "www.example.com", true),
            ("EXAMPLE.com", "example.COM", true), ("example.com", "example.com.", true), ("*", "anything", true),
            ("other, example.com", "example.com", true), ("other example.com", "example.com", true),
            ("10.0.0.0/8", "10.20.30.40", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/33", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.10", false), ("fd00::/8", "[fd12::1]", true),
            ("fd00::/8", "10.0.0.1", false), ("example.com:8080", "example.com", true),
            ("example.com:443", "example.com", false), ("[fd00::1]:8080", "[fd00::1]", true), (",", "server", false),
            (".", "server", false),
        ])
    func exceptions(list: String, host: String, isLeftOut: Bool) throws {
        let found = try proxy("http://\(host):8080/v3", ["http_proxy": "proxy:1", "no_proxy": list])
        #expect((found == nil) == isLeftOut)
    }

    @Test("keep who we are to the proxy out of every text")
    func secrets() throws {
        let settings = ProxySettings(variables: ["http_proxy": "http://me:s%40cret@proxy:3128"])
        let proxy = try #require(settings.plain)
        #expect(proxy.authorization == "Basic bWU6c0BjcmV0")
        var dumped = ""
        dump(settings, to: &dumped)
        for text in ["\(settings)", "\(proxy)", dumped, String(reflecting: proxy)] {
            #expect(!text.contains("cret") && !text.contains("bWU6"))
        }
    }

    @Test(
        "that cannot be followed are told of, without their passwords",
        arguments: ["https://me:secret@proxy", "socks5://me:secret@proxy", "http://me:secret@proxy:port", "http://"])
    func warnings(text: String) {
        let settings = ProxySettings(variables: ["https_proxy": text])
        #expect(settings.encrypted == nil)
        #expect(settings.warnings.count == 1)
        #expect(settings.warnings.allSatisfy { $0.hasPrefix("https_proxy ") && !$0.contains("secret") })
    }
}
