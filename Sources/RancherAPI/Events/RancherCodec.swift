import LosslessJSON
package import Model

/// The events of the Rancher servers, in both directions and both dialects (PROTOCOL 3.3, 4, 5, 6). Each event is told
/// from its own words, so that what was stored can be read whichever server is spoken to now. Pure.
package struct RancherCodec: EventCodec {
    let facts: AgentFacts

    /// - Parameter facts: What servers of dialect B leave to the agent to add.
    package init(facts: AgentFacts = AgentFacts()) { self.facts = facts }

    /// The names to subscribe to (PROTOCOL 3.1).
    ///
    /// - Parameter dialect: The server's; `nil` if it is not known yet, then all. One that never comes costs nothing.
    package static func eventNames(for dialect: Dialect?) -> [String] {
        EventKind.allCases.filter { dialect.map($0.isSubscribed) ?? $0.isSubscribed(in: .b) }.map(\.rawValue)
    }

    /// Reads a frame that was accepted before.
    ///
    /// - Throws: ``FrameError`` for whatever ``read(frame:)`` does not find an event in.
    package func decode(frame: String) throws -> IncomingEvent {
        switch read(frame: frame) {
        case .event(let event): return event
        case .blank: throw FrameError(reason: "a blank frame")
        case .heartbeat: throw FrameError(reason: "a heartbeat")
        case .malformed(let reason): throw FrameError(reason: reason)
        }
    }

    /// Reads any frame (PROTOCOL 3.2, 3.3). An event whose payload is of no use is still an event: it gets an answer.
    package func read(frame: String) -> FrameContent {
        if frame.utf8.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { return .blank }
        let event: JSON
        do {
            event = try JSON(parsing: frame)
        } catch {
            return .malformed(reason: "no JSON: \(error)")
        }
        guard event.object != nil else { return .malformed(reason: "no JSON object") }

        let replyTo = event["replyTo"].nonEmptyText
        let id = event["id"].nonEmptyText
        guard let name = event["name"].nonEmptyText else { return .malformed(reason: "an event without a name") }
        if name == "ping", replyTo == nil { return .heartbeat }

        let kind = EventKind(eventName: name)
        if replyTo == nil, kind == nil {
            return .malformed(reason: "an event of the unknown name \(name) that wants no answer")
        }
        if replyTo != nil, id == nil { return .malformed(reason: "an event \(name) without an id cannot be answered") }

        let resourceID = event["resourceId"].nonEmptyText
        let resourceType = event["resourceType"].nonEmptyText
        let header = EventHeader(
            // Nobody waits for an answer, but the work is done all the same, and a record needs a name.
            id: id ?? "local-\(name)-\(resourceID ?? "")-\(event["time"].text ?? "0")",
            name: name,
            replyTo: replyTo,
            resourceID: resourceID,
            resourceType: resourceType,
            dialect: kind?.dialect(of: event["data"], resourceType: resourceType) ?? .a)
        return .event(IncomingEvent(header: header, request: request(kind, event, header), frame: frame))
    }

    private func request(_ kind: EventKind?, _ event: JSON, _ header: EventHeader) -> Request {
        guard let kind else { return .unusable(reason: "this agent does not handle events named \(header.name)") }
        let data = PayloadField(path: "", value: event["data"])
        do {
            return switch header.dialect {
            case .a: try DialectA.request(kind, data, header)
            case .b: try DialectB.request(kind, data, header, facts)
            }
        } catch {
            return .unusable(reason: Self.harmless(error.reason))
        }
    }

    /// A text that no server takes for something else: one that begins with `class:` would be taken as the name of a
    /// Java class (PROTOCOL 3.5).
    static func harmless(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        if start.isEmpty { return "error: no reason was given" }
        return start.prefix(6).lowercased() == "class:" ? "error: \(start)" : text
    }
}
