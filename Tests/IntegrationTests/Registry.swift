import FaultProxy
import Foundation
import Synchronization

/// A real image registry on loopback, reached by the engine over a line whose speed and life are in our hands.
final class Registry: Sendable {
    /// Whom it lets in.
    enum Access: Sendable {
        case everybody
        /// ``Registry/user`` with ``Registry/password`` only.
        case keeper
        /// Everybody, and ``Registry/user``; whoever gives other credentials is refused, as at Docker Hub.
        case everybodyButStrangers
    }

    static let user = "keeper"
    static let password = "kept-to-ourselves"
    /// Of the password, made by bcrypt.
    private static let hash = "$2b$05$abcdefghijklmnopqrstuur8BXcdSTmrxWBuCezQiIj6fvwqBMkZ2"

    private let directory: String
    private let child: Child
    private let port: Int
    private let line: SlowLine

    /// What an image reference begins with, to pull over the line.
    var address: String { "127.0.0.1:\(line.port)" }

    private init(directory: String, _ access: Access) async throws {
        self.directory = directory
        port = try freePort()
        var configuration = """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(directory)/data}, delete: {enabled: true}}
            http: {addr: "127.0.0.1:\(port)"}
            """
        if access == .keeper {
            configuration += "\nauth: {htpasswd: {realm: tests, path: \(directory)/users}}"
            try "\(Self.user):\(Self.hash)\n".write(toFile: directory + "/users", atomically: true, encoding: .utf8)
        }
        // The login of the engine's command line, to publish.
        let login = Data("\(Self.user):\(Self.password)".utf8).base64EncodedString()
        try #"{"auths":{"127.0.0.1:\#(port)":{"auth":"\#(login)"}}}"#
            .write(toFile: directory + "/config.json", atomically: true, encoding: .utf8)
        try configuration.write(toFile: directory + "/config.yml", atomically: true, encoding: .utf8)
        child = try Child(
            "docker-registry", ["serve", directory + "/config.yml"],
            environment: ProcessInfo.processInfo.environment, output: directory + "/registry.log")
        line = try SlowLine(to: port, doorkeeper: access == .everybodyButStrangers ? Doorkeeper(login: login) : nil)
    }

    /// Runs a registry for as long as the body lasts.
    static func serve(_ access: Access = .everybody, _ body: (Registry) async throws -> Void) async throws {
        _ = try Engine.current()
        let directory = NSTemporaryDirectory() + "rancher-registry-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let registry = try await Registry(directory: directory, access)
        let result: Result<Void, any Error>
        do {
            try await untilTrue("the registry to listen") { try await registry.isListening() }
            try await body(registry)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        registry.line.close()
        registry.child.signal(SIGKILL)
        _ = try? await registry.child.end(within: .seconds(10), "the registry")
        try? FileManager.default.removeItem(atPath: directory)
        try result.get()
    }

    private func isListening() async throws -> Bool {
        if child.ended != nil {
            throw HarnessError(
                "docker-registry ended: "
                    + ((try? String(contentsOfFile: directory + "/registry.log", encoding: .utf8)) ?? ""))
        }
        let (ending, _) = try await Child.run("bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port)"])
        return ending == .code(0)
    }

    /// Puts an image there that the engine does not have afterwards.
    ///
    /// - Parameter megabytes: Of content that does not shrink.
    /// - Returns: Its reference.
    func publish(_ name: String, megabytes: Int = 0, _ engine: Engine) async throws -> String {
        let pushed = "127.0.0.1:\(port)/\(name)"
        if megabytes > 0 {
            let blob = directory + "/blob"
            _ = try await Child.run("dd", ["if=/dev/urandom", "of=\(blob)", "bs=1M", "count=\(megabytes)"])
            let id = try await engine.docker("create", Engine.image)
            try await engine.docker("cp", blob, "\(id):/blob")
            try await engine.commit(id, as: pushed)
            try await engine.remove(id)
        } else {
            let id = try await engine.docker("create", Engine.image)
            try await engine.commit(id, as: pushed, comment: UUID().uuidString)
            try await engine.remove(id)
        }
        try await engine.docker("--config", directory, "push", "-q", pushed)
        try await engine.docker("rmi", "-f", pushed)
        return "\(address)/\(name)"
    }

    /// Puts an image there for each of several tags; the engine has none of them afterwards. They are not one image.
    ///
    /// - Returns: The references, in the order of the tags.
    func publish(_ name: String, tags: [String], _ engine: Engine) async throws -> [String] {
        let pushed = tags.map { "127.0.0.1:\(port)/\(name):\($0)" }
        let id = try await engine.docker("create", Engine.image)
        for reference in pushed {
            try await engine.commit(id, as: reference, comment: UUID().uuidString)
            try await engine.docker("--config", directory, "push", "-q", reference)
            try await engine.docker("rmi", "-f", reference)
        }
        try await engine.remove(id)
        return tags.map { "\(address)/\(name):\($0)" }
    }

    // MARK: The line

    /// How fast the engine gets its data; `nil` for as fast as it can.
    func slow(to bytesPerSecond: Int?) { line.slow(to: bytesPerSecond) }

    /// How much the engine has been given since the registry was started.
    var delivered: Int { line.delivered }

    /// The registry cannot be reached any more.
    func vanish() { line.close() }

    /// The same, as soon as the engine has been given so many bytes more.
    func vanish(after bytes: Int) { line.close(after: bytes) }

    /// The registry says nothing more, on whatever connection, as soon as the engine has been given so many bytes more.
    func hang(after bytes: Int) { line.hang(after: bytes) }

    /// The registry can be reached again, and speaks.
    func returnToService() throws { try line.open() }
}

/// A port of loopback that nobody uses at the moment.
func freePort() throws -> Int {
    let (socket, port) = try listenOnLoopback()
    close(socket)
    return port
}

/// Listens on a port; 0 takes a free one.
private func listenOnLoopback(port: Int = 0) throws -> (socket: Int32, port: Int) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = loopback(port: port)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(listener, address, length) == 0 && listen(listener, 128) == 0
                && getsockname(listener, address, &length) == 0
        }
    }
    guard listener >= 0, bound else {
        throw HarnessError("no port on loopback: \(String(cString: strerror(errno)))")
    }
    return (listener, Int(UInt16(bigEndian: address.sin_port)))
}

private func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

/// Hands TCP connections on, at a speed.
private final class SlowLine: Sendable {
    private struct State {
        var listener: Int32?
        var bytesPerSecond: Int?
        var delivered = 0
        var closesAt = Int.max
        var hangsAt = Int.max
        var connections: Set<Int32> = []
    }

    let port: Int
    private let target: Int
    private let doorkeeper: Doorkeeper?
    private let state = Mutex(State())

    init(to target: Int, doorkeeper: Doorkeeper?) throws {
        self.target = target
        self.doorkeeper = doorkeeper
        let (listener, port) = try listenOnLoopback()
        self.port = port
        begin(listener)
    }

    var delivered: Int { state.withLock { $0.delivered } }

    func slow(to bytesPerSecond: Int?) { state.withLock { $0.bytesPerSecond = bytesPerSecond } }

    func close(after bytes: Int) { state.withLock { $0.closesAt = $0.delivered + bytes } }

    func hang(after bytes: Int) { state.withLock { $0.hangsAt = $0.delivered + bytes } }

    func close() {
        state.withLock { state in
            if let listener = state.listener { shutdown(listener, Int32(SHUT_RDWR)) }
            state.listener = nil
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
            state.connections = []
        }
    }

    func open() throws {
        state.withLock { state in
            state.closesAt = .max
            state.hangsAt = .max
        }
        guard state.withLock({ $0.listener == nil }) else { return }
        begin(try listenOnLoopback(port: port).socket)
    }

    private func begin(_ listener: Int32) {
        state.withLock { $0.listener = listener }
        Thread.detachNewThread { self.accept(on: listener) }
    }

    private func accept(on listener: Int32) {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            if client < 0 { break }
            Thread.detachNewThread { self.serve(client) }
        }
        Foundation.close(listener)
    }

    private func serve(_ client: Int32) {
        var first: [UInt8] = []
        if let doorkeeper {
            switch doorkeeper.admit(client) {
            case .passed(let head): first = head
            case .answered:
                Foundation.close(client)
                return
            }
        }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(port: target)
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let isWanted = state.withLock { state in
            guard isConnected, state.listener != nil else { return false }
            state.connections.formUnion([client, server])
            return true
        }
        guard isWanted, send(first, on: server) else {
            Foundation.close(client)
            Foundation.close(server)
            return
        }
        // Each direction closes the other by shutting it down; the sockets themselves are kept until the end.
        Thread.detachNewThread { self.pump(from: client, to: server, isMeasured: false) }
        pump(from: server, to: client, isMeasured: true)
    }

    private func pump(from source: Int32, to target: Int32, isMeasured: Bool) {
        while true {
            let some = readSome(from: source)
            guard !some.isEmpty, !isMeasured || waitWhileHanging(target), send(some, on: target) else { break }
            guard isMeasured else { continue }
            let (speed, isOver) = state.withLock { state in
                state.delivered += some.count
                return (state.bytesPerSecond, state.delivered >= state.closesAt)
            }
            if isOver { close() }
            if let speed { usleep(UInt32(some.count * 1_000_000 / speed)) }
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(target, Int32(SHUT_RDWR))
    }

    /// False if the connection is to end meanwhile.
    private func waitWhileHanging(_ connection: Int32) -> Bool {
        while true {
            let (isHanging, isOpen) = state.withLock {
                ($0.delivered >= $0.hangsAt, $0.connections.contains(connection))
            }
            guard isHanging, isOpen else { return isOpen }
            usleep(20_000)
        }
    }
}

/// Gives a token to everybody who asks without credentials or with the right ones, and lets nobody in without a token.
private struct Doorkeeper: Sendable {
    enum Admission {
        case answered
        /// The head of the request, for the registry.
        case passed([UInt8])
    }

    private static let token = "of-the-tests"
    let login: String

    func admit(_ client: Int32) -> Admission {
        var bytes: [UInt8] = []
        while Data(bytes).range(of: Data("\r\n\r\n".utf8)) == nil {
            let some = readSome(from: client)
            if some.isEmpty { return .answered }
            // A handshake of TLS, which the engine tries first, is none of ours: it has to see that.
            if bytes.isEmpty && some[0] == 0x16 {
                answer("400 Bad Request", "", on: client)
                return .answered
            }
            bytes += some
        }
        var lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
        func header(_ name: String) -> String? {
            lines.first { $0.lowercased().hasPrefix(name + ":") }
                .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }
        let authorization = header("authorization")
        if lines[0].hasPrefix("GET /token") {
            if authorization == nil || authorization == "Basic \(login)" {
                answer("200 OK", #"{"token":"\#(Self.token)"}"#, on: client)
            } else {
                answer("401 Unauthorized", #"{"details":"incorrect username or password"}"#, on: client)
            }
            return .answered
        }
        guard authorization == "Bearer \(Self.token)" else {
            let challenge = #"Bearer realm="http://\#(header("host") ?? "")/token",service="tests""#
            let refusal = #"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#
            answer("401 Unauthorized", refusal, ["Www-Authenticate: " + challenge], on: client)
            return .answered
        }
        // Every request has to come by here.
        lines.removeAll { $0.lowercased().hasPrefix("connection:") }
        lines.insert("Connection: close", at: 1)
        return .passed(Array(lines.joined(separator: "\r\n").utf8))
    }

    private func answer(_ status: String, _ body: String, _ headers: [String] = [], on client: Int32) {
        let head = [
            "HTTP/1.1 \(status)", "Content-Type: application/json", "Content-Length: \(body.utf8.count)",
            "Docker-Distribution-Api-Version: registry/2.0", "Connection: close",
        ]
        _ = send(Array(((head + headers).joined(separator: "\r\n") + "\r\n\r\n" + body).utf8), on: client)
    }
}
