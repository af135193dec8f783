import LosslessJSON
import NIOCore
import NIOPosix
import NIOSSL

@testable import RancherSimulator

/// A raw connection, to see each byte and each frame as the server sends it.
final class RawConnection {
    enum Failure: Error {
        case ended
    }

    struct Frame: Equatable {
        var isFinal: Bool
        var opcode: UInt8
        var payload: [UInt8]

        var text: String { String(decoding: payload, as: UTF8.self) }
    }

    static let text: UInt8 = 1
    static let close: UInt8 = 8
    static let pong: UInt8 = 10

    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var buffer: [UInt8] = []

    private init(
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound
        self.outbound = outbound
    }

    /// Connects, runs the body and closes the connection.
    static func with<Result: Sendable>(
        _ server: RancherServer, tls: NIOSSLContext? = nil, body: (RawConnection) async throws -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: server.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: nil))
                    }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(RawConnection(inbound: inbound.makeAsyncIterator(), outbound: outbound))
        }
    }

    func send(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

    /// Everything until the server closes the connection.
    func readToEnd() async -> [UInt8] {
        while (try? await fill()) != nil {}
        defer { buffer = [] }
        return buffer
    }

    private func fill() async throws {
        guard let chunk = try await inbound.next(isolation: #isolation) else { throw Failure.ended }
        buffer.append(contentsOf: chunk.readableBytesView)
    }

    private func take(_ count: Int) async throws -> [UInt8] {
        while buffer.count < count { try await fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    // MARK: Websocket

    /// Asks for the upgrade and returns the status of the answer.
    func subscribe(_ names: [String], user: String, password: String, path: String = "/v3/subscribe") async throws
        -> Int
    {
        let query = names.map { "eventNames=\($0)" }.joined(separator: "&")
        let credentials = Base64.encoded("\(user):\(password)")
        let lines = [
            "GET \(path)?\(query) HTTP/1.1", "Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Authorization: Basic \(credentials)", "", "",
        ]
        try await send(Array(lines.joined(separator: "\r\n").utf8))
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) { head += try await take(1) }
        return Int(String(decoding: head, as: UTF8.self).split(separator: " ")[1]) ?? 0
    }

    func frame() async throws -> Frame {
        let start = try await take(2)
        var length = Int(start[1] & 0x7F)
        if length == 126 {
            length = try await take(2).reduce(0) { $0 << 8 | Int($1) }
        } else if length == 127 {
            length = try await take(8).reduce(0) { $0 << 8 | Int($1) }
        }
        return Frame(isFinal: start[0] & 0x80 != 0, opcode: start[0] & 0x0F, payload: try await take(length))
    }

    /// The next message, from as many frames as it has.
    func message() async throws -> JSON {
        var payload: [UInt8] = []
        while true {
            let frame = try await frame()
            payload += frame.payload
            if frame.isFinal { return try JSON(parsing: payload) }
        }
    }

    /// The next message that is no heartbeat.
    func event() async throws -> JSON {
        while true {
            let message = try await message()
            if message["name"] != "ping" || !message["replyTo"].isNull { return message }
        }
    }

    /// All frames until the connection ends.
    func framesToEnd() async -> [Frame] {
        var frames: [Frame] = []
        while let frame = try? await frame() { frames.append(frame) }
        return frames
    }

    func sendFrame(opcode: UInt8, payload: String) async throws {
        // A mask of zeros is a mask.
        try await send([0x80 | opcode, 0x80 | UInt8(payload.utf8.count), 0, 0, 0, 0] + Array(payload.utf8))
    }

    func sendPing(_ payload: String = "") async throws { try await sendFrame(opcode: 9, payload: payload) }
}
