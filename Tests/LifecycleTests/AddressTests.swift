import Lifecycle
import Model
import SimulatedEngine
import Testing

/// A container that a network plug-in connects has no address when it is started.
@Suite("The address of a container that the engine does not connect")
struct AddressTests {
    private static let detect = Step.perform(.detectAddress(id: "c1"))

    private func connected(noop: Bool = false) -> InstanceSpecification {
        var specification = instance()
        specification.container.network = .cni
        specification.noop = noop
        return specification
    }

    /// Runs, and its address is to be looked for.
    private func machine(noop: Bool = false) -> InstanceMachine {
        var machine = InstanceMachine(connected(noop: noop), desired: .running)
        machine.step(.container(container(.running, startedAt: "t1")))
        return machine
    }

    @Test("is looked for until there is one, and meanwhile the container is not looked at for anything else")
    func late() {
        var machine = machine()
        for _ in 0..<5 {
            #expect(machine.step(.address("", container(.running, startedAt: "t1"))) == Self.detect)
            #expect(machine.phase == .addressing)
            guard case .wait = machine.step() else {
                Issue.record("a wait was expected")
                return
            }
        }
        #expect(machine.step(.address("10.42.0.7", container(.running, startedAt: "t1"))) == Self.detect)
        #expect(machine.step() == .settle)
        #expect(machine.phase == .running)
        #expect(machine.address == "10.42.0.7")
    }

    @Test("is not waited for longer than half a minute, and the container stays as it is", arguments: [false, true])
    func never(_ noop: Bool) {
        var machine = machine(noop: noop)
        var pauses: [Int] = []
        for _ in 0..<100 where !machine.next.isEnd {
            #expect(machine.step(.address("", container(.running, startedAt: "t1"))) == Self.detect)
            if case .wait(let pause) = machine.next {
                pauses.append(pause.inMilliseconds)
                machine.step()
            }
        }
        #expect(machine.next == (noop ? .settle : .fail("Timeout getting IP address")))
        #expect(pauses.starts(with: [250, 500, 1000, 2000, 2000]))
        #expect(pauses.max() == 2000)
        #expect((30_000...32_000).contains(pauses.reduce(0, +)))
    }

    @Test("that the plug-in cannot give is not looked for again", arguments: [false, true])
    func refused(_ noop: Bool) {
        var machine = machine(noop: noop)
        machine.step(LifecycleTests.refused("no free address"))
        guard noop else {
            #expect(machine.next == .fail("no free address"))
            return
        }
        // A report shows the container, which has to be looked at for it.
        guard case .perform(.findContainer) = machine.step(.container(container(.running, startedAt: "t1"))) else {
            Issue.record("\(machine.phase)")
            return
        }
        #expect(machine.step() == .settle)
        #expect(machine.phase == .running)
    }

    @Test("is none, and no error, for a container that has ended", arguments: [ContainerState.exited, .dead, nil])
    func ended(_ state: ContainerState?) {
        var machine = InstanceMachine(connected(), desired: .running)
        machine.step(.container(container(.created)))
        machine.step(.container(container(.running, startedAt: "t1")))
        machine.step(.address("", container(.running, startedAt: "t1")))
        machine.step()
        machine.step(.address("", state.map { container($0, startedAt: "t1") }))
        guard state == .exited else {
            #expect(machine.next != Self.detect)
            return
        }
        #expect(machine.step() == .settle)
        #expect(machine.phase == .stopped)
        #expect(machine.address == "")
    }

    @Test("keeps no new wish waiting", arguments: [InstanceDesire.stopped, .removed, .running])
    func overtaken(_ desired: InstanceDesire) {
        var machine = machine()
        machine.step(.address("", container(.running, startedAt: "t1")))
        machine.wished(connected(), desired: desired)
        guard case .perform = machine.next else {
            Issue.record("\(machine.next)")
            return
        }
    }

    @Test("is waited for anew by the next process")
    func resumed() throws {
        var machine = machine()
        for _ in 0..<(Patience.addressLooks - 1) {
            machine.step(.address("", container(.running, startedAt: "t1")))
            machine.step()
        }
        machine = try throughJSON(machine)
        machine.resumed()
        machine.step(.container(container(.running, startedAt: "t1")))
        #expect(machine.step(.address("", container(.running, startedAt: "t1"))) == Self.detect)
        #expect(machine.next == .wait(Patience.addressPause(afterLooks: 1)))
    }
}
