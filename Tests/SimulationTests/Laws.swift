/// What holds in every history, whatever happens.
enum Law: String, CaseIterable {
    case oneAnswer = "an event that wants an answer gets one, byte for byte the same each time"
    case askedAgain = "an event that comes again is answered again"
    case noneUnasked = "an event that wants no answer gets none"
    case delivered = "every answer is delivered"
    case answerStored = "no answer leaves that is not in the store"
    case answerFits = "an answer says whose it is, and comes after all progress"
    case errorHonest = "an error says what somebody said or what was seen, never that nobody knows"
    case intentFirst = "what is done was written down before"
    case oneStep = "there is one piece of work on a resource at a time"
    case oneContainer = "there is never more than one container of an instance"
    case strangersUntouched = "nobody else's container, volume or image is touched"
    case onlyAsked = "nothing is stopped or removed that nobody asked for"
    case startedOnce = "a container is started once for a wish"
    case volumeKept = "no volume is taken away from under a living container"
    case attemptsKept = "tries are not forgotten before something has moved, nor over a restart"
    case backOffKept = "a pause is not shortened by a restart"
    case nothingDue = "a look at the clock leaves nothing due"
    case wishHolds = "what was answered is so"
    case shownAsIs = "the record of an instance at rest shows what is there"
    case lastWish = "what is asked for in peace is done"
    case nothingLeft = "what was removed leaves nothing behind"
    case memoryIsStore = "what is in memory is in the store"
    case readable = "nothing that the agent wrote is unreadable to it"
    case quiet = "when nothing is wanted, nothing is done"
    case bounded = "rows, steps and calls are bounded"
}

/// A law was broken.
struct Breach: Error, CustomStringConvertible {
    let law: Law
    let text: String

    var description: String { "\(law) (\(law.rawValue)): \(text)" }
}

/// Holds a history to the laws, and counts how often each was put to the test.
struct Laws {
    private(set) var checks: [Law: Int] = [:]

    mutating func hold(
        _ law: Law, _ isKept: Bool, _ text: @autoclosure () -> String
    ) throws(Breach) {
        checks[law, default: 0] += 1
        if !isKept { throw Breach(law: law, text: text()) }
    }
}
