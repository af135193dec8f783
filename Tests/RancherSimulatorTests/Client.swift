import AsyncHTTPClient
import FoundationEssentials
import LosslessJSON
import NIOCore
import NIOHTTP1

@testable import RancherSimulator

enum Base64 {
    static func encoded(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}

struct HTTPAnswer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSON { (try? JSON(parsing: body)) ?? .null }
}

/// A host, as far as the REST interface goes.
struct Client: Sendable {
    let server: RancherServer
    var user: String?
    var password = ""

    static let allNames = [
        "compute.instance.activate", "compute.instance.deactivate", "compute.instance.inspect",
        "compute.instance.pull", "compute.instance.remove", "storage.volume.remove", "ping",
    ]

    static func anonymous(_ server: RancherServer) -> Client { Client(server: server) }

    static func registering(_ server: RancherServer) -> Client {
        let credentials = server.registrationCredentials
        return Client(server: server, user: credentials.accessKey, password: credentials.secretKey)
    }

    static func agent(_ server: RancherServer, key: String = "host-1") -> Client {
        let credentials = RancherServer.credentials(registrationKey: key)
        return Client(server: server, user: credentials.accessKey, password: credentials.secretKey)
    }

    func get(_ path: String) async throws -> HTTPAnswer { try await ask(.GET, path, nil) }

    func post(_ path: String, _ body: JSON, timeout: Duration = .seconds(20)) async throws -> HTTPAnswer {
        try await ask(.POST, path, body, timeout: timeout)
    }

    func ask(_ method: HTTPMethod, _ path: String, _ body: JSON?, timeout: Duration = .seconds(20)) async throws
        -> HTTPAnswer
    {
        var request = HTTPClientRequest(url: path.hasPrefix("http") ? path : server.url + path)
        request.method = method
        if let user { request.setBasicAuth(username: user, password: password) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(body.encoded)
        }
        let response = try await HTTPClient.shared.execute(request, timeout: TimeAmount(timeout))
        let bytes = try await response.body.collect(upTo: 1 << 22)
        return HTTPAnswer(
            status: Int(response.status.code), headers: response.headers, body: Array(bytes.readableBytesView))
    }

    /// Opens a subscription and runs the body with it.
    func subscribed<Result: Sendable>(
        to names: [String] = Client.allNames, path: String = "/v3/subscribe",
        body: (RawConnection) async throws -> Result
    ) async throws -> Result {
        try await RawConnection.with(server) { connection in
            let status = try await connection.subscribe(names, user: user ?? "", password: password, path: path)
            guard status == 101 else { throw SimulatorError.wrongState("status \(status)") }
            try await server.waitForSubscriber()
            return try await body(connection)
        }
    }

    /// Answers an event.
    @discardableResult
    func reply(
        to event: JSON, transitioning: String? = nil, message: String? = nil, data: JSON = nil
    ) async throws -> HTTPAnswer {
        try await post(
            "/v3/publish",
            [
                "name": event["replyTo"], "previousIds": [event["id"]], "transitioning": JSON(transitioning),
                "transitioningMessage": JSON(message), "data": data,
            ])
    }
}
