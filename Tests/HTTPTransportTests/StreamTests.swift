import EngineStub
import HTTPTransport
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@Suite("Bodies that are read as they come", .timeLimit(.minutes(1)))
struct StreamTests {
    @Test("The server waits while nobody reads, and nothing is lost")
    func backPressure() async throws {
        let chunk = [UInt8](repeating: 0x61, count: 64 << 10)
        let count = 512
        let written = Mutex(0)
        try await withTransport { _, connection in
            try await connection.beginStream()
            for _ in 0..<count {
                var framed = ByteBuffer(string: String(chunk.count, radix: 16) + "\r\n")
                framed.writeBytes(chunk)
                framed.writeString("\r\n")
                // Returns when the kernel has it.
                try await connection.channel.writeAndFlush(framed)
                written.withLock { $0 += 1 }
            }
            try await connection.endStream()
        } body: { transport, _ in
            let stream = try #require(try await transport.open().get().stream)
            // Until the server has come to a halt.
            var seen = -1
            while written.withLock({ $0 }) != seen {
                seen = written.withLock { $0 }
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(seen < count / 4)
            var bytes = 0
            while let part = try await stream.next() { bytes += part.readableBytes }
            #expect(bytes == chunk.count * count)
            stream.close()
        }
    }

    @Test("The server sees a stream go that is closed or whose reader is cancelled", arguments: [true, false])
    func givenUp(_ closes: Bool) async throws {
        let gone = Gate()
        try await withTransport { _, connection in
            connection.channel.closeFuture.whenComplete { _ in gone.open() }
            try await connection.beginStream()
            try await connection.chunk("x")
            try await connection.disconnected()
        } body: { transport, _ in
            let stream = try #require(try await transport.open().get().stream)
            let first = try await stream.next()
            #expect(first == ByteBuffer(string: "x"))
            let reader = Task { try await stream.next() }
            if closes { stream.close() } else { reader.cancel() }
            let end = await reader.result
            #expect(throws: CancellationError.self) { try end.get() }
            await gone.wait()
        }
    }

    @Test("A refusal is no stream")
    func refusal() async throws {
        try await withTransport { _, connection in
            try await connection.answer(404, "no such thing")
        } body: { transport, _ in
            let reply = try await transport.open(.POST).get()
            #expect(reply.stream == nil)
            #expect(String(decoding: reply.body, as: UTF8.self) == "no such thing")
        }
    }

    @Test("The deadline is for the head only")
    func deadline() async throws {
        let release = Gate()
        try await withTransport { _, connection in
            try await connection.beginStream()
            await release.wait()
            try await connection.chunk("late")
            try await connection.endStream()
        } body: { transport, _ in
            let stream = try #require(try await transport.open(within: .seconds(3)).get().stream)
            try await Task.sleep(for: .seconds(4))
            release.open()
            let part = try await stream.next()
            #expect(part == ByteBuffer(string: "late"))
            let end = try await stream.next()
            #expect(end == nil)
        }
    }

    @Test("A body that is cut ends with an error, after what there is of it")
    func cut() async throws {
        try await withTransport { _, connection in
            try await connection.beginStream()
            try await connection.chunk("x")
            try await connection.close()
        } body: { transport, _ in
            let stream = try #require(try await transport.open().get().stream)
            let part = try await stream.next()
            #expect(part == ByteBuffer(string: "x"))
            await #expect(throws: (any Error).self) { _ = try await stream.next() }
            await #expect(throws: (any Error).self) { _ = try await stream.next() }
        }
    }
}
