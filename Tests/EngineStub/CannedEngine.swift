package import DockerEngine
internal import NIOHTTP1

/// An engine on a real socket that gives a fixed answer to every call.
package struct CannedEngine: Sendable {
    /// A status and a body; the key is the method and the path without version and query.
    package typealias Answers = [String: (status: Int, body: String)]

    private let stub: StubEngine

    /// What it was asked, in order and without the pings and the questions about itself.
    package var calls: [String] {
        stub.calls.map(\.call).filter { !["GET /version", "GET /info"].contains($0) }
    }

    /// The body of the last request of that kind.
    package func body(of call: String) -> String? {
        stub.calls.last { $0.call == call }.map { String(decoding: $0.body, as: UTF8.self) }
    }

    /// The query of the last request of that kind, as it came.
    package func query(of call: String) -> String? {
        stub.calls.last { $0.call == call }.map { String($0.uri.drop { $0 != "?" }.dropFirst()) }
    }

    /// A header of the last request of that kind.
    package func header(_ name: String, of call: String) -> String? {
        stub.calls.last { $0.call == call }?.headers.first(name: name)
    }

    /// Runs it and a client of it for the length of the body.
    package static func run(
        _ answers: Answers, version: String = "1.41", _ body: (CannedEngine, EngineClient) async throws -> Void
    ) async throws {
        try await withStub(version: version) { request, connection in
            let answer = answers[request.call] ?? (500, #"{"message":"no answer to \#(request.call)"}"#)
            try await connection.answer(answer.status, answer.body)
        } body: { stub in
            try await using(try stub.client()) { try await body(CannedEngine(stub: stub), $0) }
        }
    }
}

extension StubRequest {
    /// The method and the path without version and query.
    fileprivate var call: String { "\(method) \(path.prefix { $0 != "?" })" }
}
