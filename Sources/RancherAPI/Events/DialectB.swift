import LosslessJSON
import Model

/// What the events of Rancher 1.6 say.
enum DialectB {
    static func request(
        _ kind: EventKind, _ data: PayloadField, _ header: EventHeader, _ facts: AgentFacts
    ) throws(UnusablePayload) -> Request {
        switch kind {
        case .activate: return .activateInstance(try activation(data, facts))
        case .deactivate: return .deactivateInstance(try deactivation(data, facts))
        case .remove: return .removeInstance(try removal(data, facts))
        case .forceStop: return .deactivateInstance(try forcedStop(data))
        case .imageActivate: return try imageActivation(data)
        case .volumeActivate: return try volumeActivation(data)
        case .volumeRemove: return try volumeRemoval(data)
        case .configUpdate: return try configurationUpdate(data, header, facts)
        // Neither the last agents nor their servers had anything to do here (PROTOCOL 5.10, 5.11).
        case .imageRemove, .volumeDeactivate: return .acknowledge
        // The same words in both dialects.
        case .inspect, .pull, .ping: return try DialectA.request(kind, data, header)
        }
    }

    /// A member of the payload that has to be there.
    static func map(_ data: PayloadField, _ key: String) throws(UnusablePayload) -> PayloadField {
        let field = data[key]
        guard !field.isAbsent else { throw UnusablePayload(reason: "\(field.path): missing") }
        guard field.value.object != nil else { throw field.unusable("an object") }
        return field
    }

    /// PROTOCOL 5.13.
    private static func configurationUpdate(
        _ data: PayloadField, _ header: EventHeader, _ facts: AgentFacts
    ) throws(UnusablePayload) -> Request {
        // Nobody wants to know: not even the old agents did anything.
        guard header.replyTo != nil else { return .acknowledge }
        var names: [String] = []
        let items = try data["items"].elements() ?? []
        var isUsable = false
        for item in items {
            // One that names nothing costs only itself.
            guard let name = item.value["name"].text, !name.isEmpty, name.utf8.first != UInt8(ascii: "-"),
                !name.utf8.contains(0)
            else { continue }
            isUsable = true
            if name == "pyagent", !facts.updatesAgent { continue }
            names.append(name)
        }
        guard isUsable || items.isEmpty else {
            throw UnusablePayload(reason: "\(data["items"].path): no item has a name that can be given to the script")
        }
        return items.isEmpty ? .acknowledge : .updateConfiguration(items: names)
    }
}
