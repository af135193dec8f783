import LosslessJSON
import NIOCore

/// An agent's account.
struct Account: Sendable {
    let key: String
    let orchestration: String?
    /// How often it has been listed since it was made.
    var polls = 0

    var accessKey: String { Identity.accessKey(registrationKey: key) }
    var secretKey: String { Identity.secretKey(accessKey: accessKey) }
    var agentID: String { "1a\(Identity.agentNumber(accessKey: accessKey))" }
}

/// A subscription with its socket.
struct Subscriber: Sendable {
    let subscription: Subscription
    let channel: any Channel
    /// A silent one looks open but says nothing any more and loses what is written to it.
    var isSilent = false
}

/// What the server keeps of an event that wants an answer.
struct Asked: Sendable, Hashable {
    let name: String
    let replyTo: String
    let resourceType: String?
    let resourceID: String?

    /// Nil for an event that wants none.
    init?(_ event: JSON) {
        guard let address = event["replyTo"].nonEmptyText else { return nil }
        name = event["name"].text ?? ""
        replyTo = address
        resourceType = event["resourceType"].nonEmptyText
        resourceID = event["resourceId"].nonEmptyText
    }
}

/// Everything that the server remembers. Of each list the newest entries are kept, up to a limit.
struct ServerState: Sendable {
    static let listLimit = 20_000

    init(dialect: RancherServer.Dialect) { self.dialect = dialect }

    let dialect: RancherServer.Dialect
    var faults = Faults()

    /// Nil while nothing listens: before the start, while suspended, and after the end.
    var listener: (any Channel)?
    /// False during an outage: a connection that slips in is refused.
    var isAccepting = false
    var hasStopped = false
    /// The port, fixed by the first bind so that the same one is used after an outage.
    var port = 0
    var connections: [ObjectIdentifier: any Channel] = [:]

    var subscribers: [Subscriber] = []
    var subscriptionsSoFar = 0
    var pingFramesReceived = 0

    var accounts: [String: Account] = [:]
    /// By event id, to tell whether an answer is one.
    var asked: [String: Asked] = [:]
    /// The hosts that pings have told of: those of Rancher 1.6 name themselves.
    var hosts: Set<String> = []
    var published: [Published] = []
    var publishedSoFar = 0
    var finals: [String: [Published]] = [:]
    var progress: [String: [Published]] = [:]
    var containerEvents: [JSON] = []
    var hostAPIProxyTokenRequests: [JSON] = []
    var requests: [RequestRecord] = []

    var observers: [Int: AsyncStream<Observation>.Continuation] = [:]
    var observersSoFar = 0
    var journal: Journal?

    mutating func take(
        _ message: JSON, accessKey: String, arrival: ContinuousClock.Instant = .now,
        atMilliseconds time: Int = Identity.nowMilliseconds()
    ) -> Published {
        publishedSoFar += 1
        var taken = Published(
            sequence: publishedSoFar, arrival: arrival, arrivalMilliseconds: time, accessKey: accessKey,
            message: message)
        if let event = taken.eventID.flatMap({ asked[$0] }) {
            taken.objections = AnswerCheck(event: event, answer: taken, dialect: dialect).objections
            if event.name == "ping" { hosts.formUnion(AnswerCheck.hosts(in: taken)) }
        }
        if published.count >= Self.listLimit { forgetOldMessages() }
        published.append(taken)
        index(taken)
        return taken
    }

    private mutating func index(_ message: Published) {
        guard let event = message.eventID else { return }
        // An answer under another address than the event's reaches nobody.
        if let asked = asked[event], asked.replyTo != message.name { return }
        if message.isFinal {
            finals[event, default: []].append(message)
        } else {
            progress[event, default: []].append(message)
        }
    }

    private mutating func forgetOldMessages() {
        published.removeFirst(Self.listLimit / 2)
        finals = [:]
        progress = [:]
        for message in published { index(message) }
        let kept = Set(published.compactMap(\.eventID))
        asked = asked.filter { kept.contains($0.key) }
    }

    mutating func remember(_ request: RequestRecord) {
        if requests.count >= Self.listLimit { requests.removeFirst(Self.listLimit / 2) }
        requests.append(request)
    }

    mutating func remember(containerEvent: JSON) {
        if containerEvents.count >= Self.listLimit { containerEvents.removeFirst(Self.listLimit / 2) }
        containerEvents.append(containerEvent)
    }

    /// Takes up what an earlier server has left in its journal, and goes on writing there.
    ///
    /// - Throws: ``SimulatorError/badFile(_:)``.
    mutating func resume(_ journal: Journal) throws(SimulatorError) {
        for entry in try journal.entries() {
            if let id = entry["sent"]["id"].nonEmptyText, let event = Asked(entry["sent"]) {
                asked[id] = event
            } else if !entry["taken"].isNull {
                _ = take(
                    entry["taken"], accessKey: entry["from"].text ?? "", atMilliseconds: entry["at"].integer ?? 0)
            }
        }
        self.journal = journal
    }

    func report(_ observation: Observation) {
        journal?.note(observation)
        for observer in observers.values { observer.yield(observation) }
    }
}
