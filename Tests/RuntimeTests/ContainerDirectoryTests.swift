import LosslessJSON
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

    @Test("reads whether the volumes without a name stay from the container's labels")
    func cleanup() throws {
        func keeps(_ labels: String) throws -> [Bool?] {
            let entry = try JSON(parsing: #"{"Id":"c1","Names":["/x"],"State":"exited","Labels":\#(labels)}"#)
            let inspection = try JSON(parsing: #"{"Id":"c1","Name":"/x","Config":{"Labels":\#(labels)}}"#)
            return [ContainerSummary(entry)?.keepsVolumes, InspectedContainer(inspection)?.keepsVolumes]
        }
        let mark = #""io.rancher.container.uuid":"u-1""#
        let label = #""io.rancher.container.volume_cleanup_strategy":"#
        #expect(try keeps("{\(mark)}") == [false, false])
        #expect(try keeps("{\(mark),\(label)\"all\"}") == [false, false])
        #expect(try keeps("{\(mark),\(label)\"none\"}") == [true, true])
        // Somebody else's.
        #expect(try keeps("{}") == [true, true])
        #expect(try keeps("null") == [true, true])
    }
}
