import DockerEngine
import EngineStub
import LosslessJSON
import Synchronization
import Testing

@testable import Bootstrap

@Suite("Taking the place of the agent", .timeLimit(.minutes(3)))
struct ReplacementTests {
    private typealias Container = ModelEngine.Container

    private static let agent = AgentContainer(
        image: "agent:2", environment: [:], privilege: .full, socketOnHost: "/s", stateOnHost: "/var/lib/rancher")
    private static let own = OwnContainer(id: "own", image: "agent:2", socketOnHost: nil, isInHostNetwork: false)

    private static func launcher(_ engine: EngineClient, _ said: Said = Said()) -> Launcher {
        var launcher = Launcher(environment: [:], engine: engine, logger: .quiet, say: said.say)
        launcher.probation = .milliseconds(300)
        launcher.patience = .seconds(60)
        launcher.drainSeconds = 1
        return launcher
    }

    /// Starts the agent in the place of what the engine has.
    ///
    /// - Returns: What was said if that failed.
    private static func replace(
        on model: ModelEngine, _ change: (inout Launcher) -> Void = { _ in }
    ) async throws -> String? {
        var fault: String?
        try await model.run { engine in
            var launcher = launcher(engine)
            change(&launcher)
            do {
                try await launcher.replace(with: agent, from: own, present: try await launcher.present(watching: true))
            } catch let error as BootstrapError {
                fault = error.description
            }
        }
        return fault
    }

    @Test("ends with the new one alone, under the agent's name")
    func replaced() async throws {
        let model = ModelEngine([
            Container("o", "rancher-agent"), Container("n", "rancher-agent-next", isRunning: false),
        ])
        #expect(try await Self.replace(on: model) == nil)
        #expect(model.names == ["new1": "rancher-agent"])
        #expect(model.running == ["new1"])
    }

    @Test("leaves the old one running under its name if the new one ends, cannot be started or cannot be created")
    func notReplaced() async throws {
        let orders: [(inout ModelEngine.State) -> Void] = [
            { $0.newEndsAtOnce = true }, { $0.faults["POST /containers/new1/start"] = [500] },
            { $0.faults["POST /containers/create"] = [500] }, { $0.faults["POST /containers/new1/rename"] = [500] },
            { $0.faults["POST /containers/o/stop"] = [500] }, { $0.faults["POST /containers/o/rename"] = [500] },
            // Done, but not known to be.
            { $0.faults["POST /containers/o/rename…"] = [500] }, { $0.faults["POST /containers/new1/rename…"] = [500] },
        ]
        for (index, order) in orders.enumerated() {
            let model = ModelEngine([Container("o", "rancher-agent")], order)
            let fault = try await Self.replace(on: model)
            #expect(fault?.hasSuffix(" The old agent goes on.") == true, "\(index): \(fault ?? "replaced")")
            #expect(model.names == ["o": "rancher-agent"], "\(index)")
            #expect(model.running == ["o"], "\(index)")
        }
    }

    @Test("says that no agent runs if the engine has removed the old one meanwhile")
    func gone() async throws {
        var old = Container("o", "rancher-agent")
        old.removesItself = true
        let fault = try await Self.replace(on: ModelEngine([old]) { $0.newEndsAtOnce = true })
        #expect(fault?.contains("its last words") == true)
        #expect(fault?.contains("NO agent runs now: the old container is gone") == true, "\(fault ?? "")")
        #expect(fault?.contains("goes on") == false)
    }

    @Test("says that no agent runs if the old one cannot be started again, and how it may be")
    func notStarted() async throws {
        let model = ModelEngine([Container("o", "rancher-agent")]) {
            $0.newEndsAtOnce = true
            $0.faults["POST /containers/o/start"] = [500]
        }
        let fault = try await Self.replace(on: model)
        #expect(fault?.contains("NO agent runs now") == true)
        #expect(fault?.hasSuffix("Try docker start o.") == true, "\(fault ?? "")")
    }

    @Test("says that it is not known whether the old one runs if the engine does not tell")
    func unknown() async throws {
        let model = ModelEngine([Container("o", "rancher-agent")]) {
            $0.newEndsAtOnce = true
            // The looks before both renamings, and the one that is to tell.
            $0.faults["GET /containers/o/json"] = [200, 200, 500]
        }
        let fault = try await Self.replace(on: model)
        #expect(fault?.contains("It is not known whether the old agent runs") == true, "\(fault ?? "")")
    }

    @Test("starts the old one again after its end where that was still on its way")
    func ending() async throws {
        let model = ModelEngine([Container("o", "rancher-agent")]) { $0.faults["POST /containers/o/stop"] = [500] }
        model.state.withLock { $0.containers[0].isEnding = true }
        let fault = try await Self.replace(on: model)
        #expect(fault?.hasSuffix(" The old agent goes on.") == true)
        #expect(model.running == ["o"])
        #expect(model.calls.count { $0 == "POST /containers/o/start" } == 2)
    }

    @Test("takes no failed look at the new one for its end, unless the engine stays silent")
    func silence() async throws {
        let model = ModelEngine([Container("o", "rancher-agent")]) {
            $0.faults["GET /containers/new1/json"] = [500, 502]
        }
        #expect(try await Self.replace(on: model) == nil)
        #expect(model.names == ["new1": "rancher-agent"])
        let silent = ModelEngine([Container("o", "rancher-agent")]) {
            $0.faults["GET /containers/new1/json"] = Array(repeating: 500, count: 1000)
        }
        let fault = try await Self.replace(on: silent) { $0.patience = .milliseconds(100) }
        #expect(fault?.contains("It cannot be told whether the new agent runs") == true, "\(fault ?? "")")
        #expect(silent.running == ["o"])
    }

    @Test("keeps a predecessor until there is a better one, where what has its place ends again and again")
    func predecessor() async throws {
        var restarting = Container("o", "rancher-agent")
        restarting.isRestarting = true
        var again = Container("o", "rancher-agent")
        (again.restartCount, again.restartsPerLook) = (3, 1)
        for failing in [restarting, again, Container("o", "rancher-agent", isRunning: false)] {
            let model = ModelEngine([failing, Container("p", "rancher-agent-previous", isRunning: false)]) {
                $0.newEndsAtOnce = true
            }
            let fault = try await Self.replace(on: model)
            #expect(fault?.hasSuffix(" The old agent goes on.") == true, "\(fault ?? "")")
            #expect(model.names == ["p": "rancher-agent"])
            #expect(model.running == ["p"])
            model.state.withLock { $0.newEndsAtOnce = false }
            #expect(try await Self.replace(on: model) == nil)
            #expect(model.names.values.sorted() == ["rancher-agent"])
        }
        // It was started again once, and has run since.
        var steady = Container("o", "rancher-agent")
        steady.restartCount = 3
        let model = ModelEngine([steady, Container("p", "rancher-agent-previous", isRunning: false)]) {
            $0.newEndsAtOnce = true
        }
        _ = try await Self.replace(on: model)
        #expect(model.names == ["o": "rancher-agent"])
    }

    @Test("is refused to a container that has one of the names itself")
    func itself() async throws {
        let fault = try await Self.replace(on: ModelEngine([Container("own", "rancher-agent")]))
        #expect(fault?.contains("Run it under another name") == true)
    }

    @Test("stops a predecessor that runs beside the agent, and only removes it when the agent has run for a while")
    func dismissed() async throws {
        let id = String(repeating: "a", count: 64)
        let model = ModelEngine([
            Container(id, "rancher-agent"), Container("p", "rancher-agent-previous"),
            Container("u", "rancher-agent-upgrade", isRunning: false),
        ])
        try await withDirectory { directory in
            try await model.run { engine in
                let said = Said()
                var preparation = Preparation(environment: [:], engine: engine, logger: .quiet, say: said.say)
                preparation.stateDirectory = directory + "/state"
                preparation.trust.authority = directory + "/none"
                preparation.launcher.mountTable = try mountTable(in: directory, id)
                let variables = await preparation.run()
                #expect(variables[Outliving.variable] == id)
                #expect(model.names == [id: "rancher-agent", "p": "rancher-agent-previous"])
                #expect(model.running == [id])
                #expect(said.lines.contains { $0.hasPrefix("INFO: Stopped the container rancher-agent-previous") })
                try await Outliving(own: "p", engine: engine, logger: .quiet).run()
                #expect(model.names.count == 2)
                try await Outliving(own: id, engine: engine, logger: .quiet).run()
                #expect(model.names == [id: "rancher-agent"])
            }
        }
    }
}
