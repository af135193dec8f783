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
        // Nothing that could still be needed is destroyed before there is a new one.
        #expect(plan.steps.prefix(3) == [.remove(id: "n"), .create, .remove(id: "p")])
        #expect(plan.old?.id == "o")
        let half = LaunchPlan(present: [Self.previous(isRunning: true), Self.next])
        #expect(
            half.steps == [
                .remove(id: "n"), .create, .stop(id: "p"), .renameNew(to: "rancher-agent"), .startNew, .confirmNew,
                .remove(id: "p"),
            ])
    }

    @Test("takes the predecessor for the agent where what has its place does not run, or ends again and again")
    func failing() {
        let restarting = Present(id: "o", name: "rancher-agent", isRunning: true, isFailing: true)
        for failing in [restarting, Self.agent(isRunning: false)] {
            for isRunning in [true, false] {
                let plan = LaunchPlan(present: [failing, Self.previous(isRunning: isRunning), Self.next])
                #expect(plan.old?.id == "p")
                #expect(
                    plan.steps == [.remove(id: "n"), .create, .remove(id: "o")]
                        + (isRunning ? [.stop(id: "p")] : []) + [
                            .renameNew(to: "rancher-agent"), .startNew, .confirmNew, .remove(id: "p"),
                        ])
            }
            // Without one it is the only agent that there is.
            #expect(LaunchPlan(present: [failing]).old?.id == "o")
        }
        #expect(LaunchPlan(present: [Self.agent(), Self.previous(isRunning: true)]).old?.id == "o")
    }

    @Test("leads back from every step: the old one has its name and runs, and there is no new one")
    func recovery() {
        let failing = Present(id: "o", name: "rancher-agent", isRunning: true, isFailing: true)
        for present in [
            [Self.agent()], [Self.agent(isRunning: false)], [Self.agent(), Self.previous(isRunning: false)],
            [Self.previous(isRunning: true)], [Self.previous(isRunning: false)],
            [failing, Self.previous(isRunning: true)], [failing, Self.previous(isRunning: false)],
            [Self.agent(isRunning: false), Self.previous(isRunning: false)],
        ] {
            let plan = LaunchPlan(present: present)
            for index in plan.steps.indices {
                // What was begun may have been done, or not.
                for done in [index, index + 1] {
                    let note: Comment = "\(present.map(\.name)), \(index), \(done)"
                    let first = Host(present)
                    var host = first
                    for step in plan.steps.prefix(done) { host.perform(step) }
                    #expect(host.refused == [], note)
                    let before = host
                    for step in plan.recovery(failedAt: index) { host.perform(step) }
                    #expect(host.names["new"] == (plan.isConfirmed(before: index) ? "rancher-agent" : nil), note)
                    if plan.isConfirmed(before: index) {
                        #expect(host == before, note)
                        #expect(host.running.contains("new"), note)
                        #expect(done == index || host.running == ["new"], note)
                    } else if let old = plan.old {
                        // Nothing of what runs has been taken away, or it is there again under the agent's name.
                        let isBack = host.names[old.id] == "rancher-agent" && host.running.contains(old.id)
                        #expect(isBack || host.running.isSuperset(of: first.running), note)
                        #expect(host.names[old.id] != nil, note)
                        #expect(!old.isRunning || host.running.contains(old.id), note)
                        #expect(old.name != "rancher-agent" || host.names[old.id] == "rancher-agent", note)
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
    private struct Host: Equatable {
        var names: [String: String] = [:]
        var running: Set<String> = []
        var refused: [LaunchPlan.Step] = []

        init(_ present: [Present]) {
            for container in present {
                names[container.id] = container.name
                if container.isRunning { running.insert(container.id) }
            }
        }

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
            // The engine refuses a name that is taken, even by the container itself: for that the launcher looks first.
            guard !names.values.contains(name) else {
                refused.append(.rename(id: id, to: name))
                return
            }
            names[id] = name
        }
    }

    @Test("has the agent put a predecessor away that the engine has started again, and ended upgraders")
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

    @Test("has the agent remove its predecessor when it has run for a while, whether that runs or not")
    func outlived() {
        let upgrader = Present(id: "u", name: "rancher-agent-upgrade", isRunning: false)
        func ids(_ present: [Present], own: String = "o") -> [String] {
            LaunchPlan.outlived(among: present, own: own).map(\.id)
        }
        #expect(ids([Self.agent(), Self.previous(isRunning: false), upgrader, Self.next]) == ["p", "u"])
        #expect(ids([Self.agent(), Self.previous(isRunning: true)]) == ["p"])
        #expect(ids([Self.agent(), Self.previous(isRunning: true)], own: "p") == [])
    }
}
