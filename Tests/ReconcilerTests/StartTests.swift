import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// What a new process does with what the old one has left unfinished.
struct StartTests {
    private func unfinished(_ count: Int) throws -> Host {
        let host = try Host()
        host.give(.containers([]))
        for number in 1...count { host.give(.event(event("e\(number)", .activate(instance("u-\(number)"))))) }
        return host
    }

    @Test("The first list says what would otherwise be asked for each instance", arguments: [true, false])
    func listFirst(_ happened: Bool) throws {
        let host = try unfinished(20)
        try host.crash { _ in happened }
        #expect(host.work.isEmpty, "nothing is asked before the list is there")
        let before = host.operations.count
        host.give(.containers(host.engine.summaries))
        host.run()
        for number in 1...20 { #expect(host.answer("e\(number)") == "instance u-\(number) running") }
        #expect(host.engine.creations == 20)
        let looks = host.operations.dropFirst(before).count { if case .findContainer = $0 { true } else { false } }
        // Where a container is there already, whose it is has to be seen.
        #expect(looks == (happened ? 20 : 0))
    }

    @Test("A list from before the last create of the old process makes no second container")
    func lateCreate() throws {
        let host = try unfinished(1)
        let create = try #require(host.work.first).operation
        try host.crash { _ in false }
        host.give(.containers([]))
        _ = host.engine.perform(create)
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.engine.containers(of: "u-1").count == 1)
        #expect(host.engine.creations == 1)
    }

    @Test("An engine that sends no list is asked for each instance after some seconds")
    func noList() throws {
        let host = try unfinished(2)
        try host.crash { _ in true }
        host.tick(after: host.limits.listPatience - .milliseconds(1))
        #expect(host.work.isEmpty)
        host.tick(after: .milliseconds(1))
        #expect(host.work.count == 2)
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.engine.creations == 2)
    }

    @Test("Somebody who is waiting for the list and wants something else does not wait any more")
    func newWish() throws {
        let host = try unfinished(1)
        try host.crash { _ in false }
        host.give(.event(event("e2", .deactivate(instance("u-1")))))
        #expect(host.work.count == 1)
        host.run()
        #expect(host.answer("e1") == "failure: superseded by deactivate")
        #expect(host.answer("e2") == "instance u-1 gone")
    }

    @Test("A back-off is not shortened by the wait for the list")
    func backOff() throws {
        let host = try unfinished(1)
        for _ in 0..<4 {
            if host.work.isEmpty { host.tick(after: .seconds(30)) }
            try host.finish(nil, .unavailable)
        }
        let due = try #require(host.reconciler.nextWakeUp)
        try host.crash { _ in false }
        #expect(try host.store.resource(instance("u-1").key)?.nextAttemptAt.map { $0 >= due } == true)
    }
}
