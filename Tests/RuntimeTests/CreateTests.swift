import DockerEngine
import EngineStub
import Foundation
import LosslessJSON
import Model
import Runtime
import Synchronization
import Testing

@Suite("Creating a container", .timeLimit(.minutes(1)))
struct CreateTests {
    private static let create = "POST /containers/create"
    private static let image = "GET /images/nginx:1.13/json"
    private static let created = (201, #"{"Id":"c0"}"#)

    private func instance(_ change: (inout ContainerSpecification) -> Void = { _ in }) -> InstanceSpecification {
        var instance = InstanceSpecification(uuid: "85db87bf-cb14", name: "web")
        instance.container.image = "nginx:1.13"
        change(&instance.container)
        return instance
    }

    private func outcome(
        _ instance: InstanceSpecification, _ client: EngineClient, resolverFile: String = "/nonexistent",
        defaultDisk: String? = nil, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async -> OperationOutcome {
        var surroundings = Surroundings()
        surroundings.resolverFile = resolverFile
        surroundings.defaultDisk = { defaultDisk }
        let runner = OperationRunner(
            engine: client, facts: EngineFacts(engine: client), surroundings: surroundings)
        return await runner.run(.createContainer(instance, mountpoints: [:]), progress: progress)
    }

    @Test("asks for nothing that it does not need")
    func plain() async throws {
        try await CannedEngine.run([Self.create: Self.created]) { engine, client in
            let outcome = await outcome(instance(), client)
            #expect(outcome == .created(id: "c0"))
            #expect(engine.calls == [Self.create])
        }
    }

    @Test("learns from the image what the helper for the network is to become")
    func networkWait() async throws {
        let answers: CannedEngine.Answers = [
            Self.create: Self.created, Self.image: (200, #"{"Id":"i0","Config":{"Entrypoint":["/e"],"Cmd":["c"]}}"#),
        ]
        try await CannedEngine.run(answers) { engine, client in
            let waiting = instance { $0.labels = ["io.rancher.cni.wait": "true"] }
            let outcome = await outcome(waiting, client)
            #expect(outcome == .created(id: "c0"))
            #expect(engine.calls == [Self.image, Self.create])
            let body = try JSON(parsing: engine.body(of: Self.create) ?? "")
            #expect(body["Entrypoint"] == ["/.r/r", "/e"])
            #expect(body["Cmd"] == ["c"])
        }
    }

    @Test("does not ask for the image of an entry point of its own")
    func networkWaitOwnEntryPoint() async throws {
        try await CannedEngine.run([Self.create: Self.created]) { engine, client in
            let waiting = instance {
                $0.labels = ["io.rancher.cni.wait": "true"]
                $0.entryPoint = ["/own"]
            }
            let outcome = await outcome(waiting, client)
            #expect(outcome == .created(id: "c0"))
            #expect(engine.calls == [Self.create])
        }
    }

    @Test("finds that the image is missing before or while it creates")
    func missingImage() async throws {
        let missing = (404, #"{"message":"no such image: nginx:1.13"}"#)
        for labels in [[:], ["io.rancher.cni.wait": "true"]] {
            try await CannedEngine.run([Self.create: missing, Self.image: missing]) { engine, client in
                let outcome = await outcome(instance { $0.labels = labels }, client)
                #expect(outcome == .imageMissing("Error: No such image: nginx:1.13"))
                #expect(engine.calls.contains(Self.create) == labels.isEmpty)
            }
        }
    }

    @Test(
        "believes the engine what is missing, also if somebody else has pulled the image a moment later",
        arguments: [
            ("No such image: nginx:1.13", true),
            ("no such image: docker.io/library/nginx:1.13: image not known", true),
            ("No such container: f00d", false),
        ])
    func pulledMeanwhile(text: String, isImage: Bool) async throws {
        let answers: CannedEngine.Answers = [
            Self.create: (404, #"{"message":"\#(text)"}"#), Self.image: (200, #"{"Id":"sha256:1"}"#),
        ]
        try await CannedEngine.run(answers) { _, client in
            let outcome = await outcome(instance(), client)
            let refusal = Refusal(message: "Error response from daemon: \(text)", status: 404)
            #expect(outcome == (isImage ? .imageMissing("Error: No such image: nginx:1.13") : .refused(refusal)))
        }
    }

    @Test("does not take a failing inspection of the image for a missing image")
    func failingInspection() async throws {
        try await CannedEngine.run([Self.create: Self.created, Self.image: (500, #"{"message":"oh"}"#)]) {
            engine, client in
            let outcome = await outcome(instance { $0.labels = ["io.rancher.cni.wait": "true"] }, client)
            #expect(outcome == .refused(Refusal(message: "Error response from daemon: oh", status: 500)))
            #expect(engine.calls == [Self.image])
        }
    }

    @Test("asks where the engine keeps its data only for a container that mounts that (defect 68)")
    func engineDirectory() async throws {
        let answers: CannedEngine.Answers = [
            Self.create: Self.created, "GET /info": (200, #"{"DockerRootDir":"/mnt/d"}"#),
            "GET /version": (200, #"{"ApiVersion":"1.41"}"#),
        ]
        try await CannedEngine.run(answers) { engine, client in
            let mounting = instance { $0.dataVolumes = ["/var/lib/docker:/var/lib/docker:ro"] }
            let outcome = await outcome(mounting, client)
            #expect(outcome == .created(id: "c0"))
            let body = try JSON(parsing: engine.body(of: Self.create) ?? "")
            #expect(body["HostConfig"]["Binds"] == ["/mnt/d:/var/lib/docker:ro", "/mnt/d:/mnt/d:ro"])
        }
        try await CannedEngine.run([Self.create: Self.created, "GET /version": (200, "{}")]) { engine, client in
            // An engine that cannot tell is asked again, and no container is made on a guess.
            let mounting = instance { $0.dataVolumes = ["/var/lib/docker:/var/lib/docker"] }
            let outcome = await outcome(mounting, client)
            #expect(
                outcome == .refused(Refusal(message: "Error response from daemon: no answer to GET /info", status: 500))
            )
            #expect(!engine.calls.contains(Self.create))
        }
    }

    @Test("tells the time for a stop from API 1.25 on", arguments: [("1.24", JSON.null), ("1.25", 33), ("1.41", 33)])
    func stopTimeout(version: String, expected: JSON) async throws {
        let answers: CannedEngine.Answers = [
            Self.create: Self.created, "GET /info": (200, "{}"),
            "GET /version": (200, #"{"ApiVersion":"\#(version)"}"#),
        ]
        try await CannedEngine.run(answers, version: version) { engine, client in
            let outcome = await outcome(instance { $0.stopTimeoutSeconds = 33 }, client)
            #expect(outcome == .created(id: "c0"))
            let body = try JSON(parsing: engine.body(of: Self.create) ?? "")
            #expect(body["StopTimeout"] == expected)
        }
    }

    @Test(
        "limits the kernel's memory up to API 1.41, and says when that is left out",
        arguments: [("1.24", JSON(48), 0), ("1.41", 48, 0), ("1.42", .null, 1), ("1.51", .null, 1)])
    func kernelMemory(version: String, expected: JSON, messages: Int) async throws {
        let answers: CannedEngine.Answers = [
            Self.create: Self.created, "GET /info": (200, "{}"),
            "GET /version": (200, #"{"ApiVersion":"\#(version)"}"#),
        ]
        try await CannedEngine.run(answers, version: version) { engine, client in
            let said = Mutex<[String]>([])
            let outcome = await outcome(instance { $0.limits.kernelMemory = 48 }, client) { text in
                said.withLock { $0.append(text) }
            }
            #expect(outcome == .created(id: "c0"))
            let body = try JSON(parsing: engine.body(of: Self.create) ?? "")
            #expect(body["HostConfig"]["KernelMemory"] == expected)
            #expect(said.withLock { $0.filter { $0.contains("kernel's memory") }.count } == messages)
        }
    }

    @Test("reads the host's resolv.conf only beside Rancher's own domains, and fails if it cannot")
    func searchDomains() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "resolv-\(UUID().uuidString)")
        try Data("search a.example\nsearch b.example\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await CannedEngine.run([Self.create: Self.created]) { engine, client in
            let rancher = instance { $0.dnsSearch = ["rancher.internal"] }
            let found = await outcome(rancher, client, resolverFile: file.path)
            #expect(found == .created(id: "c0"))
            let body = try JSON(parsing: engine.body(of: Self.create) ?? "")
            #expect(body["HostConfig"]["DnsSearch"] == ["rancher.internal", "b.example"])

            guard case .refused(let refusal) = await outcome(rancher, client, resolverFile: "/nonexistent/x") else {
                Issue.record("a refusal expected")
                return
            }
            #expect(refusal.message.hasPrefix("Failed to set DNS search: /nonexistent/x cannot be read"))
            #expect(refusal.status == nil)
            let other = await outcome(instance { $0.dnsSearch = ["x.example"] }, client, resolverFile: "/nonexistent/x")
            #expect(other == .created(id: "c0"))
            #expect(engine.calls.count == 2)
        }
    }

    @Test("says when there is no disk to limit")
    func defaultDisk() async throws {
        let said = Mutex<[String]>([])
        let limited = instance { $0.blockIO.devices = [BlockIOLimits.defaultDisk: .init(readBytes: 5)] }
        try await CannedEngine.run([Self.create: Self.created]) { engine, client in
            let known = await outcome(limited, client, defaultDisk: "/dev/sda") { text in
                said.withLock { $0.append(text) }
            }
            #expect(known == .created(id: "c0"))
            #expect(said.withLock { $0 } == [])
            let body = try JSON(parsing: engine.body(of: Self.create) ?? "")
            #expect(body["HostConfig"]["BlkioDeviceReadBps"] == [["Path": "/dev/sda", "Rate": 5]])
            let unknown = await outcome(limited, client) { text in said.withLock { $0.append(text) } }
            #expect(unknown == .created(id: "c0"))
            #expect(said.withLock { $0.count } == 1)
        }
    }
}
