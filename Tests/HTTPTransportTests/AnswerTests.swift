import DockerEngine
import EngineStub
import HTTPTransport
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@Suite("Answers of a server", .timeLimit(.minutes(1)))
struct AnswerTests {
    /// What the server writes, whether it closes after that, and what becomes of a call and of one after it.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: String
        var closes = false
        let result: String
        /// Whether the next call goes over the same connection.
        let isKept: Bool
    }

    static let cases = [
        Case(
            testDescription: "a length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", result: "200 hi",
            isKept: true),
        Case(
            testDescription: "chunks and a trailer",
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;x=y\r\ni\r\n0\r\nA: b\r\n\r\n",
            result: "200 hi", isKept: true),
        Case(
            testDescription: "no body by its status", answer: "HTTP/1.1 204 No Content\r\n\r\n", result: "204 ",
            isKept: true),
        Case(
            testDescription: "not modified, with the length of what it has not",
            answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", result: "304 ", isKept: true),
        Case(
            testDescription: "go on, and then the answer",
            answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                + "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
            result: "201 x", isKept: true),
        Case(
            testDescription: "a connection that is to be closed",
            answer: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", result: "200 hi",
            isKept: false),
        Case(
            testDescription: "an old server", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            result: "200 hi", isKept: false),
        Case(
            testDescription: "no length, up to the end", answer: "HTTP/1.1 200 OK\r\n\r\nhi", closes: true,
            result: "200 hi", isKept: false),
        Case(
            testDescription: "more than the answer",
            answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            result: "200 hi", isKept: false),
        Case(testDescription: "nothing", answer: "", closes: true, result: "sent error", isKept: false),
        Case(
            testDescription: "half a head", answer: "HTTP/1.1 200 OK\r\nContent-Le", closes: true,
            result: "sent error", isKept: false),
        Case(
            testDescription: "half a body", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", closes: true,
            result: "answering error", isKept: false),
        Case(
            testDescription: "half a chunk",
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", closes: true,
            result: "answering error", isKept: false),
        Case(
            testDescription: "no last chunk",
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", closes: true,
            result: "answering error", isKept: false),
        Case(
            testDescription: "a chunk without a length",
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\nhi\r\n0\r\n\r\n",
            result: "answering error", isKept: false),
        Case(testDescription: "no HTTP", answer: "SSH-2.0-OpenSSH_9\r\n\r\n", result: "sent error", isKept: false),
        Case(
            testDescription: "a head without an end",
            answer: "HTTP/1.1 200 OK\r\nA: " + String(repeating: "x", count: 200_000), result: "sent error",
            isKept: false),
        Case(
            testDescription: "too long a body",
            answer: "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", result: "answering error", isKept: false),
        Case(
            testDescription: "too long a body in chunks",
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + String(repeating: "x", count: 101)
                + "\r\n", result: "answering error", isKept: false),
        Case(
            testDescription: "half a refusal", answer: "HTTP/1.1 500 No\r\nContent-Length: 500\r\n\r\nhi",
            closes: true, result: "500 hi", isKept: false),
    ]

    @Test("are read to their end, and the connection is kept if it can be", arguments: cases)
    func answers(_ wanted: Case) async throws {
        let connections = Connections()
        try await withTransport { request, connection in
            connections.note(connection)
            if request.uri == "/second" { return try await connection.answer(200, "again") }
            if !wanted.answer.isEmpty { try await connection.send(wanted.answer) }
            if wanted.closes { try await connection.close() }
        } body: { transport, _ in
            // A request that is not repeated shows what is made of the answer.
            #expect(await transport.call(.POST, limit: 100).summary == wanted.result)
            #expect(await transport.call(.GET, "/second").summary == "200 again")
            #expect(connections.numbers == [0, wanted.isKept ? 0 : 1])
        }
    }

    @Test("that switch to another protocol leave nothing to be kept")
    func upgrade() async throws {
        let connections = Connections()
        try await withTransport { request, connection in
            connections.note(connection)
            if request.uri == "/second" { return try await connection.answer(200, "again") }
            try await connection.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        } body: { transport, _ in
            #expect(await transport.call(.POST).summary == "101 ")
            #expect(await transport.call(.GET, "/second").summary == "200 again")
            #expect(connections.numbers == [0, 1])
        }
    }

    @Test("may come before the request is at its end, and the connection is not kept then")
    func early() async throws {
        let connections = Connections()
        let body = ByteBuffer(repeating: 0x20, count: 32 << 20)
        try await withStub(version: nil) { request, connection in
            connections.note(connection)
            try await connection.answer(200, "whole: \(request.body.count == 32 << 20)")
        } body: { stub in
            let transport = HTTPTransport(
                address: stub.endpoint.address, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
            #expect(await transport.call(.POST, body: body).summary == "200 whole: true")
            await transport.shutDown()
        }
    }
}
