import AsyncHTTPClient
import DockerEngine
import EngineStub
import FakeStoragePlugin
import LosslessJSON
import Model
import Runtime
import StoragePlugin
import Synchronization
import Testing

import struct Foundation.Data
import class Foundation.FileManager

/// What only servers of the 1.6 line ask for.
@Suite("For an older server", .timeLimit(.minutes(1)))
struct OlderServerTests {
    private static func container(_ id: String, _ name: String, _ labels: String = "{}") -> (Int, String) {
        (200, #"{"Id":"\#(id)","Name":"/\#(name)","State":{"Status":"exited"},"Config":{"Labels":\#(labels)}}"#)
    }

    private static func run(
        _ operation: Operation, on client: EngineClient, _ surroundings: Surroundings = Surroundings(),
        _ progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async -> OperationOutcome {
        await OperationRunner(engine: client, facts: EngineFacts(engine: client), surroundings: surroundings)
            .run(operation, progress: progress)
    }

    @Test("a container is found by its id, the labels of both lines, and the name of the oldest (defect 74)")
    func marks() async throws {
        let uuid = "5bec0900-0000-4000-8000-000000000000"
        func found(_ answers: CannedEngine.Answers, _ marks: ContainerMarks) async throws -> (String?, [String]) {
            var id: String?
            var calls: [String] = []
            try await CannedEngine.run(answers) { engine, client in
                let identity = ContainerIdentity(ids: ["gone"], uuid: uuid, marks: marks)
                guard case .container(let container) = await Self.run(.findContainer(identity), on: client) else {
                    Issue.record("not looked for")
                    return
                }
                id = container?.id
                calls = engine.calls
            }
            return (id, calls)
        }
        let missing = (404, #"{"message":"No such container"}"#)
        let older = Self.container("c1", "x", #"{"io.rancher.container.uuid":"\#(uuid)"}"#)
        var answers: CannedEngine.Answers = [
            "GET /containers/gone/json": missing, "GET /containers/json": (200, "[]"),
            "GET /containers/\(uuid)/json": missing, "GET /containers/c1/json": older,
        ]
        let own = try await found(answers, .own)
        #expect(own.0 == nil)
        #expect(own.1 == ["GET /containers/gone/json", "GET /containers/json"])
        #expect(try await found(answers, .all).0 == nil)
        answers["GET /containers/\(uuid)/json"] = Self.container("c2", uuid)
        #expect(try await found(answers, .all).0 == "c2")
        answers["GET /containers/\(uuid)/json"] = Self.container("c2", "another")
        #expect(try await found(answers, .all).0 == nil, "the beginning of an id is no name")
        answers["GET /containers/json"] = (200, #"[{"Id":"c1","Names":["/x"],"State":"exited"}]"#)
        #expect(try await found(answers, .all).0 == "c1")
    }

    @Test(
        "a container belongs to the instance that its marks name",
        arguments: [
            (#"{"io.rancher.container.agent.uuid":"a","io.rancher.container.uuid":"b"}"#, "x", "a"),
            (#"{"io.rancher.container.uuid":"b"}"#, "x", "b"),
            ("{}", "5bec0900-0000-4000-8000-000000000000", "5bec0900-0000-4000-8000-000000000000"),
            ("{}", "5bec0900-0000-4000-8000-00000000000g", ""), ("null", "x", ""),
        ])
    func instanceUUID(_ labels: String, _ name: String, _ expected: String) throws {
        let inspection = try JSON(parsing: Self.container("c", name, labels).1)
        #expect(InspectedContainer(inspection)?.instanceUUID == expected)
    }

    @Test("the containers of other instances are looked for when one is created that needs them")
    func related() async throws {
        let here = RelatedInstance(uuid: "u-2", name: "db", externalID: "c2")
        let gone = RelatedInstance(uuid: "u-3", name: "gone", externalID: "c3")
        var instance = InstanceSpecification(uuid: "u-1", name: "web")
        instance.container.image = "x"
        instance.container.volumesFromInstances = [here, gone]
        instance.container.network = .instance(gone)
        let answers: CannedEngine.Answers = [
            "GET /containers/c2/json": Self.container("c2", "db"), "GET /containers/c3/json": (404, "{}"),
            "GET /containers/u-3/json": (404, "{}"), "GET /containers/json": (200, "[]"),
            "POST /containers/create": (201, #"{"Id":"c1"}"#),
        ]
        try await CannedEngine.run(answers) { engine, client in
            let outcome = await Self.run(.createContainer(instance, mountpoints: [:]), on: client)
            #expect(outcome == .created(id: "c1"))
            let body = try JSON(parsing: engine.body(of: "POST /containers/create") ?? "")
            #expect(body["HostConfig"]["VolumesFrom"] == ["c2"])
            #expect(body["HostConfig"]["NetworkMode"] == "container:r-gone-u", "the engine says that there is none")
        }
    }

    @Test("an image is built, and what the engine says is told while it is (defect 84)")
    func build() async throws {
        let stream = #"{"stream":"Step 1/2\n"}"# + "\r\n" + #"{"stream":"\n"}"# + "\r\n" + #"{"status":"Pulling x"}"#
        let build = ImageBuild(remote: "http://127.0.0.1:1/c.tgz", tag: "mine")
        try await CannedEngine.run(["POST /build": (200, stream), "GET /images/mine/json": (200, #"{"Id":"i"}"#)]) {
            engine, client in
            let told = Mutex<[String]>([])
            let outcome = await Self.run(.buildImage(build), on: client) { text in told.withLock { $0.append(text) } }
            #expect(outcome == .image(["Id": "i"]))
            #expect(told.withLock { $0 } == ["Step 1/2", "Pulling x"])
            #expect(engine.calls == ["POST /build", "GET /images/mine/json"])
            let query = Set((engine.query(of: "POST /build") ?? "").split(separator: "&"))
            #expect(query.isSuperset(of: ["remote=http%3A%2F%2F127.0.0.1%3A1%2Fc.tgz", "t=mine", "rm=1"]), "\(query)")
        }
        let failure = #"{"stream":"Step 1/2"}{"errorDetail":{"code":1,"message":"no space"},"error":"x"}"#
        try await CannedEngine.run(["POST /build": (200, failure)]) { _, client in
            let outcome = await Self.run(.buildImage(build), on: client)
            #expect(outcome == .refused(Refusal(message: "Image [mine] failed to build: no space")))
        }
        try await CannedEngine.run(["POST /build": (200, #"{"stream":"Step"#)]) { _, client in
            guard case .unknown = await Self.run(.buildImage(build), on: client) else {
                Issue.record("a stream that breaks off is no success")
                return
            }
        }
    }

    @Test(
        "the engine is told for which registry a credential is, the hub by the name that it goes by (defect 57)",
        arguments: [
            ("", "https://index.docker.io/v1/"), ("index.docker.io", "https://index.docker.io/v1/"),
            ("https://docker.io", "https://index.docker.io/v1/"), ("quay.io", "quay.io"),
        ])
    func credential(_ given: String, _ told: String) async throws {
        let credential = RegistryCredential(user: "me", password: "secret", email: "me@x", serverAddress: given)
        let answers: CannedEngine.Answers = [
            "POST /images/create": (200, #"{"status":"done"}"#), "GET /images/x/json": (200, #"{"Id":"i"}"#),
        ]
        try await CannedEngine.run(answers) { engine, client in
            let outcome = await Self.run(.pullImage(reference: "x", credential: credential), on: client)
            #expect(outcome == .image(["Id": "i"]))
            let header = try #require(engine.header("X-Registry-Auth", of: "POST /images/create"))
            let standard = header.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
            let bytes = try #require(Data(base64Encoded: String(standard)))
            let auth = try JSON(parsing: Array(bytes))
            #expect(auth["username"] == "me" && auth["password"] == "secret" && auth["email"] == "me@x")
            #expect(auth["serveraddress"].text == told)
        }
    }

    @Test("a volume of Rancher's drivers has to have its plug-in here, and others have none (defect 67)")
    func plugins() async throws {
        var surroundings = Surroundings()
        surroundings.plugins = StoragePlugins(directory: "/nowhere", httpClient: HTTPClient.shared)
        try await CannedEngine.run(["GET /volumes/v": (404, "{}")]) { _, client in
            let rancher = VolumeSpecification(name: "v", driver: "rancher-nfs", keeping: .byRancherPlugin)
            #expect(
                await Self.run(.inspectVolume(rancher), on: client, surroundings)
                    == .refused(Refusal(message: "socket file not found at /nowhere/rancher-nfs.sock")))
            let local = VolumeSpecification(name: "v", driver: "local", keeping: .byRancherPlugin)
            #expect(await Self.run(.inspectVolume(local), on: client, surroundings) == .volume(nil))
        }
    }

    /// A plug-in of a driver of Rancher's own, on a real socket, and what is asked of it.
    private static func withPlugin(
        _ body: (FakeStoragePlugin, VolumeSpecification, Surroundings) async throws -> Void
    ) async throws {
        let directory = "/tmp/plugin-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let plugin = FakeStoragePlugin(socketPath: directory + "/rancher-nfs.sock")
        try await plugin.start()
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: StoragePlugins.clientConfiguration)
        var surroundings = Surroundings()
        surroundings.plugins = StoragePlugins(directory: directory, httpClient: client)
        let volume = VolumeSpecification(name: "v", driver: "rancher-nfs", keeping: .byRancherPlugin)
        let result: Result<Void, any Error>
        do { result = .success(try await body(plugin, volume, surroundings)) } catch { result = .failure(error) }
        try await plugin.stop()
        try await client.shutdown()
        try result.get()
    }

    @Test(
        "only a plug-in that says so mounts volumes by itself; all others leave that to the engine",
        arguments: [
            (#"{"Capabilities":{"Scope":"flex"}}"#, true), (#"{"Capabilities":{"Scope":"local"}}"#, false),
            (#"{"Capabilities":{"Scope":"global"}}"#, false), ("{}", false),
        ])
    func scope(_ answer: String, _ isKept: Bool) async throws {
        try await Self.withPlugin { plugin, volume, surroundings in
            plugin.order(.answer(answer), for: .capabilities)
            let known: CannedEngine.Answers = [
                "GET /volumes/v": (200, #"{"Name":"v","Driver":"rancher-nfs","Mountpoint":"/m"}"#)
            ]
            try await CannedEngine.run(known) { engine, client in
                let outcome = await Self.run(.inspectVolume(volume), on: client, surroundings)
                let seen = OperationOutcome.volume(InspectedVolume(driver: "rancher-nfs", mountpoint: "/m"))
                #expect(outcome == (isKept ? .keptByPlugin : seen))
                #expect(engine.calls == (isKept ? [] : ["GET /volumes/v"]))
            }
        }
    }

    @Test(
        "a plug-in that says nothing of use is an error that is told in the end, and not asked for ever (defect 65)",
        arguments: [
            (PluginFault.answer("?"), "what is no JSON"), (.status(500), "returned status 500"),
            (.error("no"), "failed: no"), (.status(404, body: #"{"Err":"gone"}"#), "returned status 404"),
            (.close(isDone: false), "not answered to the end"), (.hang(isDone: false), "was not answered within"),
        ])
    func uselessPlugin(_ fault: PluginFault, _ words: String) async throws {
        try await Self.withPlugin { plugin, volume, given in
            var surroundings = given
            if case .hang = fault { surroundings.plugins?.deadlines.capabilities = .milliseconds(300) }
            plugin.order(fault, for: .capabilities)
            try await CannedEngine.run([:]) { _, client in
                guard case .refused(let refusal) = await Self.run(.inspectVolume(volume), on: client, surroundings)
                else {
                    Issue.record("not refused")
                    return
                }
                #expect(refusal.message.contains(words), "\(refusal.message)")
            }
        }
    }

    @Test("a volume that the engine knows is removed there, and only one that it does not know by the plug-in")
    func removal() async throws {
        try await Self.withPlugin { plugin, volume, surroundings in
            plugin.provide("v")
            let known: CannedEngine.Answers = [
                "GET /volumes/v": (200, #"{"Name":"v","Driver":"rancher-nfs","Mountpoint":"/m"}"#),
                "DELETE /volumes/v": (204, ""),
            ]
            try await CannedEngine.run(known) { engine, client in
                #expect(
                    await Self.run(.callPlugin(.remove, volume), on: client, surroundings)
                        == .pluginDone(mountpoint: ""))
                #expect(engine.calls == ["GET /volumes/v", "DELETE /volumes/v"])
                #expect(plugin.calls.isEmpty)
            }
            try await CannedEngine.run(["GET /volumes/v": (404, "{}")]) { _, client in
                #expect(
                    await Self.run(.callPlugin(.remove, volume), on: client, surroundings)
                        == .pluginDone(mountpoint: ""))
                #expect(plugin.calls.map(\.verb) == ["Remove"])
            }
        }
    }

    @Test("an error that comes with a status from 400 to 499 is one, to 1.6 only", arguments: VolumeKeeping.both)
    func clientErrors(_ keeping: VolumeKeeping) async throws {
        try await Self.withPlugin { plugin, given, surroundings in
            var volume = given
            volume.keeping = keeping
            plugin.order(.status(400, body: #"{"Err":"disk on fire"}"#), for: .attach)
            plugin.order(.status(400), for: .create)
            try await CannedEngine.run([:]) { _, client in
                let attach = await Self.run(.callPlugin(.attach, volume), on: client, surroundings)
                if keeping == .byRancherPlugin {
                    let text = "/VolumeDriver.Attach 'v' (driver 'rancher-nfs') returned status 400: 400 Bad Request"
                    #expect(attach == .refused(Refusal(message: text + ": disk on fire")))
                } else {
                    #expect(attach == .pluginDone(mountpoint: ""))
                }
                let create = await Self.run(.callPlugin(.create, volume), on: client, surroundings)
                #expect(create == .pluginDone(mountpoint: ""))
            }
        }
    }
}

extension VolumeKeeping {
    fileprivate static let both: [VolumeKeeping] = [.byAnyPlugin, .byRancherPlugin]
}
