import DockerEngine
import EngineStub
import HTTPTransport
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Gives the body a transport to a server with this script, and shuts it down after it.
func withTransport(
    limits: HTTPTransportLimits = HTTPTransportLimits(), script: @escaping StubEngine.Script,
    body: (HTTPTransport, StubEngine) async throws -> Void
) async throws {
    try await withStub(version: nil, script: script) { stub in
        let transport = HTTPTransport(
            address: stub.endpoint.address, limits: limits,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        do {
            try await body(transport, stub)
        } catch {
            await transport.shutDown()
            throw error
        }
        await transport.shutDown()
    }
}

extension HTTPTransport {
    func call(
        _ method: HTTPMethod = .GET, _ uri: String = "/", body: ByteBuffer? = nil,
        within deadline: Duration = .seconds(20), limit: Int = 1 << 20
    ) async -> Result<HTTPReply, TransportFailure> {
        await whole(
            HTTPRequest(method: method, uri: uri, headers: ["Host": "test"], body: body), within: deadline,
            limit: limit)
    }

    func open(
        _ method: HTTPMethod = .GET, within deadline: Duration = .seconds(20)
    ) async -> Result<HTTPReply, TransportFailure> {
        await stream(HTTPRequest(method: method, uri: "/", headers: ["Host": "test"]), within: deadline)
    }
}

extension Result where Success == HTTPReply, Failure == TransportFailure {
    /// Status and body.
    var text: String? { (try? get()).map { "\($0.head.status.code) \(String(decoding: $0.body, as: UTF8.self))" } }

    var failure: TransportFailure? {
        guard case .failure(let failure) = self else { return nil }
        return failure
    }

    /// Status and body, or how far it came and why not farther.
    var summary: String {
        guard let failure else { return text ?? "" }
        switch failure.cause {
        case .expired: return "\(failure.stage) expired"
        case .cancelled: return "\(failure.stage) cancelled"
        case .error: return "\(failure.stage) error"
        }
    }
}

/// Tells the connections of the requests apart.
final class Connections: Sendable {
    /// Kept, so that no later one is taken for one that is gone.
    private let channels = Mutex<[any Channel]>([])

    func note(_ connection: StubConnection) { channels.withLock { $0.append(connection.channel) } }

    /// For each request the number of its connection, from 0.
    var numbers: [Int] {
        let ids = channels.withLock { $0.map(ObjectIdentifier.init) }
        var known: [ObjectIdentifier] = []
        return ids.map { id in
            if let number = known.firstIndex(of: id) { return number }
            known.append(id)
            return known.count - 1
        }
    }
}
