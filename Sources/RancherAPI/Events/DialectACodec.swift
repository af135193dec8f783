import LosslessJSON
package import Model

/// The events of Rancher 2.0's technology preview, in both directions (PROTOCOL 3.3, 4, 5, 6; dialect A). Pure.
package struct DialectACodec: EventCodec {
    /// It has no settings.
    package init() {}

    /// The names to subscribe to (PROTOCOL 3.1).
    package static let eventNames = [
        "compute.instance.activate",
        "compute.instance.deactivate",
        "compute.instance.inspect",
        "compute.instance.pull",
        "compute.instance.remove",
        "storage.volume.remove",
        "ping",
    ]

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

        let kind = Kind(rawValue: name)
        if replyTo == nil, kind == nil {
            return .malformed(reason: "an event of the unknown name \(name) that wants no answer")
        }
        if replyTo != nil, id == nil { return .malformed(reason: "an event \(name) without an id cannot be answered") }

        let resourceID = event["resourceId"].nonEmptyText
        let header = EventHeader(
            // Nobody waits for an answer, but the work is done all the same, and a record needs a name.
            id: id ?? "local-\(name)-\(resourceID ?? "")-\(event["time"].text ?? "0")",
            name: name,
            replyTo: replyTo,
            resourceID: resourceID,
            resourceType: event["resourceType"].nonEmptyText)
        return .event(IncomingEvent(header: header, request: request(kind, event, header), frame: frame))
    }

    private func request(_ kind: Kind?, _ event: JSON, _ header: EventHeader) -> Request {
        let data = PayloadField(path: "", value: event["data"])
        do {
            switch kind {
            case .activate: return .activateInstance(try Self.activation(data, header))
            case .deactivate: return .deactivateInstance(try Self.deactivation(data, header))
            case .remove: return .removeInstance(try Self.removal(data, header))
            case .inspect: return try Self.inspection(data)
            case .pull: return try Self.pull(data)
            case .volumeRemove: return .removeVolume(try Self.volumeRemoval(data))
            case .ping: return .ping(Self.pingOptions(data))
            case nil: return .unusable(reason: "this agent does not handle events named \(header.name)")
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

    enum Kind: String {
        case activate = "compute.instance.activate"
        case deactivate = "compute.instance.deactivate"
        case inspect = "compute.instance.inspect"
        case pull = "compute.instance.pull"
        case remove = "compute.instance.remove"
        case volumeRemove = "storage.volume.remove"
        case ping
    }
}
