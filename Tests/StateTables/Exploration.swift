import Lifecycle

/// Goes all ways that a machine can go, as far as a few outcomes of each piece of work lead.
///
/// Breadth first and always in the same order: the machine that stands for a phase is one that came there on a shortest
/// way, and always the same.
package struct Exploration<Machine: StateMachine> {
    package typealias Phase = Machine.Phase

    /// The first machine that was seen in each phase. Where there is work, it is under way.
    package private(set) var samples: [Phase: Machine] = [:]
    /// The changes of phase on the way.
    package private(set) var changes: [Phase: Set<Phase>] = [:]

    private static var depth: Int { 9 }

    /// - Parameter after: What may become of a machine that has begun this step.
    init(from starts: [Machine], after: (Machine, Step) -> [Machine]) {
        var seen = Set(starts)
        var front = starts
        for start in starts { note(start) }
        for _ in 0..<Self.depth where !front.isEmpty {
            var next: [Machine] = []
            for machine in front where !machine.phase.isSettled {
                let step = machine.next
                var begun = machine
                begun.began(step)
                note(begun, after: machine)
                for following in after(begun, step) {
                    note(following, after: begun)
                    if seen.insert(following).inserted { next.append(following) }
                }
            }
            front = next
        }
    }

    private mutating func note(_ machine: Machine, after former: Machine? = nil) {
        if samples[machine.phase] == nil { samples[machine.phase] = machine }
        guard let former, former.phase != machine.phase else { return }
        changes[former.phase, default: []].insert(machine.phase)
    }
}
