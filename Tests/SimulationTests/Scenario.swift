import Model
import SimulatedEngine

/// What kind of history a seed makes: who takes part, and how bad things get.
struct Scenario {
    var uuids: [String] = []
    /// Instances whose container was there before, made by hand.
    var foundlings: [String] = []
    var isStoreInFile = false
    var publishesInFlight = 32
    var openEvents = 20_000
    var events = 0
    /// Milliseconds between two events of the server.
    var pace = 0
    // In percent
    var engineFaults = 0
    var serverFaults = 0
    var sightFaults = 0
    var kills = 0
    var hasHands = false
    var hasOutages = false
    var setsClock = false
    var fillsDisk = false
    var hasStrangers = false
    var imageIsThere = true
    var imageExists = true
    var containersEndAtOnce = false
    var hasAddress = true
    var canMount = true
    var canStop = true
    /// Milliseconds between two lists of the containers.
    var relist = 60_000
    var asksForMore = true
    var isCleanedUp = true
    /// Events come faster than they are handled, now and then.
    var hasFloods = false

    init(seed: UInt64, _ random: inout SeededGenerator) {
        uuids = (1...Int.random(in: 1...4, using: &random)).map { "u\($0)-4000" }
        foundlings = uuids.filter { _ in random.chance(15) }
        isStoreInFile = random.chance(15)
        publishesInFlight = random.chance(50) ? 2 : 32
        openEvents = random.chance(10) ? 4 : 20_000
        events = Int.random(in: 3...16, using: &random)
        pace = random.pick([100, 1000, 6000])
        engineFaults = random.pick([0, 4, 15, 40])
        serverFaults = random.pick([0, 10, 35])
        sightFaults = random.pick([0, 10, 40])
        kills = random.pick([0, 2, 5, 10])
        hasHands = random.chance(50)
        hasOutages = random.chance(40)
        setsClock = random.chance(25)
        fillsDisk = random.chance(12)
        hasStrangers = random.chance(50)
        imageIsThere = random.chance(60)
        imageExists = random.chance(85)
        containersEndAtOnce = random.chance(12)
        hasAddress = random.chance(80)
        canMount = random.chance(75)
        canStop = random.chance(80)
        relist = random.pick([2000, 15_000, 60_000])
        asksForMore = random.chance(50)
        isCleanedUp = random.chance(35)
        // Not drawn: whoever compares histories with those of before the floods finds four of five unchanged.
        hasFloods = seed % 5 == 4
    }

    /// Nothing goes wrong that is not the server's own doing.
    var isCalm: Bool {
        engineFaults == 0 && serverFaults == 0 && kills == 0 && !hasHands && !hasOutages && !fillsDisk
    }
}

extension SeededGenerator {
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}
