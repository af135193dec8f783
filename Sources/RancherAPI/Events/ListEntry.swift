import LosslessJSON
import Model

/// The element of the engine's list that shows the same container as an inspection does. It is worked out, and not
/// asked for: so the answer tells of one moment, and is the same for the same inspection.
struct ListEntry {
    /// One port of a container.
    struct Port: Hashable {
        /// Of the host; empty unless it is published.
        var address = ""
        /// Of the host; empty unless it is published.
        var publicPort = ""
        /// Of the container.
        var number: String
        var transport: String
    }

    let ports: [Port]
    private let inspection: JSON
    private let time: Timestamp

    /// - Parameter time: When the list would be made.
    init(_ inspection: JSON, at time: Timestamp) {
        self.inspection = inspection
        self.time = time
        var ports: [Port] = []
        for (key, value) in (inspection["NetworkSettings"]["Ports"].object ?? JSONObject()).map({ ($0.key, $0.value) })
            .sorted(by: { $0.0 < $1.0 })
        {
            let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
            guard let number = parts.first else { continue }
            let bindings = value.array ?? []
            let transport = parts.count > 1 ? parts[1] : "tcp"
            if bindings.isEmpty { ports.append(Port(number: number, transport: transport)) }
            for binding in bindings {
                let port = Port(
                    address: binding["HostIp"].text ?? "", publicPort: binding["HostPort"].text ?? "", number: number,
                    transport: transport)
                if !ports.contains(port) { ports.append(port) }
            }
        }
        self.ports = ports
    }

    var json: JSON {
        let configuration = inspection["Config"]
        let state = inspection["State"]
        var entry = JSONObject()
        entry.append("Id", inspection["Id"])
        entry.append("Names", .array([inspection["Name"]]))
        entry.append("Image", configuration["Image"])
        entry.append("ImageID", inspection["Image"])
        entry.append("Command", .string(command))
        entry.append("Created", .integer(Moment(inspection["Created"].text ?? "")?.seconds ?? 0))
        entry.append("Ports", .array(ports.map(Self.json)))
        entry.append("Labels", configuration["Labels"].isNull ? [:] : configuration["Labels"])
        entry.append("State", state["Status"])
        entry.append("Status", .string(status))
        entry.append("HostConfig", ["NetworkMode": inspection["HostConfig"]["NetworkMode"]])
        entry.append("NetworkSettings", ["Networks": inspection["NetworkSettings"]["Networks"]])
        entry.append("Mounts", inspection["Mounts"])
        return .object(entry)
    }

    private var command: String {
        let arguments = (inspection["Args"].array ?? []).compactMap(\.text).map { $0.contains(" ") ? "'\($0)'" : $0 }
        return ([inspection["Path"].text ?? ""] + arguments).joined(separator: " ")
    }

    private static func json(_ port: Port) -> JSON {
        var json = JSONObject()
        if !port.address.isEmpty { json.append("IP", .string(port.address)) }
        json.append("PrivatePort", .integer(Int(port.number) ?? 0))
        if let publicPort = Int(port.publicPort) { json.append("PublicPort", .integer(publicPort)) }
        json.append("Type", .string(port.transport))
        return .object(json)
    }

    /// The sentence that the engine shows to people.
    private var status: String {
        let state = inspection["State"]
        let exitCode = state["ExitCode"].integer ?? 0
        func since(_ key: String) -> String {
            guard let start = Moment(state[key].text ?? "")?.seconds else { return "Less than a second" }
            return Self.words(seconds: time.milliseconds / 1000 - start)
        }
        switch ContainerState(rawValue: state["Status"].text ?? "") {
        case .created: return "Created"
        case .running: return "Up \(since("StartedAt"))"
        case .paused: return "Up \(since("StartedAt")) (Paused)"
        case .restarting: return "Restarting (\(exitCode)) \(since("FinishedAt")) ago"
        case .removing: return "Removal In Progress"
        case .exited: return "Exited (\(exitCode)) \(since("FinishedAt")) ago"
        case .dead: return "Dead"
        case nil: return ""
        }
    }

    /// As the engine rounds a time.
    static func words(seconds: Int) -> String {
        let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600)
        switch seconds {
        case ..<1: return "Less than a second"
        case 1: return "1 second"
        case ..<60: return "\(seconds) seconds"
        case ..<120: return "About a minute"
        case ..<3600: return "\(minutes) minutes"
        default: break
        }
        switch hours {
        case 1: return "About an hour"
        case ..<48: return "\(hours) hours"
        case ..<(24 * 7 * 2): return "\(hours / 24) days"
        case ..<(24 * 30 * 2): return "\(hours / 24 / 7) weeks"
        case ..<(24 * 365 * 2): return "\(hours / 24 / 30) months"
        default: return "\(hours / 24 / 365) years"
        }
    }
}

/// A moment in the engine's words, such as `2026-11-23T06:58:01.123456789Z`.
struct Moment {
    /// Since the Unix epoch.
    let seconds: Int

    /// `nil` if the text is no moment, or the one that stands for none.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            guard bytes.count >= range.upperBound else { return nil }
            return Int(String(decoding: bytes[range], as: UTF8.self))
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19), year > 1,
            (1...12).contains(month)
        else { return nil }
        // Days since 1970-01-01 in the Gregorian calendar, with years that begin in March.
        let shifted = month > 2 ? year : year - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        seconds = days * 86400 + hour * 3600 + minute * 60 + second
    }
}
