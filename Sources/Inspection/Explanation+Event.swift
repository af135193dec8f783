package import Model
package import Store

extension Explanation {
    /// What has become of an event.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - quarantine: What could not be read.
    ///   - now: The moment from which times are told.
    ///   - store: Where it was read.
    /// - Throws: ``StoreError``.
    package init(
        of event: EventRow, _ quarantine: [QuarantineEntry], now: Timestamp, in store: Store
    ) throws(StoreError) {
        let header = event.header
        let subject = "event \(header.id)"
        let reply = try store.reply(to: header.id)
        let failure = reply?.isFailure == true ? try store.failure(of: header.id) : nil
        let spoilt = quarantine.filter { $0.eventID == header.id }
        let outcome: Reason = reply?.isFailure == true ? .failed : .answered
        let isRefused = event.state == .closed && reply.map { $0.deliveredAt == nil } == true
        let reason: Reason
        if !spoilt.isEmpty {
            reason = .quarantined
        } else if failure?.isOvertaking == true {
            reason = .superseded
        } else {
            switch event.state {
            case .open: reason = .open
            case .answered: reason = .answerUndelivered
            case .closed: reason = isRefused ? .answerRefused : outcome
            }
        }
        self.init(subject: subject, headline: "", reasons: [reason], until: nil)
        if isRefused { reasons.append(reason == .answerRefused ? outcome : .answerRefused) }
        let it = "\(header.name) (\(subject))"
        headline =
            switch reason {
            case .quarantined: "\(it) could not be read and was put into quarantine."
            case .superseded: "\(it) was overtaken before it was done: \(failure ?? "")".ended
            case .answerUndelivered where reply?.deliveredAt != nil: "\(it) is done, and its answer is sent again."
            case .answerUndelivered: "\(it) is done, but the server has not taken the answer yet."
            case .answerRefused:
                "\(it) \(outcome == .failed ? "failed" : "was done"), but the server did not take the answer\(Self.refusal(reply))"
                    .ended
            case .failed: "\(it) failed\(failure.map { ": \($0)" } ?? "")".ended
            case .answered: "\(it) was done, and is closed."
            default: "\(it) is being worked on."
            }
        say(
            .asked,
            "It was received \(event.receivedAt.ago(now))"
                + (event.key.map { " and is about \($0)" } ?? " and is about no resource of its own")
                + ".")
        for entry in spoilt { say(.observed, entry.sentence(now)) }
        if let reply {
            if event.state == .answered {
                if reason != .answerUndelivered { reasons.append(.answerUndelivered) }
                until = reply.nextAttemptAt
                say(.answer, Self.undelivered(event, reply, now))
            } else {
                let delivery =
                    reply.deliveredAt.map { "the server took the answer \($0.ago(now))" }
                    ?? "the server did not take the answer, which is not sent any more after \(reply.attempts) "
                    + "\(reply.attempts == 1 ? "try" : "tries")\(Self.refusal(reply))"
                say(
                    .answer,
                    "Its \(reply.isFailure ? "failure" : "success") was decided \(reply.createdAt.ago(now)), and "
                        + "\(delivery)".ended)
            }
            if reasons.contains(.answerRefused), let failure { say(.answer, "The answer was \"\(failure)\".") }
        } else if header.replyTo == nil {
            say(.answer, "No answer \(event.state == .closed ? "was" : "is") wanted.")
        }
        guard event.state == .open, let key = event.key.flatMap(ResourceKey.init) else { return }
        guard let dossier = try Dossier(of: key, among: try store.briefResources(), in: store) else { return }
        let other = try Explanation(of: dossier, [], now: now, in: store)
        reasons += other.reasons
        until = other.until
        say(.waits, other.headline)
        sentences += other.sentences.filter { $0.role == .observed || $0.role == .tried || $0.role == .waits }
    }

    /// Why an answer was not taken, as far as it is known.
    private static func refusal(_ reply: ReplyRow?) -> String {
        guard let error = reply?.lastError, !error.isEmpty else { return "" }
        return ": \(Redaction.redacted(error))"
    }

    /// Why something could not be read.
    package init(of entry: QuarantineEntry, now: Timestamp) {
        let name = entry.row.name.isEmpty ? entry.id : entry.row.name
        self.init(
            subject: name, headline: "The \(entry.row.source) \(name) could not be read and was put into quarantine.",
            reasons: [.quarantined], until: nil)
        if let event = entry.eventID, event != name { say(.asked, "It was about event \(event).") }
        say(.observed, entry.sentence(now))
        say(
            .waits,
            "Nothing is tried with it, and everything else goes on. What it was is kept in the database, table quarantine, "
                + "number \(entry.number).")
    }
}

extension QuarantineEntry {
    /// When and why it was put away.
    func sentence(_ now: Timestamp) -> String {
        let size = "\(row.raw.utf8.count) bytes of a \(row.source)"
        return "\(size) were put into quarantine \(row.at.ago(now)) as \(id): \(Redaction.redacted(row.error))".ended
    }
}
