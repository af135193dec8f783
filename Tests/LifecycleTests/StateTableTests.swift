import Foundation
import Lifecycle
import Model
import SimulatedEngine
import StateTables
import Testing

/// The state machines as graphs and as tables: nothing unreachable, no dead end, nothing undecided, and a page that
/// shows it.
struct StateTableTests {
    private static let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/Lifecycle/Lifecycle.docc/StateTables.md")

    @Test("The page of the state tables shows the machines as they are")
    func current() throws {
        let written = StateTables.page
        if ProcessInfo.processInfo.environment["WRITE_TABLES"] != nil {
            try written.write(to: Self.page, atomically: true, encoding: .utf8)
        }
        let found = try String(contentsOf: Self.page, encoding: .utf8)
        // The difference of two pages is no reading.
        let isCurrent = found == written
        #expect(isCurrent, "Sources/Lifecycle/Lifecycle.docc/StateTables.md is out of date: run make tables")
        #expect(StateTables.page == written, "the page is the same each time")
    }

    // MARK: Graphs

    @Test("Every phase can be reached from a fresh wish, and from every phase an end")
    func graphs() {
        check(InstancePhase.self, from: .requested)
        check(VolumePhase.self, from: .requested)
        check(ImagePhase.self, from: .requested)
    }

    private func check<Phase: MachinePhase>(_: Phase.Type, from first: Phase) {
        func reach(_ start: Phase) -> Set<Phase> {
            var reached: Set<Phase> = [start]
            for _ in Phase.allCases { reached = reached.reduce(into: reached) { $0.formUnion($1.successors) } }
            return reached
        }
        #expect(reach(first) == Set(Phase.allCases), "unreachable")
        for phase in Phase.allCases {
            let hasEnd = reach(phase).contains { $0.isSettled }
            #expect(hasEnd, "\(phase) is a dead end")
            #expect(phase.successors.isEmpty == phase.isSettled, "\(phase)")
            #expect(!phase.successors.contains(first), "only a new wish leads back to \(first)")
        }
    }

    @Test("Every change on the ways from a wish is one that its phase declares")
    func declared() {
        for desired in InstanceDesire.allCases { check(InstanceTables.exploration(desired)) }
        for desired in VolumeDesire.allCases { check(VolumeTables.exploration(desired)) }
        for (_, wish) in ImageTables.wishes { check(ImageTables.exploration(wish)) }
    }

    private func check<Machine>(_ exploration: Exploration<Machine>) {
        for (phase, followers) in exploration.changes {
            #expect(followers.subtracting(phase.successors) == [], "from \(phase)")
        }
    }

    /// Killed in any phase: whatever is seen then, it goes on to an end.
    ///
    /// - Parameter engine: One in which there is what was seen.
    private func comesToAnEnd<Machine: StateMachine>(
        _ samples: [Machine.Phase: Machine], _ observations: [Observation], _ wish: String,
        engine: (Observation) -> SimulatedEngine
    ) {
        for (phase, sample) in samples where !phase.isSettled {
            for observation in observations {
                var machine = sample.restarted(seeing: observation.outcome)
                #expect(machine.next == machine.next, "\(wish), \(phase), \(observation.name)")
                var engine = engine(observation)
                for _ in 0..<60 where !machine.phase.isSettled {
                    let step = machine.next
                    machine.began(step)
                    switch step {
                    case .perform(let operation): machine.ended(operation, engine.perform(operation))
                    case .wait: machine.waited()
                    case .require, .settle, .fail: break
                    }
                }
                #expect(machine.phase.isSettled, "\(wish), \(phase), \(observation.name): \(machine.next)")
            }
        }
    }

    // MARK: Instances

    @Test("The wishes for an instance lead through all phases between them")
    func instancePhases() {
        let found = InstanceDesire.allCases.map { Set(InstanceTables.samples($0).keys) }
        #expect(found.reduce([]) { $0.union($1) } == Set(InstancePhase.allCases))
        for phases in found { #expect(phases.contains(.requested) && phases.contains(.failed)) }
    }

    @Test(
        "Killed in any phase and whatever is seen then, an instance comes to a right end",
        arguments: InstanceDesire.allCases)
    func instanceEnds(_ desired: InstanceDesire) {
        for (phase, sample) in InstanceTables.samples(desired) where !phase.isSettled {
            for state in InstanceTables.observations {
                var machine = InstanceTables.resumed(sample, state)
                let step = machine.next
                #expect(step == machine.next, "\(desired), \(phase), \(state?.rawValue ?? "missing")")
                if case .perform(.removeContainer) = step, desired == .running {
                    #expect(machine.createdHere, "\(phase): somebody's container is removed")
                }
                var engine = SimulatedEngine()
                engine.images = ["nginx"]
                engine.plugins = ["flex"]
                if let state { engine.add(InstanceTables.containerID, uuid: "u-1", state) }
                let steps = machine.run(on: &engine, limit: 60)
                #expect(machine.phase.isSettled, "\(desired), \(phase), \(state?.rawValue ?? "missing"): \(steps)")
                #expect(engine.containers(of: "u-1").count <= 1, "\(desired), \(phase)")
                if machine.phase != .failed { #expect(machine.isInspected, "\(desired), \(phase)") }
            }
        }
    }

    @Test("Out of an end leads only a new wish, for an instance", arguments: InstanceDesire.allCases)
    func instanceClosed(_ desired: InstanceDesire) {
        for (phase, sample) in InstanceTables.samples(desired) where phase.isSettled {
            var machine = sample
            machine.resumed()
            machine.overtaken()
            machine.waited()
            machine.hinted(nil)
            machine.volumeActive("v", mountpoint: "/mnt/v")
            #expect(machine.phase == phase)
            for wish in InstanceDesire.allCases {
                machine.wished(InstanceTables.specification, desired: wish)
                #expect(machine.phase == .requested)
            }
            // What others do to its container is shown, and is no work.
            var drifting = sample
            drifting.drifted(to: nil)
            #expect(drifting.phase == (phase == .running ? .stopped : phase))
        }
    }

    // MARK: Volumes

    @Test("The wishes for a volume lead through all phases between them")
    func volumePhases() {
        let found = VolumeDesire.allCases.map { Set(VolumeTables.samples($0).keys) }
        #expect(found.reduce([]) { $0.union($1) } == Set(VolumePhase.allCases))
    }

    @Test(
        "Killed in any phase and whatever is seen then, a volume comes to an end", arguments: VolumeDesire.allCases)
    func volumeEnds(_ desired: VolumeDesire) {
        comesToAnEnd(VolumeTables.samples(desired), VolumeTables.observations, "\(desired)") { observation in
            var engine = SimulatedEngine()
            if case .keptByPlugin = observation.outcome { engine.plugins = ["flex"] }
            return engine
        }
    }

    @Test("Out of an end leads only a new wish, for a volume", arguments: VolumeDesire.allCases)
    func volumeClosed(_ desired: VolumeDesire) {
        for (phase, sample) in VolumeTables.samples(desired) where phase.isSettled {
            var machine = sample
            machine.resumed()
            machine.overtaken()
            machine.waited()
            machine.held(onlyBy: [])
            _ = machine.released(by: "u-1")
            #expect(machine.phase == phase)
            for wish in VolumeDesire.allCases {
                machine.wished(VolumeMachine(VolumeTables.specification, desired: wish))
                #expect(machine.phase == .requested)
            }
        }
    }

    // MARK: Images

    @Test("The wishes for an image lead through all phases between them")
    func imagePhases() {
        let found = ImageTables.wishes.map { Set(ImageTables.samples($0.machine).keys) }
        #expect(found.reduce([]) { $0.union($1) } == Set(ImagePhase.allCases))
    }

    @Test("Killed in any phase and whatever is seen then, an image comes to an end")
    func imageEnds() {
        for (wish, machine) in ImageTables.wishes {
            comesToAnEnd(ImageTables.samples(machine), ImageTables.observations, wish) { observation in
                var engine = SimulatedEngine()
                engine.images = observation.name == "there" ? ["nginx"] : []
                return engine
            }
        }
    }

    @Test("Out of an end leads only a new wish, for an image")
    func imageClosed() {
        for (_, fresh) in ImageTables.wishes {
            for (phase, sample) in ImageTables.samples(fresh) where phase.isSettled {
                var machine = sample
                machine.resumed()
                machine.overtaken()
                machine.waited()
                machine.joined(by: ImageSpecification(reference: "nginx", alwaysPull: true))
                #expect(machine.phase == phase)
                machine.wished(fresh.specification, desired: .present)
                #expect(machine.phase == .requested)
            }
        }
    }
}
