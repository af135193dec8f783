internal import DequeModule
internal import Model
internal import Store

/// One final answer for every event, kept until the server has taken it.
extension Reconciler {
    /// Ends an event: its answer is written in the same transaction as what it reports.
    func answer(_ eventID: String, _ answer: Answer) throws {
        guard let event = open.removeValue(forKey: eventID) else { return }
        wakeUps.cancel(.progress(eventID: eventID))
        wakeUps.cancel(.question(eventID: eventID))
        effects.append(.note(.answered(event.header, failure: answer.failureText)))
        guard event.header.replyTo != nil else {
            try store.setState(.closed, ofEvent: eventID, at: now)
            return
        }
        let body = codec.reply(to: event.header, answer, messageID: makeID(), at: now)
        try store.insertReply(to: eventID, body: body, isFailure: answer.isFailure, at: now)
        try store.setState(.answered, ofEvent: eventID, at: now)
        outbox.letters[eventID] = Outbox.Letter(writtenAt: now)
        try post(eventID)
    }

    /// The event was sent again after it was answered.
    func resend(_ eventID: String, _ state: EventRow.State) throws {
        // Who asks again has not got it, whatever was heard.
        takenByServer.remove(eventID)
        if let letter = outbox.letters[eventID] {
            if letter.isOnItsWay { outbox.letters[eventID]?.isAskedAgain = true } else { try outboxDue(eventID) }
            return
        }
        guard try store.reply(to: eventID) != nil else { return }
        try store.setState(.answered, ofEvent: eventID, at: now)
        outbox.letters[eventID] = Outbox.Letter(writtenAt: now)
        try post(eventID)
    }

    /// The pause after a failed try is over.
    func outboxDue(_ eventID: String) throws {
        guard let letter = outbox.letters[eventID], !letter.isOnItsWay else { return }
        wakeUps.cancel(.reply(eventID: eventID))
        if takenByServer.contains(eventID) { return try delivered(eventID) }
        try post(eventID)
    }

    /// The server is there again: no answer has to sit out a pause.
    func sendEverything() throws {
        for (id, letter) in outbox.letters.sorted(by: { $0.key < $1.key }) where !letter.isOnItsWay {
            try outboxDue(id)
        }
    }

    private func post(_ eventID: String) throws {
        guard outbox.letters[eventID]?.isReady == false else { return }
        outbox.letters[eventID]?.isReady = true
        outbox.ready.append(eventID)
        try sendReady()
    }

    private func sendReady() throws {
        while outbox.onTheirWay < limits.publishesInFlight, let eventID = outbox.ready.popFirst() {
            guard var letter = outbox.letters[eventID], !letter.isOnItsWay else { continue }
            guard let body = try store.replyBody(to: eventID) else {
                outbox.letters[eventID] = nil
                continue
            }
            letter.isReady = false
            letter.isOnItsWay = true
            outbox.letters[eventID] = letter
            outbox.onTheirWay += 1
            newLetters.append(eventID)
            effects.append(.publish(eventID: eventID, body: body))
        }
    }

    func delivered(_ eventID: String) throws {
        try returned(eventID)
        if outbox.letters[eventID]?.isAskedAgain == true {
            outbox.letters[eventID]?.isAskedAgain = false
            return try post(eventID)
        }
        guard outbox.letters.removeValue(forKey: eventID) != nil else { return }
        try store.replyDelivered(to: eventID, at: now)
    }

    func undelivered(_ eventID: String, reason: String, isFinal: Bool) throws {
        try returned(eventID)
        guard var letter = outbox.letters[eventID] else { return }
        letter.attempts += 1
        letter.isAskedAgain = false
        let isTooOld = now - letter.writtenAt >= limits.answerAge && letter.attempts >= limits.answerTries
        guard !isFinal, !isTooOld else {
            outbox.letters[eventID] = nil
            try store.replyFailed(to: eventID, attempts: letter.attempts, next: nil, error: reason)
            try store.setState(.closed, ofEvent: eventID, at: now)
            effects.append(.note(.answerRefused(eventID: eventID, reason: reason)))
            return
        }
        let doubled = limits.firstDeliveryPause * (1 << min(letter.attempts - 1, 10))
        let next = now + jittered(min(doubled, limits.longestDeliveryPause))
        outbox.letters[eventID] = letter
        try store.replyFailed(to: eventID, attempts: letter.attempts, next: next, error: reason)
        wakeUps.set(.reply(eventID: eventID), at: next)
    }

    private func returned(_ eventID: String) throws {
        guard outbox.letters[eventID]?.isOnItsWay == true else { return }
        outbox.letters[eventID]?.isOnItsWay = false
        outbox.onTheirWay -= 1
        try sendReady()
    }
}
