import Bootstrap
import Testing

@Suite("The plan of a launch")
struct LaunchPlanTests {
    private typealias Present = LaunchPlan.Present

    private static func agent(isRunning: Bool = true) -> Present {
        Present(id: "o", name: "rancher-agent", isRunning: isRunning)
    }
    private static func previous(isRunning: Bool) -> Present {
        Present(id: "p", name: "rancher-agent-previous", isRunning: isRunning)
    }
    private static let next = Present(id: "n", name: "rancher-agent-next", isRunning: false)

    @Test("on a fresh host creates, names, starts and watches")
    func fresh() {
        #expect(
            LaunchPlan(present: []).steps == [.create, .renameNew(to: "rancher-agent"), .startNew, .confirmNew])
    }

    @Test("has the new one ready before the old one ends, and the old one until the new one runs")
    func replacing() {
        #expect(
            LaunchPlan(present: [Self.agent()]).steps == [
                .create, .stop(id: "o"), .rename(id: "o", to: "rancher-agent-previous"),
                .renameNew(to: "rancher-agent"), .startNew, .confirmNew, .remove(id: "o"),
            ])
        #expect(!LaunchPlan(present: [Self.agent(isRunning: false)]).steps.contains(.stop(id: "o")))
    }

    @Test("takes away what earlier attempts have left, and takes what they have stopped for the agent")
    func leftOver() {
        let plan = LaunchPlan(present: [Self.agent(), Self.previous(isRunning: false), Self.next])
        #expect(plan.steps.prefix(3) == [.remove(id: "n"), .remove(id: "p"), .create])
        #expect(plan.old?.id == "o")
        let half = LaunchPlan(present: [Self.previous(isRunning: true), Self.next])
        #expect(
            half.steps == [
                .remove(id: "n"), .create, .stop(id: "p"), .renameNew(to: "rancher-agent"), .startNew, .confirmNew,
                .remove(id: "p"),
            ])
    }

    @Test("leads back from every step: the old one has its name and runs, and there is no new one")
    func recovery() {
        for isRunning in [true, false] {
            let plan = LaunchPlan(present: [Self.agent(isRunning: isRunning)])
            for index in plan.steps.indices {
                // What was begun may have been done, or not.
                for done in [index, index + 1] {
                    var host = Host(isRunning: isRunning)
                    for step in plan.steps.prefix(done) { host.perform(step) }
                    for step in plan.recovery(failedAt: index) { host.perform(step) }
                    if plan.isConfirmed(before: index) {
                        #expect(host.names["new"] == "rancher-agent")
                        #expect(host.running == ["new"] || done == index)
                    } else {
                        #expect(host.names == ["o": "rancher-agent"], "\(index)")
                        #expect(host.running == (isRunning ? ["o"] : []), "\(index)")
                    }
                }
            }
        }
    }

    @Test("leaves nothing of a first launch that failed")
    func firstFails() {
        let plan = LaunchPlan(present: [])
        for index in plan.steps.indices { #expect(plan.recovery(failedAt: index) == [.removeNew]) }
    }

    /// What the steps do to the containers.
    private struct Host {
        var names = ["o": "rancher-agent"]
        var running: Set<String>

        init(isRunning: Bool) { running = isRunning ? ["o"] : [] }

        mutating func perform(_ step: LaunchPlan.Step) {
            switch step {
            case .remove(let id): remove(id)
            case .removeNew: remove("new")
            case .create: names["new"] = "rancher-agent-next"
            case .stop(let id): running.remove(id)
            case .start(let id): running.insert(id)
            case .rename(let id, let name): rename(id, name)
            case .renameNew(let name): rename("new", name)
            case .startNew: running.insert("new")
            case .confirmNew: break
            }
        }

        private mutating func remove(_ id: String) {
            names[id] = nil
            running.remove(id)
        }

        private mutating func rename(_ id: String, _ name: String) {
            // The engine refuses a name that is taken.
            #expect(!names.contains { $0.value == name && $0.key != id })
            names[id] = name
        }
    }

    @Test("has the agent remove a predecessor that the engine has started again, and ended upgraders")
    func leftovers() {
        let upgrader = Present(id: "u", name: "rancher-agent-upgrade", isRunning: false)
        let busy = Present(id: "u", name: "rancher-agent-upgrade", isRunning: true)
        func ids(_ present: [Present], own: String = "o") -> [String] {
            LaunchPlan.leftovers(among: present, own: own).map(\.id)
        }
        #expect(ids([Self.agent(), Self.previous(isRunning: true), upgrader]) == ["p", "u"])
        // The launch still may need it.
        #expect(ids([Self.agent(), Self.previous(isRunning: false), busy]) == [])
        // Never itself, nor by anybody else.
        #expect(ids([Self.agent(), Self.previous(isRunning: true)], own: "p") == [])
        #expect(ids([Self.previous(isRunning: true)], own: "p") == [])
    }
}
