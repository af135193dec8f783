import Foundation
import LosslessJSON
import Synchronization

/// Stands between the agent and the engine, on a socket of its own, and spoils calls by order.
package final class FaultProxy: Sendable {
    /// Which calls to spoil, and how.
    private struct Order {
        var call: EngineCall
        /// Only about the container, volume or image of this name; `nil` for any.
        var subject: String?
        var fault: EngineFault
        /// How many matching calls are let through first.
        var skip = 0
        var count = 1
    }

    /// A call that came by.
    package struct Passage: Sendable {
        package let call: EngineCall
        /// What it is about, if that is known: of a container the name that it was created with.
        package let subject: String?
        package let fault: EngineFault?
    }

    private struct State {
        var orders: [Order] = []
        var storm: FaultStorm?
        /// How many calls of a kind about a thing the storm has seen.
        var numbers: [String: Int] = [:]
        var passages: [Passage] = []
        var namesByID: [String: String] = [:]
        var listener: Int32?
        var connections: Set<Int32> = []
        /// The connections of subscribers to the engine's events.
        var subscriptions: Set<Int32> = []
        /// Raised by every outage and by the end: a connection of an older time is cut.
        var age = 0
        var isStopped = false
    }

    package let socket: String
    private let engineSocket: String
    private let state = Mutex(State())

    /// - Parameters:
    ///   - socket: Where it listens.
    ///   - engineSocket: Where the engine does.
    package init(socket: String, engineSocket: String) throws {
        self.socket = socket
        self.engineSocket = engineSocket
        try up()
    }

    /// What the agent is given as DOCKER_HOST.
    package var host: String { "unix://\(socket)" }

    // MARK: Orders

    /// Spoils the next calls of this kind. Orders that were given earlier go first.
    ///
    /// - Parameters:
    ///   - subject: Only about the container, volume or image of this name; of ``EngineCall/list`` the value of the
    ///     label that is looked for.
    ///   - skip: How many such calls are let through first.
    package func order(
        _ call: EngineCall, of subject: String? = nil, _ fault: EngineFault, skip: Int = 0, count: Int = 1
    ) {
        state.withLock {
            $0.orders.append(Order(call: call, subject: subject, fault: fault, skip: skip, count: count))
        }
    }

    /// Whether a call of this kind is still to be spoilt.
    package func isToSpoil(_ call: EngineCall) -> Bool {
        state.withLock { $0.orders.contains { $0.call == call && $0.count > 0 } }
    }

    /// Spoils whatever no order is for.
    package func order(_ storm: FaultStorm) {
        state.withLock {
            $0.storm = storm
            $0.numbers = [:]
        }
    }

    package func cancelOrders() {
        state.withLock {
            $0.orders = []
            $0.storm = nil
        }
    }

    /// Lets the calls about this pass again.
    package func cancelOrders(of subject: String) {
        state.withLock { $0.orders.removeAll { $0.subject == subject } }
    }

    package var passages: [Passage] { state.withLock { $0.passages } }

    package func count(_ call: EngineCall, of subject: String? = nil) -> Int {
        passages.count { $0.call == call && (subject == nil || $0.subject == subject) }
    }

    /// Ends the streams of events that are open, and nothing else.
    package func cutEvents() {
        state.withLock { state in
            for connection in state.subscriptions { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    // MARK: Outages

    /// The engine is gone: connecting is refused and all connections are cut.
    package func down() {
        state.withLock { state in
            state.age += 1
            unlink(socket)
            if let listener = state.listener { shutdown(listener, Int32(SHUT_RDWR)) }
            state.listener = nil
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    /// The engine is back.
    package func up() throws {
        let listener = unixSocket()
        guard listener >= 0 else {
            throw FaultProxyError(description: "no socket: \(String(cString: strerror(errno)))")
        }
        unlink(socket)
        guard withAddress(socket, { bind(listener, $0, $1) }) == 0, listen(listener, 512) == 0 else {
            throw FaultProxyError(
                description: "the proxy cannot listen at \(socket): \(String(cString: strerror(errno)))")
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

    package func stop() {
        state.withLock { $0.isStopped = true }
        down()
    }

    private func outage(_ length: Duration) {
        down()
        Self.thread {
            usleep(UInt32(length / .microseconds(1)))
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
        state.withLock {
            $0.connections.remove(connection)
            $0.subscriptions.remove(connection)
        }
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
        case .answer(let status, let message): return request.answer(status, message, on: client)
        case .page(let status): return request.answer(status, text: "<html>\(status)</html>", on: client)
        case .delay(let length): if !wait(length, age) { return }
        case .cutAfter, .hangAfter, .answerAfter, .halfAnswer, .brokenJSON, .emptyJSON, .outageAfter, nil: break
        }

        let upstream = unixSocket()
        guard upstream >= 0 else { return }
        guard track(upstream) else {
            close(upstream)
            return
        }
        defer { end(upstream) }
        guard withAddress(engineSocket, { connect(upstream, $0, $1) }) == 0, send(request.forwarded, on: upstream)
        else { return }
        if request.call == .events {
            state.withLock { _ = $0.subscriptions.insert(client) }
            serveEvents(fault, client, upstream)
        } else {
            answer(request, fault, client, upstream)
        }
    }

    /// The engine has the call.
    private func answer(_ request: ProxiedRequest, _ fault: EngineFault?, _ client: Int32, _ upstream: Int32) {
        switch fault {
        case .delay, nil:
            guard request.call == .create else { return relay(client, upstream) }
            let answer = readAll(from: upstream)
            learn(request, answer)
            _ = send(answer, on: client)
            return
        default: break
        }
        let answer = readAll(from: upstream)
        learn(request, answer)
        switch fault {
        case .hangAfter: waitForEnd(of: client)
        case .answerAfter(let status, let message): request.answer(status, message, on: client)
        case .halfAnswer: _ = send(Self.half(answer), on: client)
        case .brokenJSON: request.answer(request.successStatus, text: #"{"Id": "broken"#, on: client)
        case .emptyJSON: request.answer(request.successStatus, text: "{}", on: client)
        case .outageAfter(let length): outage(length)
        case .cutAfter, .cutBefore, .hangBefore, .answer, .page, .outageBefore, .delay, nil: break
        }
    }

    /// The stream is opened; what is to go wrong goes wrong with its first event, which is lost.
    private func serveEvents(_ fault: EngineFault?, _ client: Int32, _ upstream: Int32) {
        switch fault {
        case .delay, nil: return relay(client, upstream)
        default: break
        }
        var head: [UInt8] = []
        var end: Int?
        while end == nil {
            let some = readSome(from: upstream)
            if some.isEmpty { return }
            head += some
            end = ProxiedRequest.headEnd(of: head)
        }
        guard let end, send(Array(head[..<end]), on: client) else { return }
        if fault == .hangAfter { return waitForEnd(of: client) }
        var event = Array(head[end...])
        if event.isEmpty { event = readUnlessGone(client, upstream) }
        guard !event.isEmpty else { return }
        switch fault {
        case .halfAnswer: _ = send(Array(event.prefix(event.count / 2)), on: client)
        case .brokenJSON:
            _ = send(Self.chunk("}{ no event"), on: client)
            waitForEnd(of: client)
        case .emptyJSON:
            _ = send(Self.chunk("{}"), on: client)
            relay(client, upstream)
        case .outageAfter(let length): outage(length)
        case .cutAfter, .answerAfter, .cutBefore, .hangBefore, .hangAfter, .answer, .page, .outageBefore, .delay, nil:
            break
        }
    }

    private static func chunk(_ text: String) -> [UInt8] {
        Array("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n".utf8)
    }

    private static func half(_ answer: [UInt8]) -> [UInt8] {
        guard let end = ProxiedRequest.headEnd(of: answer), end < answer.count else {
            return Array(answer.prefix(answer.count / 2))
        }
        return Array(answer.prefix(end + (answer.count - end) / 2))
    }

    private func fault(for request: ProxiedRequest) -> EngineFault? {
        state.withLock { state in
            let subject = request.subject.map { state.namesByID[$0] ?? $0 }
            var struck: EngineFault?
            for index in state.orders.indices {
                let order = state.orders[index]
                guard order.call == request.call, order.subject == nil || order.subject == subject else { continue }
                if order.skip > 0 {
                    state.orders[index].skip -= 1
                } else if order.count > 0 {
                    state.orders[index].count -= 1
                    struck = order.fault
                    break
                }
            }
            if struck == nil, let storm = state.storm {
                let number = state.numbers["\(request.call) \(subject ?? "")", default: 0] + 1
                state.numbers["\(request.call) \(subject ?? "")"] = number
                struck = storm.fault(in: request.call, of: subject ?? "", number: number)
            }
            state.passages.append(Passage(call: request.call, subject: subject, fault: struck))
            return struck
        }
    }

    /// The name of a container that was just created, to know it by its id later.
    private func learn(_ request: ProxiedRequest, _ answer: [UInt8]) {
        guard request.call == .create, let name = request.subject else { return }
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
            let some = readUnlessGone(client, upstream)
            guard !some.isEmpty, send(some, on: client) else { return }
        }
    }

    /// What the engine says next; empty when one of them has gone.
    private func readUnlessGone(_ client: Int32, _ upstream: Int32) -> [UInt8] {
        while true {
            var sockets = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: upstream, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&sockets, 2, -1)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return [] }
            if sockets[1].revents != 0 { return readSome(from: upstream) }
            if sockets[0].revents != 0, readSome(from: client).isEmpty { return [] }
        }
    }
}
