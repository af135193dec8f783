internal import Model
internal import Store

/// Progress messages: they keep the server waiting, and its user informed. Never stored; lost without harm.
extension Reconciler {
    /// Work on a resource has something to tell.
    func reportProgress(of id: WorkID, _ text: String) {
        guard case .resource(let key)? = work[id]?.purpose else { return }
        reportProgress(to: key, text)
    }

    /// Tells everybody who waits for the resource, directly or through another one.
    func reportProgress(to key: ResourceKey, _ text: String) {
        for eventID in active[key]?.events ?? [] {
            guard open[eventID]?.header.replyTo != nil else { continue }
            open[eventID]?.text = text
            progressDue(eventID)
        }
        for waiter in (waiters[key] ?? []).sorted() { reportProgress(to: waiter, text) }
    }

    /// Sends what is new, at most once in an interval; says that all is well after some silence.
    func progressDue(_ eventID: String) {
        guard var event = open[eventID], event.header.replyTo != nil else { return }
        let silence = now - (event.sentAt ?? event.receivedAt)
        if !event.text.isEmpty, event.text != event.sentText {
            guard event.sentAt == nil || silence >= limits.progressInterval else {
                wakeUps.set(
                    .progress(eventID: eventID), at: (event.sentAt ?? now) + limits.progressInterval)
                return
            }
            send(&event, event.text)
        } else if silence >= limits.keepAliveInterval {
            let activity = event.key.flatMap { active[$0]?.row.activity } ?? ""
            send(&event, event.text.isEmpty ? (activity.isEmpty ? "Working" : activity) : event.text)
        }
        open[eventID] = event
        wakeUps.set(.progress(eventID: eventID), at: (event.sentAt ?? event.receivedAt) + limits.keepAliveInterval)
    }

    private func send(_ event: inout OpenEvent, _ text: String) {
        event.sentAt = now
        event.sentText = text
        effects.append(.progress(eventID: event.header.id, body: codec.progress(of: event.header, text: text)))
    }
}
