import DockerEngine
import EngineStub
import LosslessJSON
import Model
import Runtime
import Synchronization
import Testing

/// What the runner makes of an engine's answers: the status of HTTP decides, never the words.
@Suite("The runner", .timeLimit(.minutes(1)))
struct OperationRunnerTests {
    /// A status and what the engine sends with it.
    struct Reply: Sendable {
        var status = 200
        var body = ""

        static func error(_ status: Int, _ text: String) -> Reply {
            Reply(status: status, body: #"{"message":"\#(text)"}"#)
        }

        static func container(
            _ id: String, name: String = "r-web-85db87bf", uuid: String = "u-1", state: String = "exited"
        ) -> Reply {
            Reply(
                body: """
                    {"Id":"\(id)","Name":"/\(name)","State":{"Status":"\(state)"},\
                    "Config":{"Labels":{"io.rancher.container.agent.uuid":"\(uuid)"}}}
                    """)
        }
    }

    /// Has the operation done by an engine that gives these answers, by method and path without the query.
    private func run(
        _ operation: Operation, _ replies: [String: Reply], tellsImagePorts: Bool = false
    ) async throws -> (outcome: OperationOutcome, calls: [String]) {
        var outcome: OperationOutcome?
        var calls: [String] = []
        try await withStub { request, connection in
            let known = Self.ofItself[request.path] ?? replies[Self.name(of: request)]
            let reply = known ?? .error(501, "nobody has thought of \(request.path)")
            try await connection.answer(reply.status, reply.body)
        } body: { stub in
            try await using(try stub.client()) { client in
                var surroundings = Surroundings()
                surroundings.tellsImagePorts = { tellsImagePorts }
                let runner = OperationRunner(
                    engine: client, facts: EngineFacts(engine: client), surroundings: surroundings)
                outcome = await runner.run(operation) { _ in }
            }
            // What the engine says of itself may be asked for at any time.
            calls = stub.calls.filter { $0.path != "/info" }.map { "\($0.method) \($0.path)" }
        }
        return (try #require(outcome), calls)
    }

    /// What the engine says of itself.
    private static func itself(_ driver: String) -> [String: Reply] {
        [
            "/info": Reply(body: #"{"Driver":"\#(driver)"}"#), "/version": Reply(body: #"{"Version":"20.10.24"}"#),
        ]
    }

    private static let ofItself = itself("devicemapper")

    private static func runner(on client: EngineClient) -> OperationRunner {
        OperationRunner(engine: client, facts: EngineFacts(engine: client))
    }

    private static func name(of request: StubRequest) -> String {
        "\(request.method) \(request.path.prefix { $0 != "?" })"
    }

    private func id(_ outcome: OperationOutcome) -> String? {
        switch outcome {
        case .container(let container), .nameTaken(by: let container): container?.id ?? "none"
        case .created, .imageMissing, .address, .volume, .keptByPlugin, .pluginDone, .noPlugin, .image, .removed,
            .refused, .unavailable, .unknown, .configurationUpdated:
            nil
        }
    }

    private static var instance: InstanceSpecification {
        var instance = InstanceSpecification(uuid: "u-1", name: "web")
        instance.container.image = "nginx"
        return instance
    }

    // MARK: Creating

    @Test(
        "knows a taken name by the status, whatever the engine says, and looks who has it (defect 32)",
        arguments: ["Conflict. The container name is already in use", "Namenskonflikt", ""])
    func takenName(text: String) async throws {
        let name = Self.instance.containerName
        let (outcome, _) = try await run(
            .createContainer(Self.instance, mountpoints: [:]),
            [
                "POST /containers/create": .error(409, text),
                "GET /containers/\(name)/json": .container("c7", name: name),
            ])
        #expect(id(outcome) == "c7")
        guard case .nameTaken = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test("takes no other status for a taken name, though the engine speaks of one (defect 32)")
    func otherStatus() async throws {
        let (outcome, calls) = try await run(
            .createContainer(Self.instance, mountpoints: [:]),
            ["POST /containers/create": .error(500, "Conflict. The container name is already in use by container c7")])
        guard case .refused(let refusal) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(refusal.status == 500)
        #expect(calls.count == 1)
    }

    @Test("names nobody where a name is taken and its owner cannot be found (defect 33)")
    func takenByNobody() async throws {
        let name = Self.instance.containerName
        let conflict = Reply.error(409, "in use")
        // Gone by now, or only the beginning of another one's id.
        for owner in [.error(404, "gone"), Reply.container("\(name)0123", name: "somebody")] {
            let (outcome, calls) = try await run(
                .createContainer(Self.instance, mountpoints: [:]),
                ["POST /containers/create": conflict, "GET /containers/\(name)/json": owner])
            #expect(outcome == .nameTaken(by: nil))
            #expect(!calls.contains { $0.contains("/start") })
        }
    }

    // MARK: Looking

    @Test("looks by id first and asks for the label only then (defects 74, 88)")
    func idFirst() async throws {
        let find = Operation.findContainer(ContainerIdentity(ids: ["c1"], uuid: "u-1"))
        let list = Reply(
            body: """
                [{"Id":"c0","Names":["/r-web"],"State":"running","Labels":{"io.rancher.container.agent.uuid":"u-1"}}]
                """)
        let both = try await run(
            find,
            [
                "GET /containers/c1/json": .container("c1"), "GET /containers/json": list,
                "GET /containers/c0/json": .container("c0"),
            ])
        #expect(id(both.outcome) == "c1")
        #expect(both.calls == ["GET /containers/c1/json"])

        let other = try await run(
            find,
            [
                "GET /containers/c1/json": .error(404, "gone"), "GET /containers/json": list,
                "GET /containers/c0/json": .container("c0"),
            ])
        #expect(id(other.outcome) == "c0")
        // The engine is asked for the one label, never for all containers.
        #expect(other.calls.dropFirst().first?.contains("filters=") == true)
        #expect(other.calls.count == 3)
    }

    @Test("takes a container for missing only where the status says so (defect 50)")
    func missing() async throws {
        for operation in [
            Operation.inspectContainer(id: "c1", name: ""), .findContainer(ContainerIdentity(ids: ["c1"], uuid: "")),
        ] {
            let gone = try await run(operation, ["GET /containers/c1/json": .error(404, "es gibt ihn nicht")])
            #expect(gone.outcome == .container(nil))
            let broken = try await run(
                operation, ["GET /containers/c1/json": .error(500, "layer not found: No such container")])
            guard case .refused(let refusal) = broken.outcome else {
                Issue.record("\(broken.outcome)")
                continue
            }
            #expect(refusal.status == 500)
        }
    }

    @Test(
        "takes for the one asked for by name only who is called exactly so (defect 51)",
        arguments: [("web", "c1"), ("other/web", "none"), ("web-2", "none"), ("", "none")])
    func exactName(name: String, expected: String) async throws {
        let (outcome, _) = try await run(
            .inspectContainer(id: "", name: "web"), ["GET /containers/web/json": .container("c1", name: name)])
        #expect(id(outcome) == expected)
    }

    // MARK: Ending

    @Test("counts what is gone already as stopped, killed and removed (defect 87c)")
    func goneAlready() async throws {
        let gone = Reply.error(404, "ist nicht da")
        let cases: [(Operation, String, OperationOutcome)] = [
            (.removeContainer(id: "c1", keepsVolumes: false), "DELETE /containers/c1", .container(nil)),
            (.stopContainer(id: "c1", graceSeconds: 3), "POST /containers/c1/stop", .container(nil)),
            (.killContainer(id: "c1"), "POST /containers/c1/kill", .container(nil)),
            (.removeImage(reference: "nginx:tmp"), "DELETE /images/nginx:tmp", .removed),
            (.removeVolume(name: "v", force: false), "DELETE /volumes/v", .removed),
        ]
        for (operation, call, expected) in cases {
            let (outcome, _) = try await run(operation, [call: gone, "GET /containers/c1/json": gone])
            #expect(outcome == expected, "\(operation)")
        }
    }

    @Test("says of an image that vanished before it was tagged that it is not there (defect 87c)")
    func vanishedBeforeTag() async throws {
        let (outcome, _) = try await run(
            .tagImage(reference: "nginx", tagged: "nginx:tmp"),
            ["POST /images/nginx/tag": .error(404, "ist nicht da")])
        #expect(outcome == .image(nil))
    }

    @Test("removes a container with its anonymous volumes and without killing it (defect 39)")
    func removal() async throws {
        let (outcome, calls) = try await run(
            .removeContainer(id: "c1", keepsVolumes: false), ["DELETE /containers/c1": Reply(status: 204)])
        #expect(outcome == .removed)
        #expect(calls == ["DELETE /containers/c1?v=1"])
        let kept = try await run(
            .removeContainer(id: "c1", keepsVolumes: true), ["DELETE /containers/c1": Reply(status: 204)])
        #expect(kept.outcome == .removed)
        #expect(kept.calls == ["DELETE /containers/c1"])
    }

    @Test(
        "asks the image what it exposes where the container does not tell, and somebody wants to know",
        arguments: [("exited", "8080/tcp", true), ("running", "8080/tcp", false), ("exited", "53/udp", false)])
    func imagePorts(_ state: String, _ bound: String, _ isAsked: Bool) async throws {
        let container = Reply(
            body: """
                {"Id":"c1","Image":"sha256:1","State":{"Status":"\(state)"},\
                "Config":{"Image":"nginx","ExposedPorts":{"8080/tcp":{},"80/tcp":{}}},\
                "HostConfig":{"PortBindings":{"\(bound)":[{"HostPort":"1"}]}}}
                """)
        let image = Reply(body: #"{"Id":"sha256:1","Config":{"ExposedPorts":{"80/tcp":{},"443/tcp":{}}}}"#)
        for wants in [true, false] {
            let find = Operation.findContainer(ContainerIdentity(ids: ["c1"], uuid: "u-1"))
            let (outcome, calls) = try await run(
                find, ["GET /containers/c1/json": container, "GET /images/sha256:1/json": image],
                tellsImagePorts: wants)
            guard case .container(let seen?) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(seen.imagePorts == (wants && isAsked ? ["443/tcp", "80/tcp"] : nil))
            #expect(calls.count == (wants && isAsked ? 2 : 1))
        }
    }

    @Test("does not believe that a container is gone, removed or started that the engine shows otherwise")
    func contradiction() async throws {
        let there = ["GET /containers/c1/json": Reply.container("c1", state: "created")]
        let remove = Operation.removeContainer(id: "c1", keepsVolumes: false)
        var (outcome, _) = try await run(
            remove, there.merging(["DELETE /containers/c1": .error(404, "page not found")]) { $1 })
        #expect(outcome == .refused(Refusal(message: "Error response from daemon: page not found", status: 404)))
        let page = Reply(status: 404, body: "<html>not found</html>")
        (outcome, _) = try await run(
            .findContainer(ContainerIdentity(ids: ["c1"], uuid: "")), ["GET /containers/c1/json": page])
        guard case .unknown = outcome else {
            Issue.record("\(outcome)")
            return
        }
        (outcome, _) = try await run(remove, there.merging(["DELETE /containers/c1": Reply(status: 304)]) { $1 })
        guard case .unknown = outcome else {
            Issue.record("\(outcome)")
            return
        }
        (outcome, _) = try await run(
            .startContainer(id: "c1"), there.merging(["POST /containers/c1/start": Reply(status: 304)]) { $1 })
        guard case .unknown = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test("does one thing at a time where the storage driver is devicemapper, and many elsewhere")
    func oneAtATime() async throws {
        for (driver, most) in [("devicemapper", 1), ("overlay2", 4)] {
            let underWay = Mutex((now: 0, most: 0))
            try await withStub { request, connection in
                if let reply = Self.itself(driver)[request.path] { return try await connection.answer(200, reply.body) }
                guard request.method != "GET" else {
                    return try await connection.answer(200, Reply.container("c1").body)
                }
                underWay.withLock { state in
                    state.now += 1
                    state.most = max(state.most, state.now)
                }
                try await Task.sleep(for: .milliseconds(50))
                underWay.withLock { $0.now -= 1 }
                try await connection.answer(204, "")
            } body: { stub in
                try await using(try stub.client()) { client in
                    let runner = Self.runner(on: client)
                    await withTaskGroup(of: Void.self) { group in
                        for operation in [
                            Operation.startContainer(id: "c1"), .stopContainer(id: "c2", graceSeconds: 1),
                            .killContainer(id: "c3"), .removeContainer(id: "c4", keepsVolumes: false),
                        ] { group.addTask { _ = await runner.run(operation) { _ in } } }
                    }
                }
            }
            #expect(underWay.withLock { $0.most } == most, "\(driver)")
        }
    }

    @Test("lets a stop that takes its time hold up the others for its turn only (defect 73)")
    func slowStops() async throws {
        let isOver = EngineStub.Gate()
        try await withStub { request, connection in
            if request.path.hasPrefix("/containers/slow"), request.method == "POST" { await isOver.wait() }
            let look = Self.ofItself[request.path] ?? .container("c1")
            let reply = request.method == "GET" ? look : Reply(status: 204)
            try await connection.answer(reply.status, reply.body)
        } body: { stub in
            try await using(try stub.client()) { client in
                var turns = StorageTurns()
                turns.stop = .milliseconds(50)
                let runner = OperationRunner(engine: client, facts: EngineFacts(engine: client), turns: turns)
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<5 {
                        group.addTask {
                            _ = await runner.run(.stopContainer(id: "slow\(number)", graceSeconds: 600)) { _ in }
                        }
                    }
                    for operation in [
                        Operation.stopContainer(id: "c1", graceSeconds: 1), .startContainer(id: "c1"),
                        .killContainer(id: "c1"), .inspectContainer(id: "c1", name: ""),
                    ] {
                        let outcome = await runner.run(operation) { _ in }
                        #expect(id(outcome) == "c1")
                    }
                    isOver.open()
                }
            }
        }
    }

    @Test("takes JSON that does not say what was asked for no answer")
    func emptyAnswers() async throws {
        let volume = VolumeSpecification(name: "v", driver: "local")
        for (operation, call) in [
            (Operation.inspectVolume(volume), "GET /volumes/v"), (.createVolume(volume), "POST /volumes/create"),
            (.inspectImage(reference: "nginx"), "GET /images/nginx/json"),
            (.inspectContainer(id: "c1", name: ""), "GET /containers/c1/json"),
        ] {
            let (outcome, _) = try await run(operation, [call: Reply(body: "{}")])
            guard case .unknown = outcome else {
                Issue.record("\(operation): \(outcome)")
                continue
            }
        }
    }

    @Test(
        "names the image of a container that was made of an image's id, and changes nothing else (defects 44, 45)",
        arguments: [
            ("sha256:0123456789abcdef", ["GET /images/sha256:0123456789abcdef/json"], #""nginx:1.13""#),
            ("0123456789ab", ["GET /images/sha256:0123456789abcdef/json"], #""nginx:1.13""#),
            ("nginx", [], #""nginx""#), ("012345", [], #""012345""#),
        ])
    func imageName(shown: String, calls expected: [String], name: String) async throws {
        let text =
            #"{"Id":"c1","Image":"sha256:0123456789abcdef","X":1.50,"Config":{"A":9007199254740993,"Image":"%"}}"#
        let (outcome, calls) = try await run(
            .inspectContainer(id: "c1", name: ""),
            [
                "GET /containers/c1/json": Reply(body: text.replacing("%", with: shown)),
                "GET /images/sha256:0123456789abcdef/json": Reply(
                    body: #"{"Id":"sha256:0123456789abcdef","RepoTags":["nginx:1.13","nginx:latest"]}"#),
            ])
        guard case .container(let container?) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(container.raw.encodedText == text.replacing(#""%""#, with: name))
        #expect(calls == ["GET /containers/c1/json"] + expected)
    }

    @Test("leaves the id where the image has no name or cannot be looked at (defect 44)", arguments: [200, 404, 500])
    func noImageName(status: Int) async throws {
        let text = #"{"Id":"c1","Image":"sha256:0123456789abcdef","Config":{"Image":"sha256:0123456789abcdef"}}"#
        let (outcome, _) = try await run(
            .inspectContainer(id: "c1", name: ""),
            [
                "GET /containers/c1/json": Reply(body: text),
                "GET /images/sha256:0123456789abcdef/json": Reply(status: status, body: #"{"RepoTags":[]}"#),
            ])
        guard case .container(let container?) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(container.raw.encodedText == text)
    }

    // MARK: Images

    @Test("makes four pulls at a time, and the others wait for their turn (defect 58)")
    func pullsAtATime() async throws {
        let underWay = Mutex((now: 0, most: 0, all: 0))
        try await withStub { request, connection in
            guard request.path.hasPrefix("/images/create") else {
                return try await connection.answer(200, #"{"Id":"sha256:1"}"#)
            }
            underWay.withLock { state in
                state.now += 1
                state.most = max(state.most, state.now)
                state.all += 1
            }
            // However slow this machine is: the first ones wait for each other, and then for one too many.
            for _ in 0..<500 where underWay.withLock({ $0.most < 4 }) { try await Task.sleep(for: .milliseconds(10)) }
            try await Task.sleep(for: .milliseconds(30))
            underWay.withLock { $0.now -= 1 }
            try await connection.answer(200, #"{"status":"Status: Downloaded newer image"}"#)
        } body: { stub in
            try await using(try stub.client()) { client in
                let runner = Self.runner(on: client)
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<12 {
                        group.addTask {
                            let pull = Operation.pullImage(reference: "image\(number)", credential: nil)
                            _ = await runner.run(pull) { _ in }
                        }
                    }
                }
            }
        }
        #expect(underWay.withLock { $0.all } == 12)
        #expect(underWay.withLock { $0.most } == 4)
    }

    @Test("does not call an image pulled that it cannot look at afterwards (defect 52)", arguments: [404, 500])
    func lookAfterPull(status: Int) async throws {
        let (outcome, calls) = try await run(
            .pullImage(reference: "nginx", credential: nil),
            [
                "POST /images/create": Reply(body: #"{"status":"Status: Image is up to date"}"#),
                "GET /images/nginx/json": .error(status, "not there"),
            ])
        #expect(calls.map { $0.prefix { $0 != "?" } } == ["POST /images/create", "GET /images/nginx/json"])
        switch outcome {
        case .image(nil): #expect(status == 404)
        case .refused(let refusal): #expect(refusal.status == status && status == 500)
        case .image, .container, .created, .nameTaken, .imageMissing, .address, .volume, .keptByPlugin, .pluginDone,
            .noPlugin, .removed, .unavailable, .unknown, .configurationUpdated:
            Issue.record("\(outcome)")
        }
    }
}
