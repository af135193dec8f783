package import LosslessJSON
package import Model

extension RancherCodec {
    /// The body of the one final answer (PROTOCOL 4.2, 4.3). To be sent only if the event has a `replyTo`.
    package func reply(to event: EventHeader, _ answer: Answer, messageID: String, at time: Timestamp) -> String {
        if let text = answer.failureText { return Self.failure(event, answer, text) }
        let data =
            switch event.dialect {
            case .a: DialectA.data(of: answer, to: event)
            case .b: DialectB.data(of: answer, to: event, facts, at: time)
            }
        return Self.success(event, data: data, messageID: messageID, at: time)
    }

    private static func failure(_ event: EventHeader, _ answer: Answer, _ text: String) -> String {
        var members: [(String, JSON)] = [
            ("name", .string(event.replyTo ?? "")),
            ("previousIds", [.string(event.id)]),
        ]
        if case .configurationFailed(let exitCode, let output) = answer {
            // The only failure that says more than its message (PROTOCOL 5.13).
            members += resource(event)
            members.append(("data", ["exitCode": .integer(exitCode), "output": .string(output)]))
        }
        members += [("transitioning", "error"), ("transitioningMessage", .string(harmless(text)))]
        return body(members)
    }

    /// The body of a progress message (PROTOCOL 4.4).
    package func progress(of event: EventHeader, text: String) -> String {
        var members: [(String, JSON)] = [
            ("name", .string(event.replyTo ?? "")),
            ("previousIds", [.string(event.id)]),
        ]
        members += Self.resource(event)
        members += [("transitioning", "yes"), ("transitioningMessage", .string(text))]
        return Self.body(members)
    }

    /// The answer to a ping (PROTOCOL 10.2).
    ///
    /// - Parameters:
    ///   - dialect: The server's, which the ping itself does not tell.
    ///   - resources: What was asked for, in the order of PROTOCOL 10.2.
    ///   - instancesComplete: Whether every container of the host is among the resources. The server takes containers
    ///     that are missing from a complete list for gone, so this is true only after a listing that succeeded.
    package func pingReply(
        to event: EventHeader, in dialect: Dialect = .a, resources: [JSON], instancesComplete: Bool,
        hashKey: String = "", messageID: String, at time: Timestamp
    ) -> String {
        var data = JSONObject()
        if dialect == .a || !resources.isEmpty { data.append("resources", .array(resources)) }
        data.append("options", instancesComplete ? ["instances": true] : [:])
        if dialect == .a { data.append("hashKey", .string(hashKey)) }
        return Self.success(event, data: .object(data), messageID: messageID, at: time)
    }

    private static func success(
        _ event: EventHeader, data: JSON?, messageID: String, at time: Timestamp
    ) -> String {
        var members: [(String, JSON)] = [
            ("id", .string(messageID)),
            ("name", .string(event.replyTo ?? "")),
            ("previousIds", [.string(event.id)]),
        ]
        members += resource(event)
        members.append(("time", .integer(time.milliseconds)))
        if let data { members.append(("data", data)) }
        return body(members)
    }

    private static func resource(_ event: EventHeader) -> [(String, JSON)] {
        var members: [(String, JSON)] = []
        if let id = event.resourceID { members.append(("resourceId", .string(id))) }
        if let type = event.resourceType { members.append(("resourceType", .string(type))) }
        return members
    }

    private static func body(_ members: [(String, JSON)]) -> String {
        // Every body of the original agent ends with these two (PROTOCOL 2.3).
        let all = members + [("links", .null), ("actions", .null)]
        return JSON.object(JSONObject(all.map { JSONObject.Member(key: $0.0, value: $0.1) })).encodedText
    }
}
