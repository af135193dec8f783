import Foundation
import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// Whole lives of a host from a seed: events in any order, answers lost, processes killed, containers changed by hand.
struct SimulationTests {
    /// How many histories are tried; a long run tries more of them.
    static let seeds = ProcessInfo.processInfo.environment["SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 400

    @Test("The laws hold in every history")
    func laws() throws {
        for seed in 0..<Self.seeds { try Simulation(seed: seed).play() }
    }
}

/// One history.
private final class Simulation {
    private let seed: UInt64
    private var random: SeededGenerator
    private let host: Host
    private var sent: [IncomingEvent] = []
    private var count = 0
    /// Instances that somebody asked to remove: their containers may go, whoever made them.
    private var removable: Set<String> = []
    private let uuids: [String]
    private let byHand: Set<String>
    /// Somebody changes containers behind the agent's back.
    private let hasHands: Bool

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        hasHands = random.chance(60)
        var limits = ReconcilerLimits()
        limits.publishesInFlight = random.chance(50) ? 2 : 32
        host = try Host(limits: limits, seed: seed)
        host.label = "seed \(seed)"
        uuids = (1...Int.random(in: 1...4, using: &random)).map { "u-\($0)" }
        var byHand: Set<String> = []
        for uuid in uuids where random.chance(20) {
            byHand.insert("there-\(uuid)")
            host.engine.add("there-\(uuid)", uuid: uuid, random.chance(50) ? .running : .exited)
        }
        self.byHand = byHand
        if random.chance(50) { host.engine.images = [] }
        if random.chance(20) { host.engine.stateAfterStart = .exited }
        host.engine.plugins = ["flex"]
        if random.chance(20) { host.engine.address = nil }
        if random.chance(30) { host.engine.unmountable = ["f"] }
        host.engine.stopWorks = random.chance(80)
    }

    func play() throws {
        let steps = Int.random(in: 20...140, using: &random)
        let faultRate = [5, 20, 50].randomElement(using: &random) ?? 5
        for _ in 0..<steps { try step(faultRate) }
        if random.chance(50) { try host.expectMemoryEqualsStore() }
        // From here on everything behaves.
        host.engine.stopWorks = true
        host.give(.serverReached, .containers(host.engine.summaries))
        host.run()
        expectAnswers()
        try host.expectMemoryEqualsStore()
        try lastWishes()
        expectVolumes()
    }

    // MARK: A step

    private func step(_ faultRate: Int) throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<22: give([newEvent()])
        case 22..<27: if let old = sent.randomElement(using: &random) { give([old]) }
        case 27..<62:
            guard !host.work.isEmpty else { return }
            let index = Int.random(in: 0..<host.work.count, using: &random)
            let piece = host.work.remove(at: index)
            let fault =
                random.chance(faultRate) ? SimulatedEngine.Fault.allCases.randomElement(using: &random) ?? .none : .none
            if case .removeContainer(let id) = piece.operation { expectMayRemove(id) }
            if random.chance(10) { host.give(.progress(piece.id, text: "Working \(count)")) }
            host.give(.outcome(piece.id, host.engine.perform(piece.operation, fault)))
        case 62..<74:
            guard !host.letters.isEmpty else { return }
            let index = Int.random(in: 0..<host.letters.count, using: &random)
            if random.chance(70) {
                host.deliver(at: index)
            } else {
                let letter = host.letters.remove(at: index)
                host.give(.undelivered(eventID: letter.eventID, reason: "503", isFinal: false))
            }
        case 74..<86: host.tick(after: .milliseconds(Int.random(in: 0...4000, using: &random)))
        case 86..<89: host.give(.engineLost)
        case 89..<92: host.give(.containers(host.engine.summaries))
        case 92..<94: changeByHand()
        case 94..<97: several()
        default:
            let flip = random.next()
            try host.crash { index in flip >> UInt64(index % 64) & 1 == 1 }
        }
    }

    /// Many things in one batch.
    private func several() {
        var inputs: [Input] = []
        for _ in 0..<Int.random(in: 2...5, using: &random) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1: inputs.append(.event(newEvent()))
            case 2:
                guard !host.work.isEmpty else { continue }
                let piece = host.work.removeFirst()
                if case .removeContainer(let id) = piece.operation { expectMayRemove(id) }
                inputs.append(.outcome(piece.id, host.engine.perform(piece.operation)))
            default:
                if let container = host.engine.summaries.randomElement(using: &random) {
                    inputs.append(.containerChanged(container))
                }
            }
        }
        host.give(inputs)
    }

    private func give(_ events: [IncomingEvent]) { host.give(events.map { .event($0) }) }

    private func newEvent() -> IncomingEvent {
        count += 1
        let uuid = uuids.randomElement(using: &random) ?? "u-1"
        // The container as the server knows it, sooner or later.
        let known = random.chance(50) ? host.engine.containers(of: uuid).first?.id ?? "" : ""
        func instance(_ uuid: String, volumes: [String] = []) -> InstanceSpecification {
            var specification = ReconcilerTests.instance(uuid, volumes: volumes)
            specification.externalID = known
            return specification
        }
        let wish: TestCodec.Wish
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<9:
            var specification = instance(uuid, volumes: random.chance(40) ? ["v", "w"] : [])
            if random.chance(30) {
                specification.volumes.append(VolumeSpecification(name: "f", driver: "flex"))
            }
            if random.chance(20) { specification.container.network = .cni }
            if random.chance(10) { specification.container.labels["io.rancher.container.pull_image"] = "always" }
            wish = .activate(specification)
        case 9..<12: wish = .deactivate(instance(uuid))
        case 12..<15:
            removable.insert(uuid)
            wish = .remove(instance(uuid))
        case 15:
            let isFlex = random.chance(50)
            wish = .removeVolume(
                VolumeSpecification(name: isFlex ? "f" : "v", driver: isFlex ? "flex" : "local"))
        case 16: wish = .pull(ImageSpecification(reference: "nginx", temporaryTag: random.chance(50) ? "-tmp" : ""))
        case 17: wish = .inspect("there-\(uuid)")
        case 18: wish = .inspectImage(ImageSpecification(reference: "nginx"))
        default: wish = .unusable("strange")
        }
        let new = event("e\(count)", wish, replyTo: random.chance(95) ? "reply.\(count)" : nil)
        sent.append(new)
        return new
    }

    private func changeByHand() {
        guard hasHands, let id = host.engine.containers.keys.sorted().randomElement(using: &random) else { return }
        let states: [ContainerState?] = [nil, .exited, .running, .paused, .restarting]
        if let state = states.randomElement(using: &random) ?? nil {
            host.engine.containers[id]?.state = state
            host.engine.containers[id]?.wasStopped = true
            if random.chance(50), let container = host.engine.containers[id] {
                host.give(.containerChanged(container.summary))
            }
        } else {
            host.engine.containers[id] = nil
            if random.chance(50) { host.give(.containerGone(id: id)) }
        }
    }

    // MARK: The laws

    /// A container that was there before is nobody's to remove, unless its removal was asked for.
    private func expectMayRemove(_ id: String) {
        guard byHand.contains(id), let container = host.engine.containers[id] else { return }
        #expect(removable.contains(container.uuid), "seed \(seed): \(id) is removed")
    }

    /// Every event has one answer, however often it was sent; nobody else has any.
    private func expectAnswers() {
        for event in sent {
            let bodies = Set(host.published[event.header.id] ?? [])
            #expect(bodies.count == (event.header.replyTo == nil ? 0 : 1), "seed \(seed): \(event.header.id) \(bodies)")
            if event.header.replyTo != nil {
                #expect(host.taken.contains(event.header.id), "seed \(seed): \(event.header.id) was not delivered")
            }
        }
        #expect(host.unstored.isEmpty, "seed \(seed)")
        #expect(host.quarantined.isEmpty, "seed \(seed)")
        for uuid in uuids {
            #expect(host.engine.containers(of: uuid).count <= 1, "seed \(seed): \(uuid) has two containers")
        }
    }

    /// No volume is taken away from under a living container, and in the end none stays mounted for nobody.
    private func expectVolumes() {
        if !hasHands { #expect(host.engine.tornAway == [], "seed \(seed)") }
        for uuid in uuids {
            removable.insert(uuid)
            host.give(.event(event("end-\(uuid)", .remove(instance(uuid)))))
        }
        host.run()
        for uuid in uuids { #expect(host.answer("end-\(uuid)") == "done", "seed \(seed)") }
        // What could not be unmounted when its last user was removed is left to the removal of the volume.
        host.give(.event(event("end-f", .removeVolume(VolumeSpecification(name: "f", driver: "flex")))))
        host.run()
        #expect(host.answer("end-f") == "done", "seed \(seed)")
        #expect(host.engine.mounted.isEmpty, "seed \(seed): mounted for nobody")
    }

    /// Whatever happened before: what is asked for in peace is done, and truly so.
    private func lastWishes() throws {
        for uuid in uuids {
            let choice = Int.random(in: 0..<3, using: &random)
            let wish: TestCodec.Wish = [
                .activate(instance(uuid)), .deactivate(instance(uuid)), .remove(instance(uuid)),
            ][choice]
            if choice == 2 { removable.insert(uuid) }
            host.give(.event(event("last-\(uuid)", wish)))
        }
        host.run()
        for uuid in uuids {
            let containers = host.engine.containers(of: uuid)
            let row = try host.store.resource(ResourceKey(.instance, uuid))
            switch host.answer("last-\(uuid)") {
            case "done":
                #expect(containers.isEmpty, "seed \(seed)")
                #expect(row?.phase == "removed", "seed \(seed)")
            case "instance \(uuid) running", "instance \(uuid) paused", "instance \(uuid) restarting":
                #expect(containers.first?.state.isAlive == true, "seed \(seed)")
                #expect(row?.phase == "running", "seed \(seed)")
            case "instance \(uuid) exited", "instance \(uuid) created", "instance \(uuid) gone":
                #expect(containers.first?.state.isAlive != true, "seed \(seed)")
                #expect(row?.phase == "stopped", "seed \(seed)")
            case let answer: Issue.record("seed \(seed): \(uuid) was answered \(answer ?? "nothing")")
            }
        }
    }
}
