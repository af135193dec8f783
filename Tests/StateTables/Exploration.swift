/// Goes all ways that a machine can go, as far as a few outcomes of each piece of work lead.
///
/// Breadth first and always in the same order: the machine that stands for a phase is one that came there on a shortest
/// way, and always the same.
package struct Exploration<Machine: Hashable, Phase: Hashable> {
    /// The first machine that was seen in each phase. Where there is work, it is under way.
    package private(set) var samples: [Phase: Machine] = [:]
    /// The changes of phase on the way.
    package private(set) var changes: [Phase: Set<Phase>] = [:]

    /// - Parameters:
    ///   - moves: The machine after its next step was begun, and what may become of it; none for one that is settled.
    init(
        from starts: [Machine], depth: Int, phase: (Machine) -> Phase,
        moves: (Machine) -> (begun: Machine, after: [Machine])?
    ) {
        var seen = Set(starts)
        var front = starts
        for start in starts { note(start, phase) }
        for _ in 0..<depth where !front.isEmpty {
            var next: [Machine] = []
            for machine in front {
                guard let (begun, after) = moves(machine) else { continue }
                note(begun, phase, after: machine)
                for following in after {
                    note(following, phase, after: begun)
                    if seen.insert(following).inserted { next.append(following) }
                }
            }
            front = next
        }
    }

    private mutating func note(_ machine: Machine, _ phase: (Machine) -> Phase, after former: Machine? = nil) {
        if samples[phase(machine)] == nil { samples[phase(machine)] = machine }
        guard let former, phase(former) != phase(machine) else { return }
        changes[phase(former), default: []].insert(phase(machine))
    }
}
