package import Model
package import Store

/// All that `state` shows.
package struct Snapshot: Sendable, Hashable {
    /// Instances first, by name, without machines and specifications.
    package var resources: [ResourceRow]
    /// How many events wait for their end.
    package var openEventCount: Int
    /// Since when the oldest of them does.
    package var oldestOpenEventAt: Timestamp?
    /// The answers that the server has not taken yet.
    package var undelivered: [ReplyRow]
    /// What could not be read, newest first; what it was is not shown.
    package var quarantine: [QuarantineRow]
    /// When anything was last written; `nil` if nothing ever was.
    package var newestChangeAt: Timestamp?

    /// Reads it.
    ///
    /// - Throws: ``StoreError``.
    package init(of store: Store) throws(StoreError) {
        resources = try store.briefResources()
        let open = try store.openEventSummary()
        openEventCount = open.count
        oldestOpenEventAt = open.oldest
        undelivered = try store.undeliveredReplies()
        quarantine = try store.quarantined()
        newestChangeAt = try store.newestChange()
    }

    /// How many resources are on the way to what is wanted of them.
    var pendingCount: Int { resources.count { !$0.isSettled } }
}

/// All that `state show` shows of one resource.
package struct Dossier: Sendable, Hashable {
    /// An event about the resource, and the answer to it if there is one already.
    package struct Correspondence: Sendable, Hashable {
        /// The event.
        package var event: EventRow
        /// The answer; `nil` until it is decided.
        package var reply: ReplyRow?
    }

    /// What is stored of the resource itself.
    package var row: ResourceRow
    /// Oldest first.
    package var history: [TransitionRow]
    /// Newest first: the last of them, without their frames.
    package var events: [Correspondence]
    /// How many events about it are remembered.
    package var eventCount: Int
    /// How many of them have an answer.
    package var replyCount: Int
    /// How many events have asked for what is wanted now.
    package var wishCount: Int
    /// What the resource waits for, as far as it is known.
    package var requirements: [ResourceRow]
    /// The resources that wait for this one.
    package var dependents: [ResourceKey]

    /// How many events are shown.
    package static let eventLimit = 10

    /// Reads it.
    ///
    /// - Parameters:
    ///   - key: Whose it is.
    ///   - all: All resources; what they are made of is not needed.
    ///   - store: Where it is read.
    ///   - eventLimit: So many of its last events.
    /// - Returns: `nil` if there is no such resource.
    /// - Throws: ``StoreError``.
    package init?(
        of key: ResourceKey, among all: [ResourceRow], in store: Store, eventLimit: Int = Dossier.eventLimit
    ) throws(StoreError) {
        guard let row = try store.resource(key) else { return nil }
        self.row = row
        history = try store.history(of: key)
        events = []
        let states = Set(EventRow.State.allCases)
        for event in try store.events(in: states, about: key, limit: eventLimit) {
            events.append(Correspondence(event: event, reply: try store.reply(to: event.header.id)))
        }
        eventCount = try store.eventCount(in: states, about: key)
        replyCount = try store.replyCount(about: key)
        wishCount = try store.eventCount(about: key, generation: row.generation)
        let keys = Set(row.awaitedKeys)
        requirements = all.filter { keys.contains($0.key) }
        dependents = all.filter { $0.awaitedKeys.contains(key) }.map(\.key)
    }

    /// The newest event that asked for what is wanted now; `nil` if another resource did, or it was long ago.
    var wish: EventRow? { events.first { $0.event.generation == row.generation }?.event }

    /// What brought about the wish that counts. Later moves of the same wish have causes of their own, and there may have
    /// been no move to it.
    var wishCause: String? { history.first { $0.generation == row.generation && $0.to == "requested" }?.cause }

    /// When the resource last changed its phase.
    var phaseSince: Timestamp { history.last?.at ?? row.updatedAt }
}

extension ResourceRow {
    private static let waitingFor = "Waiting for "

    /// The resources that this one waits for; its activity names them.
    var awaitedKeys: [ResourceKey] {
        guard !isSettled, activity.hasPrefix(Self.waitingFor) else { return [] }
        return activity.dropFirst(Self.waitingFor.count).split(separator: ", ").compactMap { ResourceKey(String($0)) }
    }
}
