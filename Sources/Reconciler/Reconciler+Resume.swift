internal import Lifecycle
internal import Model
internal import Store

/// How the agent goes on after a start, wherever the process before it was stopped.
extension Reconciler {
    /// Builds the memory from the store and puts everything that is not finished on the agenda. Work in flight stays in
    /// flight.
    func load() throws {
        // What cannot be read must not cost what is in memory already.
        let (resources, events, letters) =
            (try store.unsettledResources(), try store.openEvents(), try store.undeliveredReplies())
        active.removeAll()
        open.removeAll()
        waiters.removeAll()
        wakeUps = WakeUps()
        wakeUps.set(.housekeeping, at: now)
        let inFlight = Dictionary(work.map { ($0.value.purpose, $0.key) }, uniquingKeysWith: { first, _ in first })
        for row in resources {
            guard let machine = try readable(row) else { continue }
            var resource = ActiveResource(row: row, machine: machine)
            resource.work = inFlight[.resource(row.key)]
            if let id = resource.work {
                // Its outcome is still good for the step that was written down, unless another wish came since.
                resource.isOvertaken = work[id]?.generation != row.generation
            } else {
                resource.machine.resumed()
                // A back-off goes on where it was: a restart does not shorten it.
                resource.isWaitingForTime = row.nextAttemptAt.map { $0 > now } ?? false
                resource.isWaitingForList =
                    row.key.kind == .instance && !hints.isComplete && !resource.isWaitingForTime
                let soonest = resource.isWaitingForList ? now + limits.listPatience : now
                let latest = now + Patience.backOff(afterTries: .max)
                wakeUps.set(.resource(row.key), at: min(max(row.nextAttemptAt ?? now, soonest), latest))
            }
            active[row.key] = resource
        }
        loadOutbox(letters)
        for row in events { try reopen(row, inFlight[.question(eventID: row.header.id)]) }
        for name in try store.unreadableResources() {
            try quarantine(source: "resource", name: name, raw: name, reason: "The key is none")
            try store.deleteResource(name)
        }
    }

    private func loadOutbox(_ rows: [ReplyRow]) {
        let onTheirWay = outbox.letters.filter(\.value.isOnItsWay)
        outbox = Outbox()
        for row in rows {
            var letter = Outbox.Letter(writtenAt: min(row.createdAt, now), attempts: row.attempts)
            letter.isOnItsWay = onTheirWay[row.eventID] != nil
            if letter.isOnItsWay {
                outbox.onTheirWay += 1
            } else {
                wakeUps.set(
                    .reply(eventID: row.eventID), at: min(row.nextAttemptAt ?? now, now + limits.longestDeliveryPause))
            }
            outbox.letters[row.eventID] = letter
        }
    }

    private func reopen(_ row: EventRow, _ work: WorkID?) throws {
        let key = row.key.flatMap(ResourceKey.init)
        var event = OpenEvent(
            header: row.header, key: key, generation: row.generation, receivedAt: min(row.receivedAt, now))
        if let key, active[key]?.row.generation == row.generation {
            active[key]?.events.append(row.header.id)
            open[row.header.id] = event
            if row.header.replyTo != nil {
                wakeUps.set(.progress(eventID: row.header.id), at: now + limits.keepAliveInterval)
            }
            return
        }
        // A question, or an event whose resource could not be read: what it asked for is in its frame.
        let frame = try store.frame(ofEvent: row.header.id)
        let again: IncomingEvent
        do {
            again = try codec.decode(frame: frame)
        } catch {
            try quarantine(source: "event", name: row.header.id, raw: frame, reason: String(describing: error))
            open[row.header.id] = event
            try answer(row.header.id, .failure("The stored event cannot be read any more: \(error)"))
            return
        }
        switch again.request {
        case .inspectInstance(let id, let name): event.question = .inspectContainer(id: id, name: name)
        case .inspectImage(let image): event.question = .inspectImage(reference: image.taggedReference)
        case .updateConfiguration(let items): event.question = .updateConfiguration(items: items)
        case .activateInstance, .deactivateInstance, .removeInstance, .createVolume, .removeVolume, .pullImage,
            .releaseImage, .ping, .acknowledge, .unusable:
            try store.deleteEvent(row.header.id)
            try accept(IncomingEvent(header: row.header, request: again.request, frame: frame))
            return
        }
        event.work = work
        open[row.header.id] = event
        if work == nil { wakeUps.set(.question(eventID: row.header.id), at: now) }
    }
}
