internal import Model
internal import Store

extension Dossier {
    /// Why the resource is where it is, and what it waits for, in a sentence or two.
    func why(now: Timestamp) -> [String] {
        ([row.isSettled ? settled(now) : unsettled(now)].compactMap { $0 }
            + undelivered.map { letter(to: $0.event, $0.reply, now) }).map { Redaction.redacted($0) }
    }

    private func settled(_ now: Timestamp) -> String {
        let since = "\(Span(since: phaseSince, to: now).words) ago"
        let error = row.lastError.onOneLine
        if row.phase == "failed" {
            return "Failed \(since)\(error.isEmpty ? "" : ": \(error)"). "
                + "Nothing more is tried until the server asks again."
        }
        if row.desired == "running" || row.desired == "stopped", row.phase != row.desired {
            return "Was made \(row.desired) and has become \(row.phase) since, \(since), by itself or by somebody's "
                + "hand. It is left like that until the server asks again."
        }
        return "Settled \(since): it is \(row.phase), as wanted."
    }

    private func unsettled(_ now: Timestamp) -> String {
        let error = row.lastError.onOneLine
        if let next = row.nextAttemptAt {
            // A refused removal is repeated after a pause that does not count as a try without a result.
            let reason =
                row.attempts > 0
                ? "Tried without a result: \(error.isEmpty ? "no answer yet" : error)"
                : "Waiting a moment\(error.isEmpty ? "" : ": \(error)")"
            return "\(reason); \(due(next, now, of: "next try"))."
        }
        if !row.awaitedKeys.isEmpty {
            let names = row.awaitedKeys.map { key in
                guard let other = requirements.first(where: { $0.key == key }) else { return key.description }
                let detail =
                    other.isSettled
                    ? other.phase
                    : [other.phase, other.activity, other.lastError].filter { !$0.isEmpty }.joined(separator: ": ")
                return "\(key) (\(detail.onOneLine))"
            }
            return "Waiting for \(names.joined(separator: ", ").onOneLine)."
        }
        let since = Span(since: row.updatedAt, to: now).words
        let activity = row.activity.isEmpty ? "Its next step is about to be chosen" : row.activity.onOneLine
        return "\(activity), since \(since)\(error.isEmpty ? "" : ". Last error: \(error)")."
    }

    /// A next try that is long overdue says more about the daemon than about the resource.
    private func due(_ time: Timestamp, _ now: Timestamp, of what: String) -> String {
        if time > now { return "\(what) in \(Span(until: time, from: now).words)" }
        if now - time < .seconds(15) { return "\(what) now" }
        return "\(what) due since \(Span(since: time, to: now).words) (is the agent running?)"
    }

    /// The events whose answers the server has not taken yet.
    private var undelivered: [(event: EventRow, reply: ReplyRow)] {
        events.compactMap { letter in
            guard letter.event.state == .answered, let reply = letter.reply else { return nil }
            return (letter.event, reply)
        }
    }

    private func letter(to event: EventRow, _ reply: ReplyRow, _ now: Timestamp) -> String {
        var sentence = "The answer to \(event.header.name) (\(event.header.id)) is not delivered yet"
        sentence += ": \(reply.attempts) \(reply.attempts == 1 ? "try" : "tries")"
        if !reply.lastError.isEmpty { sentence += ", last error: \(reply.lastError)" }
        if let next = reply.nextAttemptAt { sentence += "; \(due(next, now, of: "next try"))" }
        return sentence.onOneLine + "."
    }
}
