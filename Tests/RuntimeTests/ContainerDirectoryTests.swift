import Model
import Testing

@testable import Runtime

@Suite("The directory of containers")
struct ContainerDirectoryTests {
    private static func container(_ state: ContainerState) -> ContainerSummary {
        ContainerSummary(id: "c1", name: "c", state: state, instanceUUID: "")
    }

    private let directory = ContainerDirectory()
    private let start = ContinuousClock.now

    private func tell(_ state: ContainerState) {
        _ = directory.change("c1", isEnd: state == .exited, at: start) { _ in Self.container(state) }
    }

    private func list(_ state: ContainerState, after seconds: Int = 0) -> (state: ContainerState?, isBelieved: Bool) {
        let (containers, isBelieved) = directory.replace([Self.container(state)], at: start + .seconds(seconds))
        #expect(directory.contents.containers == containers)
        #expect(directory.contents.isComplete)
        return (containers.first?.state, isBelieved)
    }

    @Test(
        "does not believe that a container runs whose end the engine has just told of",
        arguments: [ContainerState.running, .paused])
    func staleList(_ state: ContainerState) {
        tell(.running)
        tell(.exited)
        #expect(list(state) == (.exited, false))
        #expect(list(state, after: 9) == (.exited, false))
        // By then it is the list that is right.
        #expect(list(state, after: 10) == (state, true))
        #expect(list(state, after: 11) == (state, true))
    }

    @Test("believes whatever else a list says", arguments: ContainerState.allCases)
    func freshList(_ state: ContainerState) {
        #expect(list(state) == (state, true))
        tell(.running)
        #expect(list(state) == (state, true))
        tell(.exited)
        if state != .running, state != .paused { #expect(list(state) == (state, true)) }
        tell(.running)
        #expect(list(state) == (state, true))
    }

    @Test("knows nothing more of a container that is gone")
    func gone() {
        tell(.exited)
        directory.remove("c1")
        #expect(directory.contents.containers.isEmpty)
        #expect(list(.running) == (.running, true))
    }
}
