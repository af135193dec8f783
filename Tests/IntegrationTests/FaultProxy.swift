import Foundation
import LosslessJSON
import Synchronization

/// A call to the engine, as far as the tests tell them apart.
enum Call: String, CaseIterable, Sendable {
    case ping, version, events, list, create, inspect, start, stop, kill, remove, pull, inspectImage, tagImage
    case removeImage, createVolume, inspectVolume, removeVolume, other

    init(method: String, path: String) {
        let parts = path.split(separator: "/").map(String.init)
        self =
            switch (method, parts.first, parts.last) {
            case (_, "_ping", _): .ping
            case (_, "version", _): .version
            case (_, "events", _): .events
            case ("POST", "containers", "create"): .create
            case ("GET", "containers", "json"): parts.count == 2 ? .list : .inspect
            case ("POST", "containers", "start"): .start
            case ("POST", "containers", "stop"): .stop
            case ("POST", "containers", "kill"): .kill
            case ("DELETE", "containers", _): .remove
            case ("POST", "images", "create"): .pull
            case ("GET", "images", "json"): .inspectImage
            case ("POST", "images", "tag"): .tagImage
            case ("DELETE", "images", _): .removeImage
            case ("POST", "volumes", "create"): .createVolume
            case ("GET", "volumes", _): .inspectVolume
            case ("DELETE", "volumes", _): .removeVolume
            default: .other
            }
    }
}

/// What can go wrong with one call.
enum Fault: Sendable, Hashable {
    /// The connection is cut and the engine never hears of it.
    case cutBefore
    /// The engine has done it and answered, and the answer is lost.
    case cutAfter
    /// The engine never hears of it, and nobody answers.
    case hangBefore
    /// The engine has done it, and nobody answers.
    case hangAfter
    /// The engine hears of it late.
    case delay(Duration)
    /// The engine never hears of it; this is answered instead.
    case answer(Int, String)
    /// The engine has done it, and says that it has not.
    case answerAfter(Int, String)
    /// The engine has done it, and half of its answer arrives.
    case halfAnswer
    /// The engine has done it, and what arrives is no JSON.
    case brokenJSON
    /// The engine goes away before this call, and comes back after so long.
    case outageBefore(Duration)
    /// The engine goes away after this call, before its answer, and comes back after so long.
    case outageAfter(Duration)
}

/// Stands between the agent and the engine, on a socket of its own, and spoils calls by order.
final class FaultProxy: Sendable {
    /// Which calls to spoil, and how.
    struct Order: Sendable {
        var call: Call
        /// Only for the container of this name; `nil` for any.
        var container: String?
        var fault: Fault
        /// How many matching calls are let through first.
        var skip = 0
        var count = 1
    }

    /// A call that came by.
    struct Passage: Sendable {
        let call: Call
        /// The name of the container that it is about, if that is known.
        let container: String?
        let fault: Fault?
    }

    private struct State {
        var orders: [Order] = []
        var passages: [Passage] = []
        var namesByID: [String: String] = [:]
        var listener: Int32?
        var connections: Set<Int32> = []
        /// Raised by every outage and by the end: a connection of an older time is cut.
        var age = 0
        var isStopped = false
    }

    let socket: String
    private let engineSocket: String
    private let state = Mutex(State())

    init(socket: String, engineSocket: String) throws {
        self.socket = socket
        self.engineSocket = engineSocket
        try up()
    }

    /// What the agent is given as DOCKER_HOST.
    var host: String { "unix://\(socket)" }

    // MARK: Orders

    func order(_ call: Call, of container: String? = nil, _ fault: Fault, skip: Int = 0, count: Int = 1) {
        state.withLock {
            $0.orders.append(Order(call: call, container: container, fault: fault, skip: skip, count: count))
        }
    }

    func cancelOrders() { state.withLock { $0.orders = [] } }

    var passages: [Passage] { state.withLock { $0.passages } }

    func count(_ call: Call, of container: String? = nil) -> Int {
        passages.count { $0.call == call && (container == nil || $0.container == container) }
    }

    /// Waits until the fault has struck.
    func waitForFault(_ call: Call, of container: String? = nil) async throws {
        try await untilTrue("the fault in \(call)") {
            self.passages.contains {
                $0.call == call && $0.fault != nil && (container == nil || $0.container == container)
            }
        }
    }

    // MARK: Outages

    /// The engine is gone: connecting is refused and all connections are cut.
    func down() {
        state.withLock { state in
            state.age += 1
            unlink(socket)
            if let listener = state.listener { shutdown(listener, Int32(SHUT_RDWR)) }
            state.listener = nil
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    /// The engine is back.
    func up() throws {
        let listener = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw HarnessError("no socket: \(String(cString: strerror(errno)))") }
        unlink(socket)
        guard withAddress(socket, { bind(listener, $0, $1) }) == 0, listen(listener, 512) == 0 else {
            throw HarnessError("the proxy cannot listen at \(socket): \(String(cString: strerror(errno)))")
        }
        let isTaken = state.withLock { state in
            guard !state.isStopped, state.listener == nil else { return false }
            state.listener = listener
            return true
        }
        guard isTaken else {
            close(listener)
            return
        }
        Self.thread { self.accept(on: listener) }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        down()
    }

    private func outage(_ length: Duration) {
        down()
        Self.thread {
            usleep(UInt32(length.inSeconds * 1_000_000))
            try? self.up()
        }
    }

    // MARK: Connections

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.stackSize = 512 << 10
        thread.start()
    }

    private func accept(on listener: Int32) {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            if client < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            Self.thread { self.serve(client) }
        }
        close(listener)
    }

    private func track(_ connection: Int32) -> Bool {
        state.withLock { state in
            guard state.listener != nil else { return false }
            state.connections.insert(connection)
            return true
        }
    }

    private func end(_ connection: Int32) {
        state.withLock { _ = $0.connections.remove(connection) }
        close(connection)
    }

    private func serve(_ client: Int32) {
        guard track(client) else {
            close(client)
            return
        }
        defer { end(client) }
        guard let request = ProxiedRequest(readFrom: client) else { return }
        let age = state.withLock { $0.age }
        let fault = fault(for: request)
        switch fault {
        case .cutBefore: return
        case .outageBefore(let length): return outage(length)
        case .hangBefore: return waitForEnd(of: client)
        case .answer(let status, let message): return request.answer(status, ["message": .string(message)], on: client)
        case .delay(let length): if !wait(length, age) { return }
        case .cutAfter, .hangAfter, .answerAfter, .halfAnswer, .brokenJSON, .outageAfter, nil: break
        }

        let upstream = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard upstream >= 0 else { return }
        guard track(upstream) else {
            close(upstream)
            return
        }
        defer { end(upstream) }
        guard withAddress(engineSocket, { connect(upstream, $0, $1) }) == 0, send(request.forwarded, on: upstream)
        else {
            return
        }
        switch fault {
        case .delay, nil:
            if request.call == .create {
                let answer = readAll(from: upstream)
                learn(request, answer)
                _ = send(answer, on: client)
            } else {
                relay(client, upstream)
            }
        case .cutAfter: learn(request, readAll(from: upstream))
        case .hangAfter:
            learn(request, readAll(from: upstream))
            waitForEnd(of: client)
        case .answerAfter(let status, let message):
            learn(request, readAll(from: upstream))
            request.answer(status, ["message": .string(message)], on: client)
        case .halfAnswer:
            let answer = readAll(from: upstream)
            learn(request, answer)
            _ = send(Array(answer.prefix(answer.count - 10)), on: client)
        case .brokenJSON:
            learn(request, readAll(from: upstream))
            request.answer(request.call == .create ? 201 : 200, text: #"{"Id": "broken"#, on: client)
        case .outageAfter(let length):
            learn(request, readAll(from: upstream))
            outage(length)
        case .cutBefore, .hangBefore, .answer, .outageBefore: break
        }
    }

    private func fault(for request: ProxiedRequest) -> Fault? {
        state.withLock { state in
            let name = request.name ?? request.id.flatMap { state.namesByID[$0] }
            var struck: Fault?
            for index in state.orders.indices {
                let order = state.orders[index]
                guard order.call == request.call, order.container == nil || order.container == name else { continue }
                if order.skip > 0 {
                    state.orders[index].skip -= 1
                } else if order.count > 0 {
                    state.orders[index].count -= 1
                    struck = order.fault
                    break
                }
            }
            state.passages.append(Passage(call: request.call, container: name, fault: struck))
            return struck
        }
    }

    /// The name of a container that was just created, to know it by its id later.
    private func learn(_ request: ProxiedRequest, _ answer: [UInt8]) {
        guard request.call == .create, let name = request.name else { return }
        let text = String(decoding: answer, as: UTF8.self)
        guard let start = text.range(of: #""Id":""#)?.upperBound else { return }
        let id = String(text[start...].prefix { $0 != "\"" })
        state.withLock { $0.namesByID[id] = name }
    }

    // MARK: Bytes

    /// False if there was an outage meanwhile.
    private func wait(_ length: Duration, _ age: Int) -> Bool {
        let end = ContinuousClock.now + length
        while ContinuousClock.now < end {
            usleep(10_000)
            guard state.withLock({ $0.age == age }) else { return false }
        }
        return true
    }

    private func waitForEnd(of client: Int32) { while !readSome(from: client).isEmpty {} }

    private func readAll(from socket: Int32) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let some = readSome(from: socket)
            if some.isEmpty { return all }
            all += some
        }
    }

    /// Hands on what the engine says as it comes, until one of them goes.
    private func relay(_ client: Int32, _ upstream: Int32) {
        while true {
            var sockets = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: upstream, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&sockets, 2, -1) > 0 else { return }
            if sockets[1].revents != 0 {
                let some = readSome(from: upstream)
                guard !some.isEmpty, send(some, on: client) else { return }
            } else if sockets[0].revents != 0, readSome(from: client).isEmpty {
                return
            }
        }
    }
}

/// A request on its way to the engine.
private struct ProxiedRequest {
    let call: Call
    /// Of the container that it is about, as far as the request tells.
    let name: String?
    let id: String?
    /// What the engine gets: the same, but for one call per connection.
    let forwarded: [UInt8]

    init?(readFrom client: Int32) {
        var bytes: [UInt8] = []
        let gap = Array("\r\n\r\n".utf8)
        var end: Int?
        while end == nil {
            let some = readSome(from: client)
            if some.isEmpty { return nil }
            bytes += some
            end = Data(bytes).range(of: Data(gap))?.upperBound
        }
        guard let end else { return nil }
        var lines = String(decoding: bytes[..<(end - 4)], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        guard words.count == 3, let target = URLComponents(string: words[1]) else { return nil }
        let length =
            lines.compactMap { line -> Int? in
                guard line.lowercased().hasPrefix("content-length:") else { return nil }
                return Int(line.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces))
            }.first ?? 0
        var body = Array(bytes[end...])
        while body.count < length {
            let some = readSome(from: client)
            if some.isEmpty { return nil }
            body += some
        }
        lines.removeAll { $0.lowercased().hasPrefix("connection:") }
        lines.append("Connection: close")
        forwarded = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body

        var parts = target.path.split(separator: "/").map(String.init)
        if let first = parts.first, first.hasPrefix("v1.") { parts.removeFirst() }
        call = Call(method: words[0], path: parts.joined(separator: "/"))
        name = target.queryItems?.first { $0.name == "name" }?.value
        id = parts.count > 1 && parts[0] == "containers" ? parts[1] : nil
    }

    func answer(_ status: Int, _ body: JSON, on client: Int32) { answer(status, text: body.encodedText, on: client) }

    func answer(_ status: Int, text: String, on client: Int32) {
        let head =
            "HTTP/1.1 \(status) Simulated\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n"
        _ = send(Array((head + text).utf8), on: client)
    }
}

/// Empty at the end, and when the connection is broken.
func readSome(from socket: Int32) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = recv(socket, &buffer, buffer.count, 0)
        if count < 0, errno == EINTR { continue }
        return count > 0 ? Array(buffer[..<count]) : []
    }
}

func send(_ bytes: [UInt8], on socket: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
        let count = bytes.withUnsafeBytes { send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL)) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        sent += count
    }
    return true
}

/// The address of a unix socket, for the calls of the system.
func withAddress<Result>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
}
