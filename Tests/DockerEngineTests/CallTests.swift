import DockerEngine
import EngineStub
import LosslessJSON
import NIOCore
import NIOHTTP1
import Testing

@Suite("The calls on the wire", .timeLimit(.minutes(1)))
struct CallTests {
    /// Makes the call against an engine that answers all with this; returns the request.
    func request(
        answering status: Int = 200, _ body: String = "{}", _ call: (EngineClient) async throws -> Void
    ) async throws -> StubRequest {
        var request: StubRequest?
        try await withStub { _, connection in
            try await connection.answer(status, body)
        } body: { stub in
            try await using(try stub.client()) { try await call($0) }
            #expect(stub.calls.count == 1)
            request = stub.calls.first
        }
        return try #require(request)
    }

    @Test("A POST without a body says Content-Length: 0, the host is called docker, and no ticket is on the wire")
    func emptyPost() async throws {
        let request = try await request(answering: 204) {
            let changed = try await $0.startContainer("abc")
            #expect(changed)
        }
        #expect(request.method == "POST")
        #expect(request.uri == "/v1.51/containers/abc/start")
        #expect(request.headers["content-length"] == ["0"])
        #expect(request.headers["host"] == ["docker"])
        #expect(request.headers["transfer-encoding"].isEmpty)
        #expect(request.headers.map(\.name).allSatisfy { !$0.contains("ticket") })
    }

    @Test("Names and ids are percent-encoded in the path and the query")
    func percentEncoding() async throws {
        let inspect = try await request { _ = try await $0.inspectContainer("a/b c?d#e%f") }
        #expect(inspect.path == "/containers/a%2Fb%20c%3Fd%23e%25f/json")
        let create = try await request(#"{"Id":"1","Warnings":["w"]}"#) {
            let created = try await $0.createContainer(name: "ü&x=1+2", body: ["Image": "x"])
            #expect(created.id == "1")
            #expect(created.warnings == ["w"])
        }
        #expect(create.path == "/containers/create?name=%C3%BC%26x%3D1%2B2")
        #expect(create.body == Array(#"{"Image":"x"}"#.utf8))
        #expect(create.headers["content-type"] == ["application/json"])
        #expect(create.headers["content-length"] == ["13"])
        let image = try await request { _ = try await $0.inspectImage("host:5000/x/y@sha256:12 3") }
        #expect(image.path == "/images/host:5000/x/y@sha256:12%203/json")
    }

    @Test("The list is filtered by labels")
    func list() async throws {
        let filtered = try await request(#"[{"Id":"1"},{"Id":"2"}]"#) {
            let containers = try await $0.listContainers(all: true, labels: ["k=v"])
            #expect(containers.map { $0["Id"].text } == ["1", "2"])
        }
        #expect(filtered.path == "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22k%3Dv%22%5D%7D")
        let plain = try await request("[]") {
            let containers = try await $0.listContainers(all: false)
            #expect(containers.isEmpty)
        }
        #expect(plain.path == "/containers/json")
    }

    @Test("A container is renamed, waited for, and asked for its output, both ends of which are one text")
    func renameWaitAndOutput() async throws {
        let rename = try await request(answering: 204) { try await $0.renameContainer("a", to: "b&c") }
        #expect(rename.method == "POST")
        #expect(rename.path == "/containers/a/rename?name=b%26c")
        let wait = try await request(#"{"Error":null,"StatusCode":3}"#) {
            let code = try await $0.waitForContainer("a", within: .seconds(5))
            #expect(code == 3)
        }
        #expect(wait.path == "/containers/a/wait")
        let frames = "\u{1}\0\0\0\0\0\0\u{3}one" + "\u{2}\0\0\0\0\0\0\u{4}\ntwo" + "\u{1}\0\0\0\0\0\0\0"
        let output = try await request(frames) {
            let text = try await $0.containerOutput("a", lines: 20)
            #expect(text == "one\ntwo")
        }
        #expect(output.path == "/containers/a/logs?stdout=1&stderr=1&tail=20")
        _ = try await request("") {
            let text = try await $0.containerOutput("a")
            #expect(text.isEmpty)
        }
        for cut in [String(frames.dropLast()), String(frames.prefix(5)), String(frames.prefix(10))] {
            _ = try await request(cut) { client in
                let error = await #expect(throws: EngineError.self) { try await client.containerOutput("a") }
                #expect(error?.kind == .badAnswer)
            }
        }
    }

    @Test("Starting what runs and stopping what does not changes nothing and is no error")
    func notModified() async throws {
        _ = try await request(answering: 304) {
            let changed = try await $0.startContainer("a")
            #expect(!changed)
        }
        let stop = try await request(answering: 304) {
            let changed = try await $0.stopContainer("a", graceSeconds: -5)
            #expect(!changed)
        }
        #expect(stop.path == "/containers/a/stop?t=0")
        let stopped = try await request(answering: 204) {
            let changed = try await $0.stopContainer("a", graceSeconds: 7)
            #expect(changed)
        }
        #expect(stopped.path == "/containers/a/stop?t=7")
    }

    @Test("The other calls have their paths")
    func paths() async throws {
        let kill = try await request(answering: 204) { try await $0.killContainer("a") }
        #expect(kill.path == "/containers/a/kill?signal=KILL")
        let remove = try await request(answering: 204) {
            try await $0.removeContainer("a", removeVolumes: true, force: true)
        }
        #expect((remove.method, remove.path) == ("DELETE", "/containers/a?v=1&force=1"))
        let gentle = try await request(answering: 204) {
            try await $0.removeContainer("a", removeVolumes: false, force: false)
        }
        #expect(gentle.path == "/containers/a")
        let tag = try await request(answering: 201) { try await $0.tagImage("x/y:1", repo: "host:5/z", tag: "2") }
        #expect((tag.method, tag.path) == ("POST", "/images/x/y:1/tag?repo=host%3A5%2Fz&tag=2"))
        let removeImage = try await request("[]") { try await $0.removeImage("x", force: true, noPrune: true) }
        #expect(removeImage.path == "/images/x?force=1&noprune=1")
        let volume = try await request(#"{"Name":"v"}"#) {
            let volume = try await $0.inspectVolume("v")
            #expect(volume["Name"] == "v")
        }
        #expect(volume.path == "/volumes/v")
        let createVolume = try await request(answering: 201) {
            try await $0.createVolume(name: "v", driver: "d", options: ["b": "2", "a": "1"])
        }
        #expect(createVolume.path == "/volumes/create")
        #expect(
            String(decoding: createVolume.body, as: UTF8.self)
                == #"{"Name":"v","DriverOpts":{"a":"1","b":"2"},"Driver":"d"}"#)
        let removeVolume = try await request(answering: 204) { try await $0.removeVolume("v", force: true) }
        #expect((removeVolume.method, removeVolume.path) == ("DELETE", "/volumes/v?force=1"))
        let info = try await request { _ = try await $0.info() }
        #expect(info.path == "/info")
    }

    @Test("An inspection keeps the order and the digits of what the engine wrote")
    func lossless() async throws {
        let text = #"{"z":1.50,"a":12345678901234567890,"Name":"/x"}"#
        _ = try await request(text) {
            let inspection = try await $0.inspectContainer("a")
            #expect(inspection.encodedText == text)
        }
    }

    @Test("Calls over TCP reuse the connection and name the host")
    func tcp() async throws {
        for (address, host) in [("127.0.0.1", "tcp://127.0.0.1:%"), ("::1", "tcp://[::1]:%")] {
            try await withTCPStub(address: address, dockerHost: host) { _, connection in
                try await connection.answer(200, "{}")
            } body: { stub in
                try await using(try stub.client()) { client in
                    for _ in 0..<3 { _ = try await client.info() }
                    #expect(stub.calls.count == 3)
                }
            }
        }
    }
}
