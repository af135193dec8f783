package import LosslessJSON
package import Model

/// The answer of `state why`: why something is where it is.
package struct Explanation: Sendable, Hashable {
    /// Why, in a word for programs.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// It is as it was wanted.
        case asWanted = "as-wanted"
        /// It was as wanted, and has changed since without the server.
        case drifted
        /// It cannot be made so, and nothing is tried any more.
        case failed
        /// The image could not be had, or cannot be had now.
        case imagePullFailing = "image-pull-failing"
        /// The volume is not removed while something uses it.
        case volumeInUse = "volume-in-use"
        /// Docker cannot be reached.
        case engineUnreachable = "engine-unreachable"
        /// Docker took a call and did not say what became of it.
        case engineSilent = "engine-silent"
        /// A try had no result; the next one comes after a pause.
        case backOff = "back-off"
        /// Something else has to be ready first.
        case waitingForOther = "waiting-for-other"
        /// A step is being taken right now.
        case working
        /// The server has not taken the answer yet.
        case answerUndelivered = "answer-undelivered"
        /// The server will never take the answer.
        case answerRefused = "answer-refused"
        /// The server asked for something else before it was done.
        case superseded
        /// An event that is being worked on.
        case open
        /// An event that was answered.
        case answered
        /// It could not be read.
        case quarantined
    }

    /// What a sentence is about.
    package enum Role: String, Sendable, Hashable {
        case asked
        case observed
        case tried
        case waits
        case answer
    }

    /// One sentence.
    package struct Sentence: Sendable, Hashable {
        /// What it is about.
        package var role: Role
        /// What it says.
        package var text: String
    }

    /// What was asked about, with its key or id.
    package var subject: String
    /// What it comes down to, in one sentence.
    package var headline: String
    /// The one that counts first.
    package var reasons: [Reason]
    /// When something happens next by itself; `nil` where nobody knows.
    package var until: Timestamp?
    /// The whole story.
    package var sentences: [Sentence] = []

    mutating func say(_ role: Role, _ text: String) {
        let line = Redaction.redacted(text).onOneLine
        if !line.isEmpty { sentences.append(Sentence(role: role, text: line)) }
    }

    /// For programs.
    package var json: JSON {
        [
            "subject": .string(subject),
            "reason": JSON(reasons.first?.rawValue),
            "reasons": JSON(reasons.map(\.rawValue)),
            "headline": .string(headline),
            "until": JSON(until),
            "sentences": .array(
                sentences.map { ["about": .string($0.role.rawValue), "text": .string($0.text)] }),
        ]
    }

    /// For people.
    package func text(style: ReportStyle = ReportStyle()) -> String {
        ([style.paragraph(headline, reasons.first?.tint ?? .heading), ""]
            + sentences.map { style.paragraph($0.text) })
            .joined(separator: "\n")
    }
}

extension Explanation.Reason {
    fileprivate var tint: Tint {
        switch self {
        case .asWanted, .answered: .good
        case .failed, .answerRefused, .quarantined: .bad
        case .drifted, .imagePullFailing, .volumeInUse, .engineUnreachable, .engineSilent, .backOff, .waitingForOther,
            .working, .answerUndelivered, .superseded, .open:
            .busy
        }
    }
}

extension Timestamp {
    /// In a sentence: `40 s ago (2026-01-31T23:59:59.123Z)`.
    func ago(_ now: Timestamp) -> String { "\(Span(since: self, to: now).words) ago (\(iso8601))" }

    /// In a sentence about something to come.
    func ahead(_ now: Timestamp) -> String {
        if self > now { return "in \(Span(until: self, from: now).words) (\(iso8601))" }
        if now - self < .seconds(15) { return "now" }
        return "due since \(Span(since: self, to: now).words) (\(iso8601)): is the agent running?"
    }
}
