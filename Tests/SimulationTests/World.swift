import Lifecycle
import Model
import RancherAPI
import SimulatedEngine
import Store

@testable import Reconciler

/// One host and all that is around it. The core, its store and its codec are the real ones; the server, the engine,
/// the people, the clock and the end of the process are made up here, all from one seed.
///
/// Everything happens in `step`: the next thing on the agenda is taken and done, and what follows from it is put on
/// the agenda. Each of the files `World+*.swift` is one party to it.
final class World {
    let seed: UInt64
    let scenario: Scenario
    let defect: Defect?
    var random: SeededGenerator
    var clock = Clock()
    var agenda = Agenda()
    var isPeaceful = false
    /// Counts what has happened.
    private(set) var steps = 0

    // The agent
    let disk: Disk
    let codec = RancherCodec()
    let limits: ReconcilerLimits
    var reconciler: Reconciler
    var isAlive = true
    /// The number of the process.
    var life = 0
    var inbox: [Input] = []
    /// The loop is busy until then.
    var busyUntil = 0
    var loopIsDue = false
    var alarm = 0
    var batches = 0
    var killsInARow = 0
    var gate = World.newGate
    /// More events wait than a loop that keeps up leaves behind, until then.
    var floodedUntil = 0
    /// What the store said of resources on their way after the last transaction.
    var lastRows: [ResourceKey: RowView] = [:]

    /// The effects of the last transaction that have left.
    var leftLast: [Effect] = []
    /// The wishes that work has left for.
    var intents: [ResourceKey: Int] = [:]

    // The engine
    var engine = SimulatedEngine()
    var engineIsUp = true
    var streamIsOpen = false
    var calls: [Call] = []
    var sightCount = 0
    /// When the last of the engine's events arrives.
    var streamedUntil = 0
    /// The containers as the agent has last been told, by id.
    var told: [String: ContainerSummary] = [:]
    /// Everybody else's containers as they have to be.
    var strangers: [String: SimulatedEngine.Container] = [:]
    /// The step at which people, or the engine itself, have last changed the container of an instance.
    var touched: [String: Int] = [:]

    // The server
    var serverIsUp = true
    var connectionIsUp = false
    var errands: [Errand] = []
    var lettersUnderWay = 0
    var letterCount = 0

    // What is known for certain
    var laws = Laws()
    var met: Set<Occurrence> = []
    /// Where processes were killed: before which statements, after which effects.
    var killPlaces: Set<String> = []
    /// What happened, in words, if somebody wants to read it.
    var chronicle: [String]?

    init(seed: UInt64, defect: Defect? = nil, isWritten: Bool = false) throws {
        self.seed = seed
        self.defect = defect
        random = SeededGenerator(seed: seed)
        var scenario = Scenario(seed: seed, &random)
        defect?.arrange(&scenario)
        self.scenario = scenario
        chronicle = isWritten ? [] : nil
        var limits = ReconcilerLimits()
        limits.publishesInFlight = scenario.publishesInFlight
        limits.openEvents = scenario.openEvents
        self.limits = limits
        disk = try Disk(inFile: scenario.isStoreInFile)
        reconciler = Reconciler(
            store: disk.store, codec: codec, limits: limits, random: SeededGenerator(seed: random.next()))
        arrangeEngine()
    }

    /// Does the next thing.
    ///
    /// - Returns: false if nothing is on the agenda.
    func step() throws -> Bool {
        guard let (time, happening) = agenda.next() else { return false }
        clock.advance(to: time)
        steps += 1
        if isPeaceful, happening.endsWithPeace { return true }
        switch happening {
        case .serverAsks: askForSomething()
        case .serverAsksAgain(let number): askAgain(number)
        case .frameArrives(let number, let life): frameArrives(number, life)
        case .answerArrives(let letter): try answerArrives(letter)
        case .receiptArrives(let letter, let isTaken, let isFinal): receiptArrives(letter, isTaken, isFinal)
        case .serverGoes: serverGoes()
        case .serverComes: serverComes()
        case .connectionOpens(let life): connectionOpens(life)
        case .engineActs(let number): try engineActs(number)
        case .callIsOver(let number): callIsOver(number)
        case .workSpeaks(let number, let text): workSpeaks(number, text)
        case .sightArrives(let sight, let life): sightArrives(sight, life)
        case .streamOpens(let life): streamOpens(life)
        case .relist(let life): relist(life)
        case .engineGoes: try engineGoes()
        case .engineComes: engineComes()
        case .hand: try changeByHand()
        case .loop(let life): if life == self.life, isAlive { try loop() }
        case .alarm(let life, let number): if life == self.life, number == alarm { scheduleLoop() }
        case .kill: killAtRest()
        case .restart: try start()
        case .clockIsSet: setClock()
        case .diskFills: fillDisk()
        case .diskEmpties: disk.isFull = false
        }
        return true
    }

    // MARK: Small helpers

    func put(_ happening: Happening, in range: ClosedRange<Int>) {
        agenda.put(happening, at: clock.elapsed + random.number(range))
    }

    func meet(_ occurrence: Occurrence) { met.insert(occurrence) }

    /// True so many times of a hundred, as long as there is no peace.
    func trouble(_ percent: Int) -> Bool { !isPeaceful && percent > 0 && random.chance(percent) }

    func write(_ text: @autoclosure () -> String) {
        guard chronicle != nil else { return }
        let seconds = clock.elapsed / 1000
        let rest = String(clock.elapsed % 1000 + 1000).dropFirst()
        chronicle?.append("\(seconds).\(rest) s  \(text())")
    }

    func breach(_ law: Law, _ text: String) -> Breach { Breach(law: law, text: text) }

    var uuids: [String] { scenario.uuids }
}

/// What the store says of a resource on its way.
struct RowView: Equatable {
    let generation: Int
    let attempts: Int
    let nextAttemptAt: Int?
}
