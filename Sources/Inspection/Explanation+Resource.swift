internal import LosslessJSON
package import Model
package import Store

extension Explanation {
    /// Why a resource is where it is.
    ///
    /// - Parameters:
    ///   - dossier: What is known of it.
    ///   - quarantine: What could not be read.
    ///   - now: The moment from which times are told.
    ///   - store: Where it was read.
    /// - Throws: ``StoreError``.
    package init(
        of dossier: Dossier, _ quarantine: [QuarantineEntry], now: Timestamp, in store: Store
    ) throws(StoreError) {
        let row = dossier.row
        let holdUp = row.isSettled ? nil : HoldUp(of: row, requirements: dossier.requirements)
        let reason = holdUp?.reason ?? dossier.end
        self.init(subject: row.words, headline: "", reasons: [reason], until: nil)
        if let holdUp { until = holdUp.row.nextAttemptAt }
        let letters = dossier.letters
        if !letters.isEmpty {
            // Of what is done, only this is left to be told.
            reasons.insert(.answerUndelivered, at: reason == .asWanted ? 0 : 1)
            if row.isSettled { until = letters.compactMap { $0.reply?.nextAttemptAt }.min() }
        }
        headline = dossier.headline(reasons[0], holdUp)
        say(.asked, dossier.asked(now))
        say(.observed, dossier.observed(now))
        say(.tried, dossier.tried(now))
        say(.waits, dossier.waits(reason, holdUp, now))
        if reason == .volumeInUse {
            // Only here it counts what all the others are made of.
            say(.waits, (holdUp?.row ?? row).users(among: try store.allResources()))
        }
        for letter in letters {
            if let reply = letter.reply { say(.answer, Self.undelivered(letter.event, reply, now)) }
        }
        for letter in dossier.events where letter.event.generation < row.generation && letter.reply?.isFailure == true {
            guard let text = try store.failure(of: letter.event.header.id), text.isOvertaking else {
                continue
            }
            reasons.append(.superseded)
            say(
                .answer,
                "Before that, \(letter.event.header.name) (event \(letter.event.header.id)), received "
                    + "\(letter.event.receivedAt.ago(now)), was overtaken and answered \"\(text)\".")
            break
        }
        for entry in quarantine where entry.row.name == row.key.description {
            reasons.append(.quarantined)
            say(.answer, entry.sentence(now))
        }
    }

    static func undelivered(_ event: EventRow, _ reply: ReplyRow, _ now: Timestamp) -> String {
        var text =
            "The \(reply.isFailure ? "failure" : "success") of \(event.header.name) (event \(event.header.id)) was "
            + "decided \(reply.createdAt.ago(now)), and "
        if let taken = reply.deliveredAt {
            text += "the server took the answer \(taken.ago(now)). It is sent again on request"
            if reply.lastError.isEmpty { return text.ended }
            text += ", without success until now"
        } else {
            text +=
                "the server has not taken the answer yet: \(reply.attempts) "
                + (reply.attempts == 1 ? "try" : "tries")
        }
        if !reply.lastError.isEmpty { text += ", the last one failed with: \(reply.lastError)" }
        if let next = reply.nextAttemptAt { text += ". It is sent again \(next.ahead(now))" }
        return text.ended
    }
}

extension ResourceRow {
    /// With its kind, name and key.
    var words: String {
        let called = name.isEmpty || name == key.id ? key.id : name
        return called == key.id ? "\(key.kind.rawValue) \(called)" : "\(key.kind.rawValue) \(called) (\(key))"
    }

    /// The instances that a volume is used by, as far as their records tell.
    fileprivate func users(among all: [ResourceRow]) -> String {
        let users = all.filter { other in
            guard other.phase != "removed", case .instance(let instance)? = StoredSpecification(other) else {
                return false
            }
            return instance.volumes.contains { $0.name == key.id }
        }
        guard !users.isEmpty else { return "" }
        return
            "It is a volume of \(users.prefix(5).map { "\($0.words), which is \($0.phase)" }.joined(separator: "; "))."
    }
}

extension Dossier {
    /// The events whose answers are on their way.
    fileprivate var letters: [Correspondence] { events.filter { $0.event.state == .answered && $0.reply != nil } }

    /// How a settled one has ended.
    fileprivate var end: Explanation.Reason {
        if row.phase == "failed" {
            if row.isVolumeInUse { return .volumeInUse }
            return row.desired != "removed" && history.last.map { $0.to == "failed" && $0.from == "pulling" } == true
                ? .imagePullFailing : .failed
        }
        return (row.desired == "running" || row.desired == "stopped") && row.phase != row.desired ? .drifted : .asWanted
    }

    fileprivate func headline(_ reason: Explanation.Reason, _ holdUp: HoldUp?) -> String {
        let it = "The \(row.words)"
        let other = holdUp.map { $0.row.key == row.key ? "" : ", for its \($0.row.words)" } ?? ""
        return switch reason {
        case .asWanted: "\(it) is \(row.phase), as wanted."
        case .drifted: "\(it) was made \(row.desired) and has become \(row.phase) since."
        case .failed: "\(it) could not be made \(row.desired), and nothing more is tried."
        case .imagePullFailing where holdUp == nil:
            "\(it) could not be made \(row.desired): its image could not be pulled. Nothing more is tried."
        case .imagePullFailing: "\(it) waits for a pull that fails\(other)."
        case .volumeInUse where holdUp == nil: "\(it) was not removed: it is in use. Nothing more is tried."
        case .volumeInUse: "\(it) cannot be removed yet: it is in use."
        case .engineUnreachable: "\(it) waits for Docker, which cannot be reached\(other)."
        case .engineSilent: "\(it) waits for Docker, which does not say what has become of a call\(other)."
        case .backOff: "\(it) waits for its next try\(other)."
        case .waitingForOther: "\(it) waits for something else to be ready first."
        case .answerUndelivered where letters.allSatisfy({ $0.reply?.deliveredAt != nil }):
            "\(it) is \(row.phase), as wanted, and the answer is sent again."
        case .answerUndelivered: "\(it) is \(row.phase), as wanted, but the server has not taken the answer yet."
        case .working, .superseded, .open, .answered, .answerRefused, .quarantined:
            "\(it) is on its way: it is \(row.phase) and is to be \(row.desired)."
        }
    }

    fileprivate func asked(_ now: Timestamp) -> String {
        guard let wish else {
            if let cause = wishCause {
                return
                    "It is to be \(row.desired): \(cause.hasPrefix("needed by ") ? "it is \(cause)" : "asked by \(cause)")."
            }
            return "It is to be \(row.desired); who asked for that is not remembered any more."
        }
        let more = wishCount - 1
        return
            "\(wish.header.name) (event \(wish.header.id)), received \(wish.receivedAt.ago(now)), asked for it to be "
            + row.desired + (more > 0 ? "; \(more) more \(more == 1 ? "event asks" : "events ask") for the same." : ".")
    }

    fileprivate func observed(_ now: Timestamp) -> String {
        let machine = (try? JSON.stored(row.machine))?[row.key.kind.rawValue]["_0"] ?? .null
        let knowledge = machine[row.key.kind == .image ? "image" : "knowledge"].object?.members.first
        let what: String
        switch (row.key.kind, knowledge?.key) {
        case (_, "missing"): what = "the \(row.observable) was not there"
        case (.instance, "present"):
            let state = knowledge?.value["_0"].text ?? "there"
            what = "container \(row.externalID.prefix(12)) was \(state)"
        case (_, "present"): what = "the \(row.observable) was there"
        case (_, "kept"): what = "a storage plug-in kept the volume"
        case (_, "moved"): what = "the volume had moved to another host"
        default:
            what = row.attempts > 0 ? "nothing is known of it since the last try" : "nothing is known of it yet"
        }
        let address = machine["address"].nonEmptyText.map { ", with the address \($0)" } ?? ""
        return "Its record, last written \(row.updatedAt.ago(now)), says: \(what)\(address)."
    }

    fileprivate func tried(_ now: Timestamp) -> String {
        let moves = history.filter { $0.generation == row.generation }
        var text = ""
        if moves.count > 1 {
            text =
                "Since then it went \(moves.map(\.to).joined(separator: " → ")), the last step \(phaseSince.ago(now)). "
        }
        if row.attempts > 0 {
            text += "It was tried \(row.attempts) \(row.attempts == 1 ? "time" : "times") without a known result. "
        }
        if !row.lastError.isEmpty { text += "The last error: \(Redaction.redacted(row.lastError))".ended }
        return text
    }

    fileprivate func waits(_ reason: Explanation.Reason, _ holdUp: HoldUp?, _ now: Timestamp) -> String {
        guard let holdUp else {
            switch reason {
            case .failed, .imagePullFailing, .volumeInUse, .drifted:
                return "It is left like that until the server asks again."
            default: return ""
            }
        }
        var text = ""
        let unready = row.awaitedKeys.filter { key in requirements.first { $0.key == key }?.isSettled != true }
        if !unready.isEmpty {
            let names = unready.map { key in
                guard let other = requirements.first(where: { $0.key == key }) else { return key.description }
                return "\(key), which is \(other.phase)"
                    + (other.lastError.isEmpty ? "" : " (\(Redaction.redacted(other.lastError)))")
            }
            text = "It waits for \(names.joined(separator: "; ")). "
        }
        if let next = holdUp.row.nextAttemptAt {
            text += "The next try is \(next.ahead(now))."
        } else if !holdUp.row.activity.isEmpty, holdUp.row.awaitedKeys.isEmpty {
            text += "Right now, since \(holdUp.row.updatedAt.ago(now)): \(holdUp.row.activity)".ended
        } else if text.isEmpty {
            text = "Its next step is about to be chosen."
        }
        return text
    }
}

extension ResourceRow {
    fileprivate var observable: String { key.kind == .instance ? "container" : key.kind.rawValue }
}

extension String {
    /// The words of a failure for whoever was overtaken itself. Others are told whose fault it was before them.
    var isOvertaking: Bool { hasPrefix("superseded by ") }

    /// As a sentence, with its end.
    var ended: String {
        let text = onOneLine
        return text.last.map { ".?!".contains($0) } == true ? text : text + "."
    }
}

extension Store {
    /// What an answer says about what went wrong, without secrets; `nil` if it says nothing.
    func failure(of eventID: String) throws(StoreError) -> String? {
        guard let body = try replyBody(to: eventID), let message = try? JSON.stored(body) else { return nil }
        return message["transitioningMessage"].nonEmptyText.map { Redaction.redacted($0).onOneLine }
    }
}
