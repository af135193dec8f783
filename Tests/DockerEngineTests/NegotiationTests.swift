import DockerEngine
import EngineStub
import LosslessJSON
import NIOCore
import Synchronization
import Testing

@Suite("The negotiation of the API version", .timeLimit(.minutes(1)))
struct NegotiationTests {
    /// The version in which a call is made to an engine that answers so.
    func version(
        ping: String?, version: String = "{}", preferred: APIVersion? = nil
    ) async throws -> String? {
        var uri: String?
        try await withStub(version: nil) { request, connection in
            switch request.uri {
            case "/_ping": try await connection.answer(200, "OK", ping.map { [("Api-Version", $0)] } ?? [])
            case "/version": try await connection.answer(200, version)
            default: try await connection.answer(200, "{}")
            }
        } body: { stub in
            try await using(try stub.client(preferredVersion: preferred)) { _ = try await $0.info() }
            uri = stub.calls.first?.uri
        }
        return uri
    }

    @Test("Our newest version is spoken with a newer engine, and the engine's with an older one")
    func newest() async throws {
        #expect(try await version(ping: "1.60", version: #"{"ApiVersion":"1.60"}"#) == "/v1.51/info")
        #expect(try await version(ping: "1.51") == "/v1.51/info")
        #expect(try await version(ping: "1.41") == "/v1.41/info")
        #expect(try await version(ping: "1.24") == "/v1.24/info")
    }

    @Test("An engine that dropped our newest version gets the oldest it knows")
    func minimum() async throws {
        let engine = #"{"ApiVersion":"1.60","MinAPIVersion":"1.55"}"#
        #expect(try await version(ping: "1.60", version: engine) == "/v1.55/info")
    }

    @Test("An engine whose ping has no version is asked for it")
    func noHeader() async throws {
        let engine = #"{"ApiVersion":"1.30","MinAPIVersion":"1.12"}"#
        #expect(try await version(ping: nil, version: engine) == "/v1.30/info")
        #expect(try await version(ping: nil) == "/v1.24/info")
    }

    @Test("A preferred version counts as far as the engine knows it")
    func preferred() async throws {
        let engine = #"{"ApiVersion":"1.47","MinAPIVersion":"1.30"}"#
        #expect(try await version(ping: "1.47", version: engine, preferred: APIVersion(1, 40)) == "/v1.40/info")
        #expect(try await version(ping: "1.47", version: engine, preferred: APIVersion(1, 50)) == "/v1.47/info")
        #expect(try await version(ping: "1.47", version: engine, preferred: APIVersion(1, 22)) == "/v1.30/info")
    }

    @Test("An engine that is too old is an error of configuration")
    func tooOld() async throws {
        try await withStub(version: "1.23") { _, connection in
            try await connection.answer(200, "{}")
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { _ = try await client.info() }
                #expect(error?.kind == .configuration)
                #expect(error?.message.contains("1.23") == true)
                #expect(stub.calls.isEmpty)
            }
        }
    }

    @Test("The version is negotiated once, and again when an answer comes from another engine")
    func kept() async throws {
        let engine = Mutex("1.51")
        try await withStub(version: nil) { request, connection in
            let version = engine.withLock { $0 }
            try await connection.answer(200, "{}", [("Api-Version", version)])
        } body: { stub in
            try await using(try stub.client()) { client in
                for _ in 0..<3 { _ = try await client.info() }
                #expect(stub.pings == 1)
                engine.withLock { $0 = "1.44" }
                for _ in 0..<2 { _ = try await client.info() }
                #expect(stub.pings == 2)
                #expect(stub.calls.last?.uri == "/v1.44/info")
            }
        }
    }

    @Test("A hung negotiation ends at its own deadline, for all callers at once; none of their calls happened")
    func hung() async throws {
        try await withStub(version: nil) { _, connection in
            try await connection.disconnected()
        } body: { stub in
            var deadlines = Deadlines()
            deadlines.ping = .seconds(1)
            try await using(try stub.client(deadlines: deadlines)) { client in
                let start = ContinuousClock.now
                await withTaskGroup(of: EngineError?.self) { group in
                    for _ in 0..<20 {
                        group.addTask { await failure { try await client.startContainer("a") } }
                    }
                    for await error in group { #expect(error?.kind == .unreachable) }
                }
                // One after the other it would be 20 seconds.
                #expect(ContinuousClock.now - start < .seconds(10))
                #expect(stub.calls.isEmpty)
                // Asked directly it is what it is.
                #expect(await failure { try await client.ping() }?.kind == .timedOut)
            }
        }
    }

    @Test("A refused negotiation is not mistaken for the answer to the call")
    func refused() async throws {
        try await withStub(version: nil) { _, connection in
            try await connection.answer(404, "what?")
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { _ = try await client.inspectContainer("a") }
                #expect(error?.kind == .unreachable)
                #expect(error?.isNotFound == false)
                #expect(error?.call == "GET /containers/a/json")
            }
        }
    }
}
