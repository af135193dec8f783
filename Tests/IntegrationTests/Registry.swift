import Foundation
import Synchronization

/// A real image registry on loopback, reached by the engine over a line whose speed and life are in our hands.
final class Registry: Sendable {
    private let directory: String
    private let child: Child
    private let port: Int
    private let line: SlowLine

    /// What an image reference begins with, to pull over the line.
    var address: String { "127.0.0.1:\(line.port)" }

    private init(directory: String) async throws {
        self.directory = directory
        port = try freePort()
        let configuration = """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(directory)/data}, delete: {enabled: true}}
            http: {addr: "127.0.0.1:\(port)"}
            """
        try configuration.write(toFile: directory + "/config.yml", atomically: true, encoding: .utf8)
        child = try Child(
            "docker-registry", ["serve", directory + "/config.yml"],
            environment: ProcessInfo.processInfo.environment, output: directory + "/registry.log")
        line = try SlowLine(to: port)
    }

    /// Runs a registry for as long as the body lasts.
    static func serve(_ body: (Registry) async throws -> Void) async throws {
        _ = try Engine.current()
        let directory = NSTemporaryDirectory() + "rancher-registry-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let registry = try await Registry(directory: directory)
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
            try await engine.docker("commit", id, pushed)
            try await engine.remove(id)
        } else {
            let id = try await engine.docker("create", Engine.image)
            try await engine.docker("commit", "-m", UUID().uuidString, id, pushed)
            try await engine.remove(id)
        }
        try await engine.docker("push", "-q", pushed)
        try await engine.docker("rmi", "-f", pushed)
        return "\(address)/\(name)"
    }

    /// How fast the engine gets its data; `nil` for as fast as it can.
    func slow(to bytesPerSecond: Int?) { line.slow(to: bytesPerSecond) }

    /// How much the engine has been given since the registry was started.
    var delivered: Int { line.delivered }

    /// The registry cannot be reached any more.
    func vanish() { line.close() }
}

/// A port of loopback that nobody uses at the moment.
func freePort() throws -> Int {
    let (socket, port) = try listenOnLoopback()
    close(socket)
    return port
}

/// Listens on a free port.
private func listenOnLoopback() throws -> (socket: Int32, port: Int) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> Int? in
            guard bind(listener, address, length) == 0, listen(listener, 128) == 0,
                getsockname(listener, address, &length) == 0
            else { return nil }
            return 0
        }
    }
    guard listener >= 0, port != nil else {
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
        var bytesPerSecond: Int?
        var delivered = 0
        var connections: Set<Int32> = []
        var isClosed = false
    }

    let port: Int
    private let target: Int
    private let listener: Int32
    private let state = Mutex(State())

    init(to target: Int) throws {
        self.target = target
        (listener, port) = try listenOnLoopback()
        Thread.detachNewThread { self.accept() }
    }

    var delivered: Int { state.withLock { $0.delivered } }

    func slow(to bytesPerSecond: Int?) { state.withLock { $0.bytesPerSecond = bytesPerSecond } }

    func close() {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            shutdown(listener, Int32(SHUT_RDWR))
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private func accept() {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            if client < 0 { break }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var address = loopback(port: target)
            let isConnected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            let isWanted = state.withLock { state in
                guard isConnected, !state.isClosed else { return false }
                state.connections.formUnion([client, server])
                return true
            }
            guard isWanted else {
                Foundation.close(client)
                Foundation.close(server)
                continue
            }
            // Each direction closes the other by shutting it down; the sockets themselves are kept until the end.
            Thread.detachNewThread { self.pump(from: client, to: server, isMeasured: false) }
            Thread.detachNewThread { self.pump(from: server, to: client, isMeasured: true) }
        }
        Foundation.close(listener)
    }

    private func pump(from source: Int32, to target: Int32, isMeasured: Bool) {
        while true {
            let some = readSome(from: source)
            guard !some.isEmpty, send(some, on: target) else { break }
            guard isMeasured else { continue }
            let speed = state.withLock { state in
                state.delivered += some.count
                return state.bytesPerSecond
            }
            if let speed { usleep(UInt32(some.count * 1_000_000 / speed)) }
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(target, Int32(SHUT_RDWR))
    }
}
