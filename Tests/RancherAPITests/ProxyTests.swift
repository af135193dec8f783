import FakeProxy
import Foundation
import Logging
import Model
import RancherAPI
import RancherSimulator
import TestAuthority
import Testing

/// The server has a name that only the proxy knows: what gets there went through it.
@Suite("Through a proxy")
struct ProxyTests {
    private static let name = "rancher.invalid"
    /// The same of the address.
    private static let address = "10.1.2.3"

    private func settings(_ proxy: FakeProxy, user: String = "") -> ProxySettings {
        let url = "http://\(user)127.0.0.1:\(proxy.port)"
        return ProxySettings(variables: ["http_proxy": url, "https_proxy": url])
    }

    /// A registration and a subscription, as the agent makes them.
    private func goThrough(
        _ url: String, _ proxies: ProxySettings, trusting roots: String? = nil, _ server: RancherServer
    ) async throws {
        try await withHTTPClient(proxies: proxies, extraTrustRoots: roots) { http in
            let registration = Registration(registrationURL: try APIURL(url), token: "t0ken")
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let credentials = try await within { try await registration.run(httpClient: http, logger: logger) }
            #expect(credentials.url.host == (try APIURL(url)).host)
            let stream = EventStream(
                configuredURL: credentials.url, key: credentials.key, extraTrustRoots: roots, proxies: proxies)
            try await within {
                let (frames, input) = AsyncStream.makeStream(of: String.self)
                await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await stream.run(sinks: .init(onFrame: { input.yield($0) })) }
                    // The server's heartbeat.
                    let frame = await frames.first { _ in true }
                    #expect(frame?.contains("ping") == true)
                    group.cancelAll()
                    try? await group.waitForAll()
                }
            }
        }
    }

    @Test("that wants to know who we are a host registers and subscribes, without TLS")
    func plain() async throws {
        var manners = FakeProxy.Manners()
        manners.authorization = "Basic bWU6c2VjcmV0"
        try await FakeProxy.run(manners) { proxy in
            try await RancherServer.withServer { server in
                let url = "http://\(Self.name):\(server.port)/v3/scripts/\(server.token)"
                try await goThrough(url, settings(proxy, user: "me:secret@"), server)
                let lines = proxy.requests.map(\.line)
                #expect(lines.first == "GET \(url) HTTP/1.1")
                #expect(lines.contains { $0.hasPrefix("POST http://\(Self.name):\(server.port)/v3/registers") })
                // Not every proxy opens connections to such ports, so only what has to be one is one.
                #expect(lines.filter { $0.hasPrefix("CONNECT") } == ["CONNECT \(Self.name):\(server.port) HTTP/1.1"])
            }
        }
    }

    @Test("a host registers and subscribes, with TLS that the proxy cannot look into")
    func encrypted() async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(for: [Self.name])
        try await FakeProxy.run { proxy in
            try await RancherServer.withServer(
                tls: .init(certificate: identity.certificate, privateKey: identity.privateKey)
            ) { server in
                let url = "https://\(Self.name):\(server.port)/v3/scripts/\(server.token)"
                try await goThrough(url, settings(proxy), trusting: authority.certificateFile, server)
                let lines = Set(proxy.requests.map(\.line))
                #expect(lines == ["CONNECT \(Self.name):\(server.port) HTTP/1.1"])
            }
        }
    }

    @Test(
        "a server that is known by its address shows the certificate of that address",
        arguments: [(Self.address, Self.address), ("fd00::7", "[fd00::7]")])
    func knownByAddress(address: String, host: String) async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(for: ["IP:\(address)"])
        try await FakeProxy.run { proxy in
            try await RancherServer.withServer(
                tls: .init(certificate: identity.certificate, privateKey: identity.privateKey)
            ) { server in
                let url = "https://\(host):\(server.port)/v3/scripts/\(server.token)"
                try await goThrough(url, settings(proxy), trusting: authority.certificateFile, server)
            }
        }
    }

    @Test(
        "a server with the certificate of another address is told nothing, not even with that of the proxy",
        arguments: ["IP:127.0.0.1", "IP:10.1.2.4", "rancher.invalid"])
    func otherAddress(name: String) async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(for: [name])
        try await FakeProxy.run { proxy in
            try await RancherServer.withServer(
                tls: .init(certificate: identity.certificate, privateKey: identity.privateKey)
            ) { server in
                let (proxies, roots) = (settings(proxy), authority.certificateFile)
                let url = try APIURL("https://\(Self.address):\(server.port)/v3")
                let key = APIKey(accessKey: "AK", secretKey: "SK")
                let stream = EventStream(configuredURL: url, key: key, extraTrustRoots: roots, proxies: proxies)
                let refused = await #expect(throws: RancherError.self) {
                    try await within { try await stream.run(sinks: .init(onFrame: { _ in })) }
                }
                #expect(refused?.message.contains("certificate is for another name") == true, "\(refused as Any)")
                try await withHTTPClient(proxies: proxies, extraTrustRoots: roots) { http in
                    let client = RancherClient(url: url, key: key, httpClient: http, deadline: .seconds(20))
                    let error = await #expect(throws: RancherError.self) { try await client.discover() }
                    #expect(error?.message.contains("certificate is for another name") == true, "\(error as Any)")
                }
                #expect(server.requests.isEmpty)
            }
        }
    }

    @Test("a server that is known by its address has to be trusted as any other")
    func untrustedAddress() async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(for: ["IP:\(Self.address)"])
        try await FakeProxy.run { proxy in
            try await RancherServer.withServer(
                tls: .init(certificate: identity.certificate, privateKey: identity.privateKey)
            ) { server in
                let url = try APIURL("https://\(Self.address):\(server.port)/v3")
                let key = APIKey(accessKey: "AK", secretKey: "SK")
                let stream = EventStream(configuredURL: url, key: key, proxies: settings(proxy))
                await #expect(throws: RancherError.self) {
                    try await within { try await stream.run(sinks: .init(onFrame: { _ in })) }
                }
                try await withHTTPClient(proxies: settings(proxy)) { http in
                    let client = RancherClient(url: url, key: key, httpClient: http, deadline: .seconds(20))
                    let error = await #expect(throws: RancherError.self) { try await client.discover() }
                    #expect(error?.message.contains("not to be trusted") == true, "\(error as Any)")
                }
                #expect(server.requests.isEmpty)
            }
        }
    }

    @Test("that refuses, both ways say that it was the proxy, and not the server or its key")
    func refused() async throws {
        var manners = FakeProxy.Manners()
        manners.authorization = "Basic of-somebody-else"
        try await FakeProxy.run(manners) { proxy in
            let proxies = settings(proxy)
            let key = APIKey(accessKey: "AK", secretKey: "SK")
            for scheme in ["http", "https"] {
                let url = try APIURL("\(scheme)://\(Self.name):8080/v3")
                let stream = EventStream(configuredURL: url, key: key, proxies: proxies)
                let error = await #expect(throws: RancherError.self) {
                    try await within { try await stream.run(sinks: .init(onFrame: { _ in })) }
                }
                #expect(error?.code == .unreachable)
                #expect(error?.message.contains("the proxy http://127.0.0.1:\(proxy.port)") == true)
                #expect(error?.message.contains("407") == true)
                try await withHTTPClient(proxies: proxies) { http in
                    let client = RancherClient(url: url, key: key, httpClient: http, deadline: .seconds(20))
                    let error = await #expect(throws: RancherError.self) { try await client.discover() }
                    #expect(error?.code == .unreachable)
                    #expect(error?.isRetryable == true)
                    #expect(error?.message.contains("wants to know who we are, or does not know us (407)") == true)
                }
            }
        }
    }

    @Test(
        "that opens no way to other ports than that of https, a websocket without TLS goes straight, and says so once")
    func detour() async throws {
        var manners = FakeProxy.Manners()
        manners.tunnelRefusal = "403 Forbidden"
        try await FakeProxy.run(manners) { proxy in
            try await RancherServer.withServer(host: "0.0.0.0") { server in
                let (opened, input) = AsyncStream.makeStream(of: Void.self)
                let sink = LogSink()
                let proxies = ProxySettings(variables: ["http_proxy": "127.0.0.1:\(proxy.port)"])
                // What is no address of this host by name is one all the same.
                let url = try APIURL("http://\(try #require(FakeProxy.ownAddress)):\(server.port)/v3")
                try await withHTTPClient(proxies: proxies) { http in
                    let registration = Registration(
                        registrationURL: url.appending("scripts/\(server.token)"), token: "t0ken")
                    let credentials = try await within {
                        try await registration.run(httpClient: http, logger: sink.logger)
                    }
                    let stream = EventStream(configuredURL: url, key: credentials.key, proxies: proxies)
                    let client = RancherClient(url: url, key: credentials.key, httpClient: http)
                    var reconnection = EventStream.Reconnection()
                    reconnection.backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(5))
                    let ready = reconnection
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            await stream.runForever(
                                client: client, sinks: .init(onOpen: { input.yield() }, onFrame: { _ in }),
                                logger: sink.logger, reconnection: ready)
                        }
                        try await within {
                            var times = 0
                            for await _ in opened {
                                times += 1
                                if times == 3 { break }
                                // Only what the server knows of can be cut.
                                _ = try await server.waitForSubscriber(after: times - 1)
                                server.cutSockets()
                            }
                        }
                        group.cancelAll()
                        try await group.waitForAll()
                    }
                }
                #expect(sink.lines.count { $0.hasPrefix("The proxy opens no way for the websocket") } == 1)
                // The way that was found is kept while it holds.
                #expect(proxy.requests.count { $0.line.hasPrefix("CONNECT") } == 1)
            }
        }
    }

    @Test("that opens no way, the proxy and the straight way take turns while neither leads anywhere")
    func turns() async throws {
        var manners = FakeProxy.Manners()
        manners.tunnelRefusal = "403 Forbidden"
        try await FakeProxy.run(manners) { proxy in
            let sink = LogSink()
            let proxies = ProxySettings(variables: [
                "http_proxy": "127.0.0.1:\(proxy.port)", "https_proxy": "127.0.0.1:\(proxy.port)",
            ])
            for scheme in ["http", "https"] {
                let url = try APIURL("\(scheme)://\(Self.name):1/v3")
                let key = APIKey(accessKey: "AK", secretKey: "SK")
                let before = sink.lines.count
                try await withHTTPClient(proxies: proxies) { http in
                    let stream = EventStream(configuredURL: url, key: key, proxies: proxies)
                    let client = RancherClient(url: url, key: key, httpClient: http)
                    var reconnection = EventStream.Reconnection()
                    reconnection.backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(5))
                    let ready = reconnection
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            await stream.runForever(
                                client: client, sinks: .init(onFrame: { _ in }), logger: sink.logger,
                                reconnection: ready)
                        }
                        try await within {
                            while sink.lines.dropFirst(before).count(where: { $0.hasPrefix("Subscription ended") }) < 5
                            {
                                try await Task.sleep(for: .milliseconds(5))
                            }
                        }
                        group.cancelAll()
                        try await group.waitForAll()
                    }
                }
                let ends = sink.lines.dropFirst(before).filter { $0.hasPrefix("Subscription ended") }
                let refused = ends.prefix(4).map { $0.contains("does not let us through") }
                // With TLS nobody ever went straight.
                #expect(refused == (scheme == "http" ? [true, false, true, false] : [true, true, true, true]))
            }
            #expect(sink.lines.count { $0.hasPrefix("The proxy opens no way for the websocket") } == 1)
        }
    }

    @Test("that is not there, the subscription names it")
    func absent() async throws {
        let port = try await FakeProxy.run { $0.port }
        let stream = EventStream(
            configuredURL: try APIURL("http://\(Self.name)/v3"), key: APIKey(accessKey: "AK", secretKey: "SK"),
            proxies: ProxySettings(variables: ["http_proxy": "127.0.0.1:\(port)"]))
        let error = await #expect(throws: RancherError.self) {
            try await within { try await stream.run(sinks: .init(onFrame: { _ in })) }
        }
        #expect(error?.message.hasPrefix("the proxy http://127.0.0.1:\(port) cannot be reached") == true)
    }
}
