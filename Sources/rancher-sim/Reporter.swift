import Glibc
import LosslessJSON
import RancherSimulator

/// Writes a line at once, into a pipe as well.
///
/// Not through stdio: its buffers would have to be flushed, and without naming the global `stdout` that means all of
/// them, which waits for the standard input where the console is reading.
func write(_ line: String) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        // Nobody reads any more.
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}

/// Tells what happens at the server, a line each.
struct Reporter {
    private struct Asked {
        let name: String
        let time: ContinuousClock.Instant
    }

    let isVerbose: Bool
    private var asked: [String: Asked] = [:]
    /// The events that were asked, oldest first, so that old ones can be forgotten.
    private var order: [String] = []
    private static let limit = 1000

    init(isVerbose: Bool) { self.isVerbose = isVerbose }

    mutating func report(_ observation: Observation) {
        switch observation {
        case .registered(let key, let agentID): line("registered", agentID, "key \(key)")
        case .subscribed(let subscription):
            line("subscribed", subscription.agentID, subscription.eventNames.joined(separator: " "))
        case .unsubscribed(let subscription): line("unsubscribed", subscription.agentID)
        case .sent(let event, let subscribers): sent(event, subscribers: subscribers)
        case .published(let message): published(message)
        case .containerEvent(let event):
            line("docker", event["externalStatus"].text ?? "", short(event["externalId"].text ?? ""))
            details(event)
        case .refused(let request):
            let status = request.status == 0 ? "no answer" : "status \(request.status)"
            line("refused", "\(request.method) \(request.path)", status)
        }
    }

    private mutating func sent(_ event: JSON, subscribers: Int) {
        guard subscribers > 0 else { return }
        let id = event["id"].text ?? ""
        let name = event["name"].text ?? ""
        if asked[id] == nil {
            asked[id] = Asked(name: name, time: .now)
            order.append(id)
            if order.count > Self.limit { asked[order.removeFirst()] = nil }
            line("sent", name, event["resourceId"].text ?? "")
        } else {
            line("sent again", name, event["resourceId"].text ?? "")
        }
        details(event)
    }

    private func published(_ message: Published) {
        let event = message.eventID.flatMap { asked[$0] }
        let name = event?.name ?? message.name
        switch message.outcome {
        case .progress(let text): line("progress", name, text, at: message.arrivalMilliseconds)
        case .success:
            line(
                "answered", name, "success" + summary(message) + elapsed(event, message),
                at: message.arrivalMilliseconds)
        case .failure(let text):
            line("answered", name, "error: \(text)" + elapsed(event, message), at: message.arrivalMilliseconds)
        }
        for objection in message.objections { line("objection", name, objection) }
        details(message.message)
    }

    /// What is worth to be seen of an answer's data.
    private func summary(_ message: Published) -> String {
        var parts: [String] = []
        let status = message.instanceStatus
        if let id = status["externalId"].nonEmptyText { parts.append("container \(short(id))") }
        if let running = status["dockerInspect"]["State"]["Running"].boolean {
            parts.append(running ? "running" : "stopped")
        }
        if let address = status["primaryIpAddress"].nonEmptyText { parts.append(address) }
        if let id = message.data["instanceInspect"]["Id"].nonEmptyText { parts.append("container \(short(id))") }
        if let resources = message.data["resources"].array, !resources.isEmpty {
            parts.append("\(resources.count) resources")
        }
        return parts.isEmpty ? "" : ", " + parts.joined(separator: ", ")
    }

    private func elapsed(_ event: Asked?, _ message: Published) -> String {
        guard let event else { return "" }
        let milliseconds = max(0, (message.arrival - event.time) / .milliseconds(1))
        return ", \(Int(milliseconds)) ms"
    }

    private func short(_ id: String) -> String { String(id.prefix(12)) }

    private func details(_ json: JSON) {
        if isVerbose { write(json.prettyText) }
    }

    private func line(_ what: String, _ subject: String, _ text: String = "", at milliseconds: Int? = nil) {
        let columns = [
            clock(milliseconds ?? Self.now()), padded(what, 12), text.isEmpty ? subject : padded(subject, 27), text,
        ]
        write(columns.filter { !$0.isEmpty }.joined(separator: "  "))
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// The time of day, in UTC.
    private func clock(_ milliseconds: Int) -> String {
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let seconds = milliseconds / 1000
        return digits(seconds / 3600 % 24, 2) + ":" + digits(seconds / 60 % 60, 2) + ":" + digits(seconds % 60, 2)
            + "." + digits(milliseconds % 1000, 3)
    }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
