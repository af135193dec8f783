import EngineStub
import HTTPTransport
import NIOCore
import NIOHTTP1
import Testing

@Suite("Connections to a server", .timeLimit(.minutes(1)))
struct ConnectionTests {
    @Test("are closed when they were not used for a while")
    func idle() async throws {
        var limits = HTTPTransportLimits()
        limits.idle = .milliseconds(50)
        let gone = Gate()
        let connections = Connections()
        try await withTransport(limits: limits) { _, connection in
            connections.note(connection)
            connection.channel.closeFuture.whenComplete { _ in gone.open() }
            try await connection.answer(200)
        } body: { transport, _ in
            #expect(await transport.call().summary == "200 ")
            await gone.wait()
            #expect(await transport.call(.POST).summary == "200 ")
            #expect(connections.numbers == [0, 1])
        }
    }

    @Test("that have rested are not used for what changes something")
    func rested() async throws {
        var limits = HTTPTransportLimits()
        limits.idle = .seconds(30)
        limits.idleBeforeChange = .zero
        let connections = Connections()
        try await withTransport(limits: limits) { _, connection in
            connections.note(connection)
            try await connection.answer(200)
        } body: { transport, _ in
            #expect(await transport.call(.POST).summary == "200 ")
            #expect(await transport.call(.GET).summary == "200 ")
            #expect(await transport.call(.DELETE).summary == "200 ")
            #expect(connections.numbers == [0, 0, 1])
        }
    }

    @Test(
        "that are dead when they are used again cost a request that changes nothing only a new one",
        arguments: [(HTTPMethod.GET, "200 again", 3), (.POST, "sent error", 2), (.DELETE, "sent error", 2)])
    func dead(_ method: HTTPMethod, _ result: String, _ requests: Int) async throws {
        let connections = Connections()
        try await withTransport { request, connection in
            connections.note(connection)
            if connections.numbers == [0, 0] { return try await connection.close() }
            try await connection.answer(200, "again")
        } body: { transport, stub in
            #expect(await transport.call().summary == "200 again")
            #expect(await transport.call(method).summary == result)
            #expect(stub.requests.all.count == requests)
        }
    }

    @Test("that are cut when they are new fail at once, whatever the request")
    func cutWhenNew() async throws {
        try await withTransport { _, connection in
            try await connection.close()
        } body: { transport, stub in
            #expect(await transport.call(.GET).summary == "sent error")
            #expect(stub.requests.all.count == 1)
        }
    }

    @Test("are made again once only")
    func onceOnly() async throws {
        let connections = Connections()
        try await withTransport { request, connection in
            connections.note(connection)
            if connections.numbers.count > 1 { return try await connection.close() }
            try await connection.answer(200)
        } body: { transport, _ in
            #expect(await transport.call().summary == "200 ")
            #expect(await transport.call().summary == "sent error")
            #expect(connections.numbers == [0, 0, 1])
        }
    }

    @Test("that the server has closed meanwhile are known to be", arguments: [HTTPMethod.GET, .POST])
    func closedMeanwhile(_ method: HTTPMethod) async throws {
        let gone = Gate()
        try await withTransport { request, connection in
            try await connection.answer(200)
            if request.uri == "/last" { try await connection.close() }
            connection.channel.closeFuture.whenComplete { _ in gone.open() }
        } body: { transport, stub in
            #expect(await transport.call(.POST, "/last").summary == "200 ")
            await gone.wait()
            #expect(await transport.call(method).summary == "200 ")
            #expect(stub.requests.all.count == 2)
        }
    }

    @Test("are limited, and a call beyond waits for one, but not longer than it may")
    func limit() async throws {
        var limits = HTTPTransportLimits()
        limits.connections = 1
        let arrived = Gate()
        let release = Gate()
        try await withTransport(limits: limits) { request, connection in
            if request.uri == "/slow" {
                arrived.open()
                await release.wait()
            }
            try await connection.answer(200, request.uri)
        } body: { transport, stub in
            async let slow = transport.call(.POST, "/slow")
            await arrived.wait()
            async let waiting = transport.call(.POST, "/waiting")
            #expect(await transport.call(.GET, "/hasty", within: .milliseconds(50)).summary == "notSent expired")
            #expect(stub.requests.all.count == 1)
            release.open()
            #expect(await slow.summary == "200 /slow")
            #expect(await waiting.summary == "200 /waiting")
            #expect(await transport.call().summary == "200 /")
        }
    }

    @Test("of calls that are given up are closed, and make room")
    func givenUp() async throws {
        var limits = HTTPTransportLimits()
        limits.connections = 1
        let arrived = Gate()
        let gone = Collected<String>()
        try await withTransport(limits: limits) { request, connection in
            guard request.uri != "/" else { return try await connection.answer(200) }
            connection.channel.closeFuture.whenComplete { _ in gone.append(request.uri) }
            if request.uri == "/hung" { arrived.open() }
            try await connection.disconnected()
        } body: { transport, _ in
            #expect(await transport.call(.POST, "/late", within: .milliseconds(50)).summary == "sent expired")
            let hung = Task { await transport.call(.POST, "/hung") }
            await arrived.wait()
            hung.cancel()
            #expect(await hung.value.summary == "sent cancelled")
            #expect(await transport.call(.POST).summary == "200 ")
            while gone.all.count < 2 { await Task.yield() }
            #expect(gone.all.sorted() == ["/hung", "/late"])
        }
    }

    @Test("are not made for a task that is cancelled already")
    func cancelledBefore() async throws {
        try await withTransport { _, connection in
            try await connection.answer(200)
        } body: { transport, stub in
            let start = Gate()
            let call = Task {
                await start.wait()
                return await transport.call()
            }
            call.cancel()
            start.open()
            #expect(await call.value.summary == "notSent cancelled")
            #expect(stub.requests.all.isEmpty)
        }
    }

    @Test("end with the transport, and so do the calls")
    func shutDown() async throws {
        let arrived = Gate()
        let gone = Gate()
        try await withTransport { request, connection in
            guard request.uri == "/hung" else { return try await connection.answer(200) }
            connection.channel.closeFuture.whenComplete { _ in gone.open() }
            arrived.open()
            try await connection.disconnected()
        } body: { transport, _ in
            async let hung = transport.call(.GET, "/hung")
            await arrived.wait()
            await transport.shutDown()
            #expect(await hung.summary == "sent cancelled")
            #expect(await transport.call().summary == "notSent cancelled")
            await gone.wait()
        }
    }
}
