/// What the simulated server does wrong. Set it at any time through ``RancherServer/faults``; counters in it run down
/// as requests use them up.
package struct Faults: Sendable, Hashable {
    /// An answer with a status that is not the right one, for the next requests of a kind.
    package struct Refusal: Sendable, Hashable {
        /// The HTTP status of the answer.
        package var status: Int
        /// How many more requests are refused.
        package var count: Int
        /// Who the error object of the answer says is wrong: the `code` member.
        package var code: String
        /// The `fieldName` member of the error object, if it shall have one.
        package var fieldName: String?

        /// The next `count` requests are answered with `status`; without a count, all of them.
        package init(status: Int, count: Int = .max, code: String = "Simulated", fieldName: String? = nil) {
            self.status = status
            self.count = count
            self.code = code
            self.fieldName = fieldName
        }
    }

    /// How `api.crt` is delivered (PROTOCOL.md 1.6).
    package enum APICertificate: Sendable, Hashable {
        /// One clean PEM block.
        case single
        /// Two identical PEM blocks under a length that covers both.
        case twice
        /// Two identical PEM blocks under the length of one: the second is trailing bytes. The connection is closed.
        case trailingCopy
        /// Status 200 with the HTML page of some proxy in between.
        case htmlPage
        /// Status 200 with no body.
        case empty
    }

    /// What happens with a host's question for a token of the websocket proxy (PROTOCOL.md 11.3).
    package enum HostAPIProxy: Sendable, Hashable {
        /// 501: there is no proxy.
        case disabled
        /// 422 `InvalidReference` on `reportedUuid`, as long as the server does not know the host.
        case hostUnknown
        /// 201 with a token for the proxy at this URL.
        case available(url: String)
    }

    /// Refuses the registration script.
    package var script: Refusal?
    /// Refuses the API root and the schemas.
    package var schemas: Refusal?
    /// Leaves `links.collection` out of the schemas, so that a client has to derive it (PROTOCOL.md 2.2).
    package var schemasWithoutCollectionLinks = false
    /// The hosts, each perhaps with a port, that links of single types lead to instead of to this server.
    package var linkHosts: [String: String] = [:]
    /// Refuses `register`, listing and creating.
    package var register: Refusal?
    /// How many listings after the creation are empty still.
    package var registerEmptyPolls = 0
    /// How many listings after those hold an item in state `creating`, without keys.
    package var registerCreatingPolls = 1
    /// The item never leaves the state `creating`.
    package var registerNeverDelivers = false
    /// Agents' keys are refused with 401 everywhere, as if they had been withdrawn.
    package var agentKeysRevoked = false
    /// Refuses `api.crt` with a status.
    package var apiCertificateRefusal: Refusal?
    /// The way in which `api.crt` is delivered otherwise.
    package var apiCertificate: APICertificate = .single
    /// Refuses the websocket handshake.
    package var subscribe: Refusal?
    /// Refuses messages: they are not taken.
    package var publish: Refusal?
    /// Refuses answers to events that this server has never sent.
    package var foreignAnswers: Refusal?
    /// The next so many messages are taken, and the connection is cut before the answer.
    package var publishCutCount = 0
    /// The next so many messages are not taken and their requests never answered.
    package var publishHangCount = 0
    /// The time between the taking of a message and the answer.
    package var publishDelay: Duration = .zero
    /// Refuses container events.
    package var containerEvents: Refusal?
    /// What becomes of the host's question for a proxy token.
    package var hostAPIProxy: HostAPIProxy = .disabled
    /// Cuts every event into frames of this many bytes, without regard to characters; `nil` sends it whole.
    package var fragmentSizeBytes: Int?
    /// Leaves the heartbeats out; the websocket still answers pings.
    package var withoutHeartbeat = false

    /// A server without faults.
    package init() {}

    /// Takes one refusal from a counter, if there is one left.
    static func take(_ refusal: inout Refusal?) -> Refusal? {
        guard let taken = refusal, taken.count > 0 else { return nil }
        if taken.count == 1 {
            refusal = nil
        } else if taken.count < .max {
            refusal?.count -= 1
        }
        return taken
    }

    /// Takes one from a counter.
    static func take(_ count: inout Int) -> Bool {
        guard count > 0 else { return false }
        count -= 1
        return true
    }
}
