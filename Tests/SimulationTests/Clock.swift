import Model

/// The time of a history: what has truly passed, and what the clock on the wall says, which somebody may set.
struct Clock {
    /// Milliseconds since the history began. Never goes back.
    private(set) var elapsed = 0
    /// What the wall clock is ahead of that by, in milliseconds.
    var offset = 0

    /// What the agent is told.
    var wall: Timestamp { Timestamp(milliseconds: 1_795_000_000_000 + elapsed + offset) }

    mutating func advance(to time: Int) { elapsed = max(elapsed, time) }
}

/// Something that will happen at some time.
enum Happening {
    // The server
    case serverAsks
    case serverAsksAgain(Int)
    case frameArrives(Int, life: Int)
    case answerArrives(Letter)
    case receiptArrives(Letter, isTaken: Bool, isFinal: Bool)
    case serverGoes
    case serverComes
    case connectionOpens(life: Int)
    // The engine
    case engineActs(Int)
    case callIsOver(Int)
    case workSpeaks(Int, String)
    case sightArrives(Sight, life: Int)
    case streamOpens(life: Int)
    case relist(life: Int)
    case engineGoes
    case engineComes
    case hand
    // The agent
    case loop(life: Int)
    case alarm(life: Int, number: Int)
    case kill
    case restart
    case clockIsSet
    case diskFills
    case diskEmpties

    /// Trouble that does not begin any more once there is peace, and new wishes.
    var endsWithPeace: Bool {
        switch self {
        case .serverAsks, .serverGoes, .engineGoes, .hand, .kill, .clockIsSet, .diskFills: true
        default: false
        }
    }
}

/// What will happen, in the order of time; what is due at the same time in the order in which it was put in.
struct Agenda {
    private struct Entry {
        let at: Int
        let number: Int
        let happening: Happening
    }

    /// Latest first.
    private var entries: [Entry] = []
    private var count = 0

    var isEmpty: Bool { entries.isEmpty }
    var happenings: [Happening] { entries.reversed().map(\.happening) }

    mutating func put(_ happening: Happening, at time: Int) {
        count += 1
        let index = entries.lastIndex { $0.at > time }.map { $0 + 1 } ?? 0
        entries.insert(Entry(at: time, number: count, happening: happening), at: index)
    }

    mutating func next() -> (at: Int, happening: Happening)? {
        entries.popLast().map { ($0.at, $0.happening) }
    }

    mutating func remove(where isMeant: (Happening) -> Bool) { entries.removeAll { isMeant($0.happening) } }
}
