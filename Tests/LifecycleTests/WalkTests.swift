import Lifecycle
import Model
import SimulatedEngine
import Testing

/// Random histories of one wish: whatever the engine does, the machine keeps its promises; and once the engine behaves,
/// it comes to an end.
struct WalkTests {
    /// A change of phase.
    struct Edge: Hashable, CustomStringConvertible {
        let from: String
        let to: String
        var description: String { "\(from) → \(to)" }
    }

    static let steps = 120

    @Test("Instances keep to their phases, their rights and their evidence on every way, and every way ends")
    func instances() throws {
        var seen: Set<Edge> = []
        for seed in 0..<32000 { try walkInstance(UInt64(seed), &seen) }
        var allowed: Set<Edge> = []
        for phase in InstancePhase.allCases {
            for successor in phase.successors { allowed.insert(Edge(from: phase.rawValue, to: successor.rawValue)) }
        }
        #expect(allowed.subtracting(seen).map(\.description).sorted() == [], "these changes never happen")
        #expect(
            Set(InstancePhase.allCases.map(\.rawValue)).subtracting(seen.map(\.to)) == ["requested"],
            "every phase is reached")
    }

    private func walkInstance(_ seed: UInt64, _ seen: inout Set<Edge>) throws {
        var random = SeededGenerator(seed: seed)
        var engine = SimulatedEngine()
        let desired = InstanceDesire.allCases.randomElement(using: &random)!
        var specification = instance(externalID: random.chance(20) ? "c-old" : "")
        specification.noop = random.chance(5)
        engine.plugins = ["flex"]
        if random.chance(40) {
            specification.volumes = [VolumeSpecification(name: "v", driver: random.chance(60) ? "flex" : "local")]
        }
        if random.chance(30) { specification.container.network = .cni }
        if random.chance(20) { engine.address = nil }
        if random.chance(30) { specification.container.labels["io.rancher.container.pull_image"] = "always" }
        if random.chance(50) { engine.images.insert("nginx") }
        if random.chance(60) {
            let own = random.chance(85)
            let name = random.chance(50) ? specification.containerName : ""
            engine.add(
                "c-old", uuid: own ? "u-1" : "u-9", name: name,
                (ContainerState.allCases + [.restarting, .restarting]).randomElement(using: &random)!)
        }
        engine.stateAfterStart = [.running, .running, .exited, .restarting].randomElement(using: &random)!
        engine.stopWorks = random.chance(65)
        engine.killWorks = random.chance(90)
        var faults = random.chance(20) ? 0 : Int.random(in: 0..<12, using: &random)
        let faultRate = [10, 30, 70].randomElement(using: &random)!
        let handRate = [0, 0, 15, 40].randomElement(using: &random)!

        var machine = InstanceMachine(specification, desired: desired)
        if random.chance(20), engine.containers.isEmpty {
            // A life before.
            var earlier = engine
            earlier.address = "10.42.0.5"
            machine = InstanceMachine(specification, desired: .running)
            _ = machine.run(on: &earlier)
            earlier.address = engine.address
            for id in earlier.containers.keys { earlier.containers[id]?.wasStopped = true }
            engine = earlier
            machine.wished(specification, desired: desired)
        }
        if random.chance(40) { machine.hinted(engine.summaries.first { $0.instanceUUID == "u-1" }) }
        var quietSteps = 0
        for _ in 0..<1000 {
            let step = machine.next
            #expect(step == machine.next, "seed \(seed)")
            try change(&machine, &seen, seed) { $0.began(step) }
            switch step {
            case .perform(let operation):
                if case .removeContainer(let id, _) = operation, desired == .running {
                    #expect(machine.createdHere, "seed \(seed)")
                    #expect(engine.containers[id].map { $0.creation > 0 } ?? true, "seed \(seed) removed \(id)")
                }
                if case .createContainer = operation { #expect(desired == .running, "seed \(seed)") }
                if case .startContainer = operation { #expect(desired == .running, "seed \(seed)") }
                let fault =
                    faults > 0 && random.chance(faultRate)
                    ? SimulatedEngine.Fault.allCases.randomElement(using: &random)! : .none
                if fault != .none { faults -= 1 }
                if faults > 0, random.chance(5) {
                    // Killed before the work, or after it.
                    faults -= 1
                    if random.chance(50) { _ = engine.perform(operation) }
                    machine = try throughJSON(machine)
                    try change(&machine, &seen, seed) { $0.resumed() }
                    continue
                }
                let outcome = engine.perform(operation, fault)
                try change(&machine, &seen, seed) { $0.ended(operation, outcome) }
            case .require(let requirements):
                if faults > 0, random.chance(10) {
                    faults -= 1
                    try change(&machine, &seen, seed) { $0.requirementFailed("cannot be had") }
                } else if faults > 0, random.chance(30) {
                    // Killed while it waits.
                    faults -= 1
                    if handRate > 0, engine.containers(of: "u-1").isEmpty, random.chance(50) {
                        engine.add("c-hand", uuid: "u-1", name: specification.containerName, .restarting)
                    }
                    if handRate > 0 { byHand(&engine, &random, specification) }
                    machine = try throughJSON(machine)
                    try change(&machine, &seen, seed) { $0.resumed() }
                } else {
                    try change(&machine, &seen, seed) { $0.meet(requirements, on: &engine) }
                }
            case .wait:
                if random.chance(10) { engine.address = "10.42.0.5" }
                // Who is on the way out gets there, unless the engine is stuck.
                if random.chance(20) {
                    for (id, container) in engine.containers where container.state == .removing {
                        engine.containers[id] = nil
                    }
                }
                if faults > 0, random.chance(10) {
                    machine = try throughJSON(machine)
                    try change(&machine, &seen, seed) { $0.resumed() }
                } else {
                    try change(&machine, &seen, seed) { $0.waited() }
                }
            case .settle:
                #expect(machine.isInspected, "seed \(seed): the end is claimed without an inspection")
                #expect(machine.phase.isSettled, "seed \(seed)")
                #expect(machine.lastError == "", "seed \(seed)")
                if handRate == 0, !specification.noop { expectTruth(machine, engine, seed) }
                if desired == .running, machine.phase == .running, specification.container.network == .cni,
                    machine.knowledge != .present(.restarting)
                {
                    #expect(
                        machine.address == engine.address ?? "" || specification.noop,
                        "seed \(seed): \(machine.knowledge) \(engine.log.suffix(6))")
                }
                expectVolumes(machine, engine, seed)
                finish(engine, handRate, seed)
                return
            case .fail(let reason):
                #expect(machine.phase == .failed, "seed \(seed)")
                #expect(!reason.isEmpty, "seed \(seed)")
                expectVolumes(machine, engine, seed)
                finish(engine, handRate, seed)
                return
            }
            if faults > 0, random.chance(handRate) {
                faults -= 1
                byHand(&engine, &random, specification)
            }
            quietSteps += faults > 0 && faultRate > 10 ? 0 : 1
            guard quietSteps < Self.steps else { break }
        }
        Issue.record("seed \(seed): no end after \(Self.steps) steps; \(machine.phase), next \(machine.next)")
    }

    private func change(
        _ machine: inout InstanceMachine, _ seen: inout Set<Edge>, _ seed: UInt64,
        _ event: (inout InstanceMachine) -> Void
    ) throws {
        let before = machine.phase
        event(&machine)
        guard machine.phase != before else { return }
        seen.insert(Edge(from: before.rawValue, to: machine.phase.rawValue))
        #expect(before.successors.contains(machine.phase), "seed \(seed): \(before) → \(machine.phase)")
    }

    /// Without a hand from outside the end is what the engine really shows.
    private func expectTruth(_ machine: InstanceMachine, _ engine: SimulatedEngine, _ seed: UInt64) {
        let container = engine.containers[machine.containerID]
        switch machine.phase {
        case .running: #expect(container?.state.isAlive == true, "seed \(seed)")
        case .stopped: #expect(container?.state.isAlive != true, "seed \(seed)")
        case .removed: #expect(engine.containers(of: "u-1").isEmpty, "seed \(seed)")
        default: Issue.record("seed \(seed): \(machine.phase) is no end")
        }
    }

    /// What is mounted at the end is used by the container, or is known to be still there.
    private func expectVolumes(_ machine: InstanceMachine, _ engine: SimulatedEngine, _ seed: UInt64) {
        guard !engine.mounted.isEmpty else { return }
        #expect(machine.claims.map(\.name).contains("v"), "seed \(seed): a mounted volume is forgotten")
    }

    private func finish(_ engine: SimulatedEngine, _ handRate: Int, _ seed: UInt64) {
        #expect(engine.containers(of: "u-1").count <= 1, "seed \(seed): two containers of one instance")
        // By hand it can be made to look like anything.
        if handRate == 0 { #expect(engine.runTwice == [], "seed \(seed)") }
    }

    private func byHand(
        _ engine: inout SimulatedEngine, _ random: inout SeededGenerator, _ specification: InstanceSpecification
    ) {
        guard let id = engine.containers(of: "u-1").first?.id else { return }
        switch Int.random(in: -2..<11, using: &random) {
        case ...0: engine.containers[id] = nil
        case let choice:
            engine.containers[id]?.state = choice < 8 ? ContainerState.allCases[choice - 1] : .restarting
            engine.containers[id]?.wasStopped = true
        }
    }

    // MARK: Volumes and images

    @Test("Volumes keep to their phases on every way, and every way ends")
    func volumes() throws {
        var seen: Set<Edge> = []
        for seed in 0..<4000 {
            var random = SeededGenerator(seed: UInt64(seed))
            var engine = SimulatedEngine()
            let desired = VolumeDesire.allCases.randomElement(using: &random)!
            let attached = "rancher-nfs"
            let driver =
                random.chance(40) ? "flex" : random.chance(50) ? attached : random.chance(90) ? "local" : ""
            let specification = VolumeSpecification(
                name: "v", driver: driver, keeping: driver == attached ? .byRancherPlugin : .byAnyPlugin)
            engine.plugins = ["flex", attached]
            engine.inflexible = [attached]
            if random.chance(30) { engine.unmountable = ["v"] }
            if random.chance(60) {
                engine.volumes["v"] = SimulatedEngine.Volume(
                    driver: random.chance(70) ? driver == attached ? attached : "local" : "nfs",
                    mountpoint: random.chance(60) ? "/v" : "moved")
            }
            if random.chance(20) { engine.volumesInUse = ["v"] }
            var machine = VolumeMachine(specification, desired: desired, holder: random.chance(80) ? "u-1" : "")
            if random.chance(30) {
                // It was mounted for somebody once.
                var earlier = VolumeMachine(specification, desired: .active, holder: "u-1")
                var peace = engine
                peace.unmountable = []
                for _ in 0..<20 where !earlier.phase.isSettled {
                    let step = earlier.next
                    earlier.began(step)
                    if case .perform(let operation) = step { earlier.ended(operation, peace.perform(operation)) }
                }
                peace.unmountable = engine.unmountable
                engine = peace
                if desired == .removed, random.chance(70) { earlier.held(onlyBy: []) }
                earlier.wished(machine)
                machine = earlier
            }
            var faults = random.chance(20) ? 0 : Int.random(in: 0..<12, using: &random)
            var ended = false
            func change(_ event: (inout VolumeMachine) -> Void) {
                let before = machine.phase
                event(&machine)
                guard machine.phase != before else { return }
                seen.insert(Edge(from: before.rawValue, to: machine.phase.rawValue))
                #expect(before.successors.contains(machine.phase), "seed \(seed): \(before) → \(machine.phase)")
            }
            for _ in 0..<Self.steps where !ended {
                let step = machine.next
                change { $0.began(step) }
                switch step {
                case .perform(let operation):
                    let fault =
                        faults > 0 && random.chance(40)
                        ? SimulatedEngine.Fault.allCases.randomElement(using: &random)! : .none
                    if fault != .none { faults -= 1 }
                    if faults > 0, random.chance(8) {
                        if random.chance(50) { _ = engine.perform(operation) }
                        machine = try throughJSON(machine)
                        change { $0.resumed() }
                        continue
                    }
                    if faults > 0, random.chance(10) {
                        // The plug-in is away for a while.
                        engine.plugins = engine.plugins.isEmpty ? ["flex", attached] : []
                    }
                    if faults <= 1 { engine.plugins = ["flex", attached] }
                    if faults > 0, random.chance(10) {
                        engine.volumes["v"] =
                            random.chance(50)
                            ? nil
                            : SimulatedEngine.Volume(
                                driver: driver == attached ? attached : "local",
                                mountpoint: random.chance(50) ? "/v" : "moved")
                    }
                    let outcome = engine.perform(operation, fault)
                    change { $0.ended(operation, outcome) }
                case .wait: change { $0.waited() }
                case .require: Issue.record("seed \(seed): a volume needs nothing")
                case .settle:
                    ended = true
                    if desired != .inactive {
                        #expect(machine.knowledge != .unobserved || !specification.isManaged, "seed \(seed)")
                    }
                    expectMounted(machine, engine, UInt64(seed))
                case .fail:
                    ended = true
                    expectMounted(machine, engine, UInt64(seed))
                }
            }
            #expect(ended, "seed \(seed)")
            #expect(machine.phase.isSettled, "seed \(seed)")
        }
        expectAll(VolumePhase.allCases.map { ($0.rawValue, Set($0.successors.map(\.rawValue))) }, seen)
    }

    private func expectMounted(_ machine: VolumeMachine, _ engine: SimulatedEngine, _ seed: UInt64) {
        if engine.mounted.contains("v") {
            #expect(machine.mayBeMounted, "seed \(seed): a mounted volume is forgotten")
            if machine.phase == .failed, machine.desired == .active, machine.holders.isEmpty {
                #expect(machine.lastError.contains("may still be mounted"), "seed \(seed): \(machine.lastError)")
            }
        }
        if machine.phase == .active, machine.knowledge == .kept {
            #expect(engine.mounted.contains("v"), "seed \(seed)")
            #expect(machine.mountpoint == "/mnt/v", "seed \(seed)")
        }
    }

    @Test("Images keep to their phases on every way, and every way ends")
    func images() throws {
        var seen: Set<Edge> = []
        for seed in 0..<4000 {
            var random = SeededGenerator(seed: UInt64(seed))
            var engine = SimulatedEngine()
            let desired = ImageDesire.allCases.randomElement(using: &random)!
            let specification = ImageSpecification(
                reference: "nginx", temporaryTag: random.chance(50) ? "-tmp" : "", alwaysPull: random.chance(30))
            if random.chance(50) { engine.images.insert("nginx") }
            if random.chance(20) { engine.registry = [] }
            let faultRate = random.chance(30) ? 95 : 40
            var machine = ImageMachine(specification, desired: desired)
            var faults = random.chance(20) ? 0 : Int.random(in: 0..<12, using: &random)
            var ended = false
            func change(_ event: (inout ImageMachine) -> Void) {
                let before = machine.phase
                event(&machine)
                guard machine.phase != before else { return }
                seen.insert(Edge(from: before.rawValue, to: machine.phase.rawValue))
                #expect(before.successors.contains(machine.phase), "seed \(seed): \(before) → \(machine.phase)")
            }
            for _ in 0..<Self.steps where !ended {
                let step = machine.next
                change { $0.began(step) }
                switch step {
                case .perform(let operation):
                    var fault = SimulatedEngine.Fault.none
                    if faults > 0, random.chance(faultRate) {
                        let all = SimulatedEngine.Fault.allCases
                        fault = faultRate > 90 ? .failedBefore : all.randomElement(using: &random)!
                    }
                    if fault != .none { faults -= 1 }
                    if faults > 0, random.chance(8) {
                        if random.chance(50) { _ = engine.perform(operation) }
                        machine = try throughJSON(machine)
                        change { $0.resumed() }
                        continue
                    }
                    if faults > 0, random.chance(10) { engine.images.remove("nginx") }
                    if faults > 0, random.chance(5) {
                        change { $0.joined(by: ImageSpecification(reference: "nginx", alwaysPull: true)) }
                    }
                    let outcome = engine.perform(operation, fault)
                    change { $0.ended(operation, outcome) }
                case .wait: change { $0.waited() }
                case .require: Issue.record("seed \(seed): an image needs nothing")
                case .settle, .fail: ended = true
                }
            }
            #expect(ended, "seed \(seed)")
            #expect(machine.phase.isSettled, "seed \(seed)")
        }
        expectAll(ImagePhase.allCases.map { ($0.rawValue, Set($0.successors.map(\.rawValue))) }, seen)
    }

    /// Every change that is allowed happens, and every phase but the first is reached.
    private func expectAll(_ phases: [(phase: String, successors: Set<String>)], _ seen: Set<Edge>) {
        let allowed = Set(phases.flatMap { phase in phase.successors.map { Edge(from: phase.phase, to: $0) } })
        #expect(allowed.subtracting(seen).map(\.description).sorted() == [], "these changes never happen")
        #expect(Set(phases.map(\.phase)).subtracting(seen.map(\.to)) == ["requested"])
    }

    @Test("A settled phase leads nowhere, and every other leads to an end")
    func closed() {
        for phase in InstancePhase.allCases { #expect(phase.isSettled == phase.successors.isEmpty) }
        for phase in VolumePhase.allCases { #expect(phase.isSettled == phase.successors.isEmpty) }
        for phase in ImagePhase.allCases { #expect(phase.isSettled == phase.successors.isEmpty) }
    }

    @Test("A pause grows to five seconds and stays there")
    func backOff() {
        let pauses = (0..<12).map { Patience.backOff(afterTries: $0).inMilliseconds }
        #expect(pauses == [250, 250, 500, 1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000, 5000])
        #expect(Patience.backOff(afterTries: .max) == .seconds(5))
    }
}
