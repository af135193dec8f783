import DockerEngine
import EngineStub
import LosslessJSON
import Synchronization

/// An engine in memory, on a real socket: containers with their names, which do what they are told, and faults to order.
final class ModelEngine: Sendable {
    struct Container: Sendable {
        let id: String
        var name: String
        var isRunning = false
        var isRestarting = false
        var restartCount = 0
        /// What every look at it adds to that.
        var restartsPerLook = 0
        /// Is gone when it ends (`--rm`).
        var removesItself = false
        /// Was asked to end, and still runs.
        var isEnding = false
        var endsAtOnce = false
        var body: JSON = .object(JSONObject([]))

        init(_ id: String, _ name: String, isRunning: Bool = true) {
            self.id = id
            self.name = name
            self.isRunning = isRunning
        }
    }

    struct State: Sendable {
        var containers: [Container] = []
        var calls: [String] = []
        /// Statuses to be answered instead, by the call, one after the other; a call with a trailing `…` is done as well.
        var faults: [String: [Int]] = [:]
        /// What is created ends when it is started.
        var newEndsAtOnce = false
        /// What a look at the host says, one after the other; the last one stays.
        var reports = ["INFO: env TOKEN=t0ken\nINFO: env CATTLE_VAR_LIB_WRITABLE=true\n"]
        /// The bodies of all creations.
        var created: [JSON] = []
    }

    let state: Mutex<State>

    init(_ containers: [Container] = [], _ change: (inout State) -> Void = { _ in }) {
        var first = State()
        first.containers = containers
        change(&first)
        state = Mutex(first)
    }

    var names: [String: String] {
        Dictionary(uniqueKeysWithValues: state.withLock { $0.containers.map { ($0.id, $0.name) } })
    }

    /// The ids of those that run.
    var running: Set<String> { Set(state.withLock { $0.containers.filter(\.isRunning).map(\.id) }) }
    var calls: [String] { state.withLock { $0.calls } }
    var created: [JSON] { state.withLock { $0.created } }

    /// Runs it and a client of it for the length of the body.
    func run(_ body: (EngineClient) async throws -> Void) async throws {
        try await withStub(version: "1.41") { request, connection in
            let (status, text) = self.answer(request)
            try await connection.answer(status, text)
        } body: { stub in
            // However busy this machine is: it is not the engine that is tested.
            var deadlines = Deadlines()
            (deadlines.connect, deadlines.ping, deadlines.inspect) = (.seconds(60), .seconds(60), .seconds(60))
            (deadlines.list, deadlines.rename, deadlines.stopMargin) = (.seconds(60), .seconds(60), .seconds(60))
            try await using(try stub.client(deadlines: deadlines)) { try await body($0) }
        }
    }

    private func answer(_ request: StubRequest) -> (Int, String) {
        let halves = request.path.split(separator: "?", maxSplits: 1)
        let call = "\(request.method) \(halves[0])"
        let name = halves.count > 1 ? halves[1].split(separator: "&").first { $0.hasPrefix("name=") } : nil
        return state.withLock { state in
            if !call.hasSuffix("/version") { state.calls.append(call) }
            for key in [call, call + "…"] {
                guard let status = state.faults[key]?.first else { continue }
                state.faults[key]?.removeFirst()
                if key == call + "…" {
                    _ = Self.act(call, name.map { String($0.dropFirst(5)) }, request.body, &state)
                }
                return (status, #"{"message":"ordered"}"#)
            }
            return Self.act(call, name.map { String($0.dropFirst(5)) }, request.body, &state)
        }
    }

    private static func act(_ call: String, _ name: String?, _ body: [UInt8], _ state: inout State) -> (Int, String) {
        let parts = call.split(separator: " ")
        let path = parts[1].split(separator: "/").map(String.init)
        if call == "POST /containers/create" { return create(name, body, &state) }
        guard path.count > 1, path[0] == "containers" else { return (404, #"{"message":"no such page"}"#) }
        guard let index = state.containers.firstIndex(where: { $0.id == path[1] || $0.name == path[1] }) else {
            return (404, #"{"message":"No such container: \#(path[1])"}"#)
        }
        switch (parts[0], path.count > 2 ? path[2] : "") {
        case ("GET", "json"):
            state.containers[index].restartCount += state.containers[index].restartsPerLook
            return (200, inspection(state.containers[index]).encodedText)
        case ("GET", "logs"):
            let isLook = state.containers[index].body["Cmd"] == ["inspect-host"]
            let text = isLook ? state.reports[0] : "its last words\n"
            if isLook, state.reports.count > 1 { state.reports.removeFirst() }
            // The head of a frame: the output, and the length, here of a single byte that is a character too.
            return (
                200,
                text.split(separator: "\n").map {
                    "\u{1}\0\0\0\0\0\0\(Character(Unicode.Scalar(UInt8($0.utf8.count + 1))))\($0)\n"
                }
                .joined()
            )
        case ("POST", "start"):
            if state.containers[index].isRunning { return (304, "") }
            state.containers[index].isRunning = !state.containers[index].endsAtOnce
            return (204, "")
        case ("POST", "stop"):
            if !state.containers[index].isRunning { return (304, "") }
            state.containers[index].isRunning = false
            if state.containers[index].removesItself { state.containers.remove(at: index) }
            return (204, "")
        case ("POST", "wait"):
            if state.containers[index].isEnding { state.containers[index].isRunning = false }
            return (200, #"{"StatusCode":0}"#)
        case ("POST", "rename"):
            if state.containers[index].name == name { return (400, #"{"message":"the same name"}"#) }
            if state.containers.contains(where: { $0.name == name }) { return (409, #"{"message":"taken"}"#) }
            state.containers[index].name = name ?? ""
            return (204, "")
        case ("DELETE", ""):
            state.containers.remove(at: index)
            return (204, "")
        default: return (404, #"{"message":"no such page"}"#)
        }
    }

    private static func create(_ name: String?, _ body: [UInt8], _ state: inout State) -> (Int, String) {
        if let name, state.containers.contains(where: { $0.name == name }) { return (409, #"{"message":"taken"}"#) }
        let id = "new\(state.created.count + 1)"
        var container = Container(id, name ?? "look\(state.created.count)", isRunning: false)
        container.body = (try? JSON(parsing: body)) ?? .null
        container.endsAtOnce = state.newEndsAtOnce || container.body["Cmd"] == ["inspect-host"]
        state.containers.append(container)
        state.created.append(container.body)
        return (201, #"{"Id":"\#(id)"}"#)
    }

    private static func inspection(_ container: Container) -> JSON {
        [
            "Id": .string(container.id), "Name": .string("/\(container.name)"),
            "Config": [
                "Image": container.body["Image"].isNull ? "agent:2" : container.body["Image"],
                "Env": container.body["Env"].isNull ? [] : container.body["Env"],
                "Labels": container.body["Labels"].isNull
                    ? ["io.rancher.container.system": "rancher-agent"] : container.body["Labels"],
            ],
            "HostConfig": ["NetworkMode": "default", "Privileged": true],
            "State": ["Running": .bool(container.isRunning), "Restarting": .bool(container.isRestarting)],
            "RestartCount": JSON(integerLiteral: container.restartCount), "Mounts": [],
        ]
    }
}
