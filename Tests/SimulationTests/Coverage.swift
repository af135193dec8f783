import SimulatedEngine

/// What can befall a host. Each is counted by the number of histories that met it, so that nobody can believe in a
/// fault that never happens.
enum Occurrence: String, CaseIterable, Comparable {
    // What the server asks for
    case activation, deactivation, removal, noop, pull, imageRelease, volumeRemoval, inspection, imageInspection
    case sameIDAgain, sameWishNewID, questionWithoutReplyTo, unreadableFrame, unreadableField, unknownName
    case askedAgainAfterSilence, frameLost, volumeByPlugin, volumeByEngine, ownNetwork, tooManyEvents, overflow
    // What the engine does
    case slowCall, unavailable, requestLost, answerLost, refused400, conflict409, notFound404, failedBefore500
    case failedAfter500, hangsUndone, hangsAndDoes, doesAfterTheDeadline, engineOutage, engineRestart, cutByOutage
    case sightLost, sightTwice, sightLate, listOvertaken, imageMissingInRegistry, mountRefused, stopIgnored
    case containerEndsAtOnce, noAddress, nameTaken
    // What people do
    case handRemoves, handStops, handKills, handStarts, handPauses, handUnpauses, handBreaks, handOnStranger
    case handRemovesImage, handRemovesVolume, handTakesName, foundling
    // What happens to answers
    case publishRefused, publishLost, receiptLost, answerTakenTwice, answerRefusedForGood, serverOutage
    // What happens to the process
    case killedAtRest, killedWithWorkUnderWay, killedBetweenDoingAndOutcome, killedBetweenTakingAndNoting
    case killedBeforeTransaction, killedInTransaction, killedAtCommit, killedAfterCommit, killedAfterSomeEffects
    case killedAfterAllEffects, killedAtStart, killedTwiceInARow, workHappensAfterKill, workVanishesWithKill
    case answerArrivesAfterKill, answerVanishesWithKill, fileReopened, clockSetBack, clockSetForward, diskFull
    case workKeptBack, killedWithWorkKeptBack, floodWithoutEnd
    // What becomes of it
    case superseded, joinedWish, answeredWithError, answeredWithSuccess, unstoredAnswer, backOffOverRestart
    case attemptsOverRestart

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// In how many histories what was met, and how often each law was put to the test.
struct Coverage {
    private(set) var histories = 0
    private(set) var met: [Occurrence: Int] = [:]
    private(set) var killPlaces: [String: Int] = [:]
    private(set) var checks: [Law: Int] = [:]
    private(set) var batches = 0
    private(set) var calls = 0
    private(set) var kills = 0
    /// The same for the same histories, whatever machine and process they were played in.
    private(set) var digest: UInt64 = 0

    mutating func add(_ world: World) {
        histories += 1
        for occurrence in world.met { met[occurrence, default: 0] += 1 }
        for (law, count) in world.laws.checks { checks[law, default: 0] += count }
        for place in world.killPlaces { killPlaces[place, default: 0] += 1 }
        batches += world.batches
        calls += world.calls.count
        kills += world.life
        var mixed = SeededGenerator(seed: world.seed)
        for count in [world.steps, world.batches, world.calls.count, world.life, world.clock.elapsed, world.met.count] {
            mixed = SeededGenerator(seed: mixed.next() &+ UInt64(count))
        }
        // In any order.
        digest &+= mixed.next()
    }

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.histories += right.histories
        sum.met.merge(right.met, uniquingKeysWith: +)
        sum.killPlaces.merge(right.killPlaces, uniquingKeysWith: +)
        sum.checks.merge(right.checks, uniquingKeysWith: +)
        sum.batches += right.batches
        sum.calls += right.calls
        sum.kills += right.kills
        sum.digest &+= right.digest
        return sum
    }

    /// The occurrences that fewer histories met.
    func rarer(than count: Int) -> [Occurrence] { Occurrence.allCases.filter { met[$0, default: 0] < count } }

    var table: String {
        var lines = [
            "\(histories) histories, \(batches) transactions, \(calls) engine calls, \(kills) kills",
            "digest \(String(digest, radix: 16))", "",
            "histories that met",
        ]
        lines += Occurrence.allCases.map { "  \(pad(met[$0, default: 0])) \($0.rawValue)" }
        lines += ["", "histories in which a process was killed"]
        lines += killPlaces.sorted { $0.key < $1.key }.map { "  \(pad($0.value)) \($0.key)" }
        lines += ["", "checks of"] + Law.allCases.map { "  \(pad(checks[$0, default: 0])) \($0.rawValue)" }
        return lines.joined(separator: "\n")
    }

    private func pad(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: " ", count: max(0, 9 - text.count)) + text
    }
}
