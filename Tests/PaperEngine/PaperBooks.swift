import LosslessJSON
import NIOCore

/// All that the engine knows, and how it answers.
struct PaperBooks {
    var apiVersion = "1.43"

    struct Container {
        let id: String
        let name: String
        let labels: JSON
        let image: JSON
        var state = "created"
        var startedAt = "0001-01-01T00:00:00Z"
    }

    var containers: [String: Container] = [:]
    var created = 0
    var calls: [String: Int] = [:]
    var lastCreateBody: JSON = nil
    /// Events that have not been told yet.
    var news: [JSON] = []
    private var idsByName: [String: String] = [:]
    /// By their labels as `name=value`: whoever looks for one among thousands is answered at once as well.
    private var idsByLabel: [String: Set<String>] = [:]
    private var volumes: Set<String> = []
    private var clock = 0

    var listener: (any Channel)?
    var connections: [ObjectIdentifier: any Channel] = [:]
    var watchers: [ObjectIdentifier: any Channel] = [:]

    mutating func answer(_ request: PaperRequest) -> (status: Int, body: JSON) {
        let shape = request.shape
        calls[shape, default: 0] += 1
        switch shape {
        case "GET /_ping", "HEAD /_ping": return (200, "OK")
        case "GET /version":
            return (200, ["ApiVersion": .string(apiVersion), "MinAPIVersion": "1.24", "Version": "24.0.0"])
        case "GET /containers/json": return (200, list(request))
        case "POST /containers/create": return create(request)
        case "GET /containers/*/json", "POST /containers/*/start", "POST /containers/*/stop",
            "POST /containers/*/kill", "DELETE /containers/*":
            return work(request, shape)
        case "POST /images/create": return (200, ["status": "Downloading"])
        case "GET /images/*/json": return (200, ["Id": .string("sha256:\(request.subject)")])
        case "POST /images/*/tag": return (201, nil)
        case "DELETE /images/*": return (200, [])
        case "POST /volumes/create":
            let name = request.body["Name"].text ?? ""
            volumes.insert(name)
            return (201, volume(name))
        case "GET /volumes/*":
            guard volumes.contains(request.subject) else { return (404, ["message": "no such volume"]) }
            return (200, volume(request.subject))
        case "DELETE /volumes/*":
            return (volumes.remove(request.subject) == nil ? 404 : 204, ["message": "no such volume"])
        default: return (200, [:])
        }
    }

    private func volume(_ name: String) -> JSON {
        ["Name": .string(name), "Driver": "local", "Mountpoint": "/nowhere"]
    }

    private func list(_ request: PaperRequest) -> JSON {
        let filters = request.query["filters"].flatMap { try? JSON(parsing: $0) } ?? nil
        let wanted = filters["label"][0].text
        let hits = wanted.map { idsByLabel[$0, default: []].compactMap { containers[$0] } } ?? Array(containers.values)
        return .array(
            hits.map { container in
                [
                    "Id": .string(container.id), "Names": [.string("/" + container.name)], "Image": container.image,
                    "State": .string(container.state), "Labels": container.labels, "Mounts": [],
                ]
            })
    }

    private static func labels(_ container: Container?) -> [String] {
        container?.labels.object?.map { "\($0.key)=\($0.value.text ?? "")" } ?? []
    }

    private mutating func create(_ request: PaperRequest) -> (Int, JSON) {
        let name = request.query["name"] ?? ""
        lastCreateBody = request.body
        if let id = idsByName[name] {
            return (409, ["message": .string("Conflict. The name \"/\(name)\" is in use by container \"\(id)\".")])
        }
        created += 1
        let number = String(created, radix: 16)
        let id = String(repeating: "0", count: 64 - number.count) + number
        containers[id] = Container(
            id: id, name: name, labels: request.body["Labels"], image: request.body["Image"])
        idsByName[name] = id
        for label in Self.labels(containers[id]) { idsByLabel[label, default: []].insert(id) }
        tell("create", id)
        return (201, ["Id": .string(id), "Warnings": []])
    }

    private mutating func work(_ request: PaperRequest, _ shape: String) -> (Int, JSON) {
        let subject = request.subject
        let id = idsByName[subject] ?? subject
        guard let container = containers[id] else {
            return (404, ["message": .string("No such container: \(subject)")])
        }
        let runs = container.state == "running"
        switch shape {
        case "POST /containers/*/start":
            if runs { return (304, nil) }
            clock += 1
            containers[id]?.state = "running"
            containers[id]?.startedAt = "2024-01-01T00:00:00.\(String(clock + 1_000_000_000).dropFirst())Z"
            tell("start", id)
        case "POST /containers/*/stop":
            if !runs { return (304, nil) }
            end(id)
        case "POST /containers/*/kill":
            if !runs { return (409, ["message": .string("Container \(id) is not running")]) }
            end(id)
        case "DELETE /containers/*":
            if runs { return (409, ["message": .string("You cannot remove a running container \(id).")]) }
            tell("destroy", id)
            for label in Self.labels(container) {
                idsByLabel[label]?.remove(id)
                if idsByLabel[label]?.isEmpty == true { idsByLabel[label] = nil }
            }
            containers[id] = nil
            idsByName[container.name] = nil
        default: return (200, inspection(container))
        }
        return (204, nil)
    }

    private mutating func end(_ id: String) {
        containers[id]?.state = "exited"
        tell("die", id)
        tell("stop", id)
    }

    private func inspection(_ container: Container) -> JSON {
        let runs = container.state == "running"
        return [
            "Id": .string(container.id), "Created": "2024-01-01T00:00:00.000000000Z",
            "Name": .string("/" + container.name), "Image": "sha256:0123456789", "RestartCount": 0,
            "State": [
                "Status": .string(container.state), "Running": .bool(runs), "Paused": false, "Restarting": false,
                "Dead": false, "Pid": .integer(runs ? 4711 : 0), "ExitCode": 0, "Error": "",
                "StartedAt": .string(container.startedAt), "FinishedAt": "0001-01-01T00:00:00Z",
            ],
            "Config": ["Labels": container.labels, "Image": container.image, "Tty": false, "Env": []],
            "HostConfig": ["NetworkMode": "default", "Privileged": false, "Binds": nil], "Mounts": [],
            "NetworkSettings": [
                "IPAddress": "172.17.0.2", "Ports": [:],
                "Networks": ["bridge": ["IPAddress": "172.17.0.2", "MacAddress": "02:42:ac:11:00:02"]],
            ],
        ]
    }

    private mutating func tell(_ action: String, _ id: String) {
        guard !watchers.isEmpty, let container = containers[id] else { return }
        clock += 1
        var attributes = container.labels.object ?? JSONObject()
        attributes["name"] = .string(container.name)
        attributes["image"] = container.image
        news.append([
            "status": .string(action), "id": .string(id), "from": container.image, "Type": "container",
            "Action": .string(action), "Actor": ["ID": .string(id), "Attributes": .object(attributes)],
            "scope": "local", "time": 1_704_067_200, "timeNano": .integer(1_704_067_200_000_000_000 + clock),
        ])
    }
}
