import FaultProxy
import Foundation
import LosslessJSON
import Synchronization

/// An engine that does nothing, at once, and keeps account of it: for events that a real one had better not see.
final class PaperEngine: Sendable {
    private struct Container {
        let id: String
        let name: String
        let labels: JSON
        var state = "created"
    }

    private struct State {
        var containers: [String: Container] = [:]
        var volumes: Set<String> = []
        var images: Set<String> = []
        var created = 0
        var calls = 0
        var connections: Set<Int32> = []
        var isStopped = false
    }

    let socket: String
    private let listener: Int32
    private let state = Mutex(State())

    init(socket: String) throws {
        self.socket = socket
        listener = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        unlink(socket)
        guard listener >= 0, withAddress(socket, { bind(listener, $0, $1) }) == 0, listen(listener, 512) == 0 else {
            throw HarnessError("the engine cannot listen at \(socket): \(String(cString: strerror(errno)))")
        }
        Thread.detachNewThread { self.accept() }
    }

    /// How many requests were answered.
    var calls: Int { state.withLock { $0.calls } }
    /// How many containers were ever made.
    var created: Int { state.withLock { $0.created } }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            shutdown(listener, Int32(SHUT_RDWR))
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
        unlink(socket)
    }

    private func accept() {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            if client < 0, errno == EINTR || errno == ECONNABORTED { continue }
            guard client >= 0 else { break }
            let isWanted = state.withLock { state in
                if !state.isStopped { state.connections.insert(client) }
                return !state.isStopped
            }
            if isWanted { Thread.detachNewThread { self.serve(client) } } else { close(client) }
        }
        close(listener)
    }

    private func serve(_ client: Int32) {
        var rest: [UInt8] = []
        while let request = PaperRequest(readFrom: client, &rest) {
            if request.path == "/events" {
                _ = send(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8), on: client)
                while !readSome(from: client).isEmpty {}
                break
            }
            let (status, body) = state.withLock { state in
                state.calls += 1
                return Self.answer(request, &state)
            }
            let text = status == 204 || status == 304 ? "" : body.encodedText
            let head = """
                HTTP/1.1 \(status) Simulated\r\nApi-Version: 1.43\r\nContent-Type: application/json\r\n\
                Content-Length: \(text.utf8.count)\r\n\r\n
                """
            guard send(Array((head + text).utf8), on: client) else { break }
        }
        state.withLock { _ = $0.connections.remove(client) }
        close(client)
    }

    // MARK: Answers

    private static func answer(_ request: PaperRequest, _ state: inout State) -> (Int, JSON) {
        let call = EngineCall(
            method: request.method, path: String(request.path.dropFirst()), isFiltered: request.query["filters"] != nil)
        switch call {
        case .ping: return (200, "OK")
        case .version: return (200, ["ApiVersion": "1.43", "MinAPIVersion": "1.24", "Version": "20.10.24"])
        case .list, .listAll: return (200, list(request, state))
        case .create: return create(request, &state)
        case .inspect, .start, .stop, .kill, .remove: return work(call, request, &state)
        case .pull:
            state.images.insert(request.query["fromImage"] ?? "")
            return (200, ["status": "Downloading"])
        case .inspectImage: return (200, ["Id": .string("sha256:\(request.path.utf8.count)")])
        case .tagImage: return (201, nil)
        case .removeImage: return (200, [])
        case .createVolume:
            let name = request.body["Name"].text ?? ""
            state.volumes.insert(name)
            return (201, ["Name": .string(name), "Driver": "local", "Mountpoint": "/nowhere"])
        case .inspectVolume:
            guard state.volumes.contains(request.subject) else { return (404, ["message": "no such volume"]) }
            return (200, ["Name": .string(request.subject), "Driver": "local", "Mountpoint": "/nowhere"])
        case .removeVolume: return (state.volumes.remove(request.subject) == nil ? 404 : 204, ["message": "none"])
        case .info, .events, .other: return (200, [:])
        }
    }

    private static func list(_ request: PaperRequest, _ state: State) -> JSON {
        let filters = request.query["filters"].flatMap { try? JSON(parsing: $0) } ?? nil
        let wanted = filters["label"][0].text
        let hits = state.containers.values.filter { container in
            guard let wanted else { return true }
            return container.labels.object?.contains { "\($0.key)=\($0.value.text ?? "")" == wanted } == true
        }
        return .array(
            hits.map { container in
                [
                    "Id": .string(container.id), "Names": [.string("/" + container.name)],
                    "State": .string(container.state), "Labels": container.labels,
                ]
            })
    }

    private static func create(_ request: PaperRequest, _ state: inout State) -> (Int, JSON) {
        let name = request.query["name"] ?? ""
        if state.containers.values.contains(where: { $0.name == name }) {
            return (409, ["message": "the name is in use"])
        }
        state.created += 1
        let number = String(state.created, radix: 16)
        let id = String(repeating: "0", count: 64 - number.count) + number
        state.containers[id] = Container(id: id, name: name, labels: request.body["Labels"])
        return (201, ["Id": .string(id), "Warnings": []])
    }

    private static func work(_ call: EngineCall, _ request: PaperRequest, _ state: inout State) -> (Int, JSON) {
        let subject = request.subject
        guard
            let id = state.containers[subject]?.id ?? state.containers.values.first(where: { $0.name == subject })?.id,
            let container = state.containers[id]
        else {
            return (404, ["message": .string("No such container: \(subject)")])
        }
        let runs = container.state == "running"
        switch call {
        case .start: state.containers[id]?.state = "running"
        case .stop: if runs { state.containers[id]?.state = "exited" }
        case .kill:
            if !runs { return (409, ["message": "it is not running"]) }
            state.containers[id]?.state = "exited"
        case .remove:
            if runs { return (409, ["message": "it is running"]) }
            state.containers[id] = nil
        default:
            return (
                200,
                [
                    "Id": .string(id), "Name": .string("/" + container.name),
                    "State": ["Status": .string(container.state), "Running": .bool(runs)],
                    "Config": ["Labels": container.labels], "NetworkSettings": ["IPAddress": "172.17.0.2"],
                ]
            )
        }
        return (204, nil)
    }
}

/// A request as the engine reads it.
private struct PaperRequest {
    let method: String
    /// Without the version, unescaped.
    let path: String
    let query: [String: String]
    let body: JSON

    /// What stands between the kind of thing and what is to be done with it.
    var subject: String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2).first.map(String.init) ?? ""
    }

    /// - Parameter rest: What was read beyond the request before, and is read beyond this one.
    init?(readFrom client: Int32, _ rest: inout [UInt8]) {
        var end: Int?
        while end == nil {
            end = Data(rest).range(of: Data("\r\n\r\n".utf8))?.upperBound
            guard end == nil else { break }
            let some = readSome(from: client)
            if some.isEmpty { return nil }
            rest += some
        }
        guard let end else { return nil }
        let lines = String(decoding: rest[..<(end - 4)], as: UTF8.self).components(separatedBy: "\r\n")
        let length =
            lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) } ?? 0
        while rest.count < end + length {
            let some = readSome(from: client)
            if some.isEmpty { return nil }
            rest += some
        }
        body = length == 0 ? nil : (try? JSON(parsing: Array(rest[end..<(end + length)]))) ?? nil
        rest.removeFirst(end + length)

        let words = lines[0].split(separator: " ")
        guard words.count == 3 else { return nil }
        method = String(words[0])
        let halves = words[1].split(separator: "?", maxSplits: 1)
        var parts = halves[0].split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
        if parts.first?.hasPrefix("v1.") == true { parts.removeFirst() }
        path = "/" + parts.joined(separator: "/")
        var query: [String: String] = [:]
        for pair in halves.count > 1 ? halves[1].split(separator: "&") : [] {
            let sides = pair.split(separator: "=", maxSplits: 1).map { $0.removingPercentEncoding ?? String($0) }
            query[sides[0]] = sides.count > 1 ? sides[1] : ""
        }
        self.query = query
    }
}
