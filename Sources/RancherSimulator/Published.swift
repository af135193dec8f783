package import LosslessJSON

/// A message that an agent has published, in the order in which the server has taken it (PROTOCOL.md 4).
package struct Published: Sendable, Hashable {
    /// What a message says about the event it belongs to (PROTOCOL.md 3.5).
    package enum Outcome: Sendable, Hashable {
        /// Not final: `transitioning` is `yes`, or anything else that is not known.
        case progress(String)
        /// Final: `transitioning` is null, absent, empty or `no`.
        case success
        /// Final: `transitioning` is `error`.
        case failure(String)
    }

    /// Counted from 1 over all messages of this server.
    package let sequence: Int
    /// When the server had all of it, monotonic.
    package let arrival: ContinuousClock.Instant
    /// When the server took it, in milliseconds since the epoch.
    package let arrivalMilliseconds: Int
    /// The access key of the agent.
    package let accessKey: String
    /// The message as it was sent.
    package let message: JSON
    /// What the server could not make use of in it, a line each; empty for a sound answer.
    package internal(set) var objections: [String] = []

    /// The reply address that it is sent to.
    package var name: String { message["name"].text ?? "" }

    /// The event that it answers: `previousId`, else the first of `previousIds`.
    package var eventID: String? { Self.eventID(of: message) }

    static func eventID(of message: JSON) -> String? {
        message["previousId"].nonEmptyText ?? message["previousIds"][0].nonEmptyText
    }

    /// The handler's result.
    package var data: JSON { message["data"] }

    /// What it says about its event.
    package var outcome: Outcome {
        let text = message["transitioningMessage"].text ?? ""
        switch message["transitioning"].nonEmptyText {
        case nil, "no": return .success
        case "error": return .failure(text)
        case .some: return .progress(text)
        }
    }

    /// True for an answer that ends the server's wait, be it a success or an error.
    package var isFinal: Bool {
        switch outcome {
        case .success, .failure: true
        case .progress: false
        }
    }

    /// The text of an error answer; `nil` for any other message.
    package var failure: String? {
        guard case .failure(let text) = outcome else { return nil }
        return text
    }

    /// What an answer about an instance says of its container, in either dialect: `externalId`, `dockerInspect` and
    /// `primaryIpAddress`, absent where it says nothing; `null` for any other answer (PROTOCOL.md 5.1.1, 5.2.1).
    package var instanceStatus: JSON { Self.instanceStatus(in: message) }

    /// The ``instanceStatus`` of a message that was kept as JSON.
    package static func instanceStatus(in message: JSON) -> JSON {
        let status = message["data"]["deploymentSyncResponse"]["instanceStatus"][0]
        if !status.isNull { return status }
        let instance = mappedInstance(in: message)
        guard let object = instance.object else { return nil }
        var told = JSONObject()
        if let id = object["externalId"]?.nonEmptyText { told.append("externalId", .string(id)) }
        let data = instance["+data"]
        if !data["dockerInspect"].isNull { told.append("dockerInspect", data["dockerInspect"]) }
        if let address = data["+fields"]["dockerIp"].nonEmptyText { told.append("primaryIpAddress", .string(address)) }
        return .object(told)
    }

    /// Whether the answer is about a container that is there.
    package var showsContainer: Bool { instanceStatus["dockerInspect"]["Id"].nonEmptyText != nil }

    /// What a server of Rancher 1.6 merges into its instance: it looks for the resource's type among the data.
    package var mappedInstance: JSON { Self.mappedInstance(in: message) }

    private static func mappedInstance(in message: JSON) -> JSON {
        guard let type = message["resourceType"].nonEmptyText else { return nil }
        return message["data"][type]["instance"]
    }

    /// The containers that a ping's answer tells of, in either dialect: Docker ids with `running` or `stopped`.
    package var pingedInstances: [String: String] {
        var states: [String: String] = [:]
        for resource in data["resources"].array ?? [] where resource["type"] == "instance" {
            let id = resource["dockerId"].nonEmptyText ?? resource["externalId"].nonEmptyText
            if let id { states[id] = resource["state"].text ?? "" }
        }
        return states
    }
}

/// An open event subscription.
package struct Subscription: Sendable, Hashable {
    /// Counted from 1 over all subscriptions of this server.
    package let number: Int
    /// The event names that were asked for, in the order of the query.
    package let eventNames: [String]
    /// The access key of the agent.
    package let accessKey: String
    /// The agent's account, the `resourceId` of its pings.
    package let agentID: String
    /// When the websocket was opened.
    package let since: ContinuousClock.Instant
}

/// A request that the server has received, faults included.
package struct RequestRecord: Sendable, Hashable {
    /// The method, in upper case.
    package let method: String
    /// The path without the query.
    package let path: String
    /// The query as it was sent, empty without one.
    package let query: String
    /// The status of the answer; 0 where there is none, 101 for a websocket.
    package let status: Int
    /// When the request was complete.
    package let arrival: ContinuousClock.Instant
    /// The access key or user name, `nil` without authentication.
    package let user: String?
}

/// Something that happened at the server, for whoever watches it (``RancherServer/observations(limit:)``).
package enum Observation: Sendable, Hashable {
    /// An agent account has been made for this registration key.
    case registered(key: String, agentID: String)
    /// An agent has subscribed.
    case subscribed(Subscription)
    /// A subscription has ended, from whichever side.
    case unsubscribed(Subscription)
    /// An event has been written to this many subscriptions.
    case sent(event: JSON, subscribers: Int)
    /// A message has been taken.
    case published(Published)
    /// A container event has been taken.
    case containerEvent(JSON)
    /// A request was answered with an error status.
    case refused(RequestRecord)
}

/// Why a wait or a call of the simulator failed.
package enum SimulatorError: Error, Hashable, CustomStringConvertible {
    /// Nothing came within the time; the text says what was waited for.
    case timedOut(String)
    /// The server has been stopped, or is started already.
    case wrongState(String)
    /// A file cannot be used.
    case badFile(String)

    /// The error in one line.
    package var description: String {
        switch self {
        case .timedOut(let text): "timed out waiting for \(text)"
        case .wrongState(let text), .badFile(let text): text
        }
    }
}
