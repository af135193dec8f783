import Lifecycle
import Model
import Testing

/// What could not be started is taken away again, and nothing else.
@Suite("An instance that cannot be started")
struct DiscardTests {
    @Test("leaves alone a container that takes the place of the one that was made for it")
    func otherContainer() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        machine.step(.created(id: "c1"))
        machine.step(refused("no such device", 400))
        machine.step(.container(container(.created)))
        #expect(machine.next == .perform(.removeContainer(id: "c1", keepsVolumes: false)))
        machine.step(.unknown("cut"))
        for _ in 0..<3 where machine.next.isWait { machine.step() }
        // Somebody has removed it and made another one.
        machine.step(.container(container(.exited, id: "c2")))
        #expect(machine.next.failure?.contains("no such device") == true)
    }
}

extension Step {
    fileprivate var isWait: Bool {
        if case .wait = self { true } else { false }
    }
}
