import DockerEngine
import EngineStub
import FakeProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Synchronization
import Testing

@testable import Bootstrap

@Suite("A launch", .timeLimit(.minutes(3)))
struct LaunchTests {
    private static let id = String(repeating: "b", count: 64)
    private static let name = "rancher.invalid"

    /// Everything that a launch needs, on this host.
    private struct Play: Sendable {
        let server: RancherServer
        let proxy: FakeProxy
        let directory: String
        let said = Said()

        /// The server is only known by this name to the proxy.
        var url: String { "http://\(name):\(server.port)/v3/scripts/\(server.token)" }

        /// - Returns: Why it failed; `nil` if it did not.
        func launch(
            on model: ModelEngine, _ environment: [String: String] = [:], url given: String? = nil,
            _ change: (inout Launcher) -> Void = { _ in }
        ) async throws -> String? {
            var fault: String?
            try await model.run { engine in
                let all = ["http_proxy": "127.0.0.1:\(proxy.port)"].merging(environment) { $1 }
                var launcher = Launcher(environment: all, engine: engine, logger: .quiet, say: said.say)
                launcher.trust.authority = directory + "/ca.crt"
                launcher.trust.bundle = directory + "/bundle.crt"
                launcher.mountTable = try mountTable(in: directory, id)
                launcher.probation = .milliseconds(50)
                launcher.pause = .milliseconds(10)
                launcher.tries = 3
                change(&launcher)
                do {
                    try await launcher.launch(url: given ?? url)
                } catch let error as BootstrapError {
                    fault = error.description
                }
            }
            return fault
        }
    }

    private static func play(_ body: (Play) async throws -> Void) async throws {
        try await withDirectory { directory in
            try await FakeProxy.run { proxy in
                try await RancherServer.withServer { server in
                    try await body(Play(server: server, proxy: proxy, directory: directory))
                }
            }
        }
    }

    private static func host(_ others: ModelEngine.Container...) -> ModelEngine {
        ModelEngine([.init(id, "launching")] + others)
    }

    private static func texts(_ json: JSON) -> [String] { (json.array ?? []).compactMap(\.text) }

    @Test("behind a proxy registers there, and the agent has the proxy and its keys; the look at the host has it too")
    func proxy() async throws {
        try await Self.play { play in
            let model = Self.host()
            // What goes before the script is CATTLE_URL_OVERRIDE alone.
            let fault = try await play.launch(
                on: model, ["CATTLE_URL": "http://other.invalid/v3", "https_proxy": "https://p"])
            #expect(fault == nil)
            #expect(model.names == [Self.id: "launching", "new2": "rancher-agent"])
            #expect(play.server.registrationKeys == ["t0ken"])
            let look = model.created[0]
            #expect(look["HostConfig"]["LogConfig"] == ["Type": "json-file"])
            #expect(Self.texts(look["Env"]).contains("http_proxy=127.0.0.1:\(play.proxy.port)"))
            let agent = Self.texts(model.created[1]["Env"])
            #expect(agent.contains("http_proxy=127.0.0.1:\(play.proxy.port)"))
            #expect(agent.contains { $0.hasPrefix("CATTLE_URL=http://\(Self.name):") }, "\(agent)")
            #expect(agent.contains { $0.hasPrefix("CATTLE_SECRET_KEY=") })
            #expect(play.said.warnings.count == 1)
            #expect(play.said.warnings.first?.contains("https_proxy names a proxy that is spoken to in TLS") == true)
        }
    }

    @Test(
        "is refused before it registers where the host belongs to another server, by either container",
        arguments: ["rancher-agent", "rancher-agent-previous"])
    func otherServer(container: String) async throws {
        try await Self.play { play in
            var old = ModelEngine.Container("o", container)
            old.body = ["Env": ["CATTLE_URL=http://old.example:8080/v1"]]
            let model = Self.host(old)
            let fault = try await play.launch(on: model)
            #expect(fault?.contains("belongs to the server at old.example:8080") == true, "\(fault ?? "")")
            #expect(fault?.contains("docker rm -f \(container))") == true)
            #expect(play.server.registrationKeys == [])
            #expect(model.created == [])
            let override = ["CATTLE_URL_OVERRIDE": "http://old.example:8080/v3"]
            let unreachable = try await play.launch(on: model, override) { $0.registrationLimit = .milliseconds(200) }
            #expect(unreachable?.contains("has not registered this host") == true, "\(unreachable ?? "")")
        }
    }

    @Test("with keys that are given waits for a server that is in trouble, and registers nothing")
    func givenKeys() async throws {
        try await Self.play { play in
            play.server.setFaults { $0.script = .init(status: 503, count: 1) }
            let model = Self.host()
            let keys = ["CATTLE_ACCESS_KEY": "a", "CATTLE_SECRET_KEY": "s"]
            #expect(try await play.launch(on: model, keys) == nil)
            let agent = Self.texts(try #require(model.created.last)["Env"])
            #expect(agent.contains("CATTLE_ACCESS_KEY=a"))
            #expect(agent.contains { $0.hasPrefix("CATTLE_URL=http://\(Self.name):") })
            #expect(play.server.registrationKeys == [])
            #expect(play.said.lines.contains { $0.contains("Trying again (1 of 3)") })
            #expect(!play.said.lines.contains { $0.contains(play.server.token) })
        }
    }

    @Test("takes the address from the second look where /var/lib cannot be written, and says why it cannot")
    func secondLook() async throws {
        try await Self.play { play in
            let model = Self.host()
            model.state.withLock {
                $0.reports = [
                    "INFO: env CATTLE_VAR_LIB_WRITABLE=false\nINFO: env CATTLE_VAR_LIB_FAULT=read-only\n",
                    "INFO: env TOKEN=t0ken\nINFO: env DETECTED_CATTLE_AGENT_IP=192.0.2.9\n",
                ]
            }
            let fault = try await play.launch(on: model)
            #expect(fault == nil)
            #expect(Self.texts(model.created[2]["Env"]).contains("CATTLE_AGENT_IP=192.0.2.9"))
            #expect(
                Self.texts(model.created[2]["HostConfig"]["Binds"]).contains("rancher-agent-state:/var/lib/rancher"))
            #expect(play.said.lines.contains("INFO: read-only"))
        }
    }

    @Test("goes on where the server's certificate cannot be added to those of the container")
    func bundle() async throws {
        try await Self.play { play in
            try TrustStoreTests.certificate.write(
                toFile: play.directory + "/ca.crt", atomically: true, encoding: .utf8)
            let fault = try await play.launch(on: Self.host()) { $0.trust.bundle = "/dev/null/bundle.crt" }
            #expect(fault == nil)
            #expect(play.said.warnings.contains { $0.contains("/dev/null") }, "\(play.said.lines)")
        }
    }

    @Test("says why the server's own certificate was not had")
    func certificate() async throws {
        try await Self.play { play in
            // The server speaks no TLS.
            let environment = ["CA_FINGERPRINT": "AA:BB", "https_proxy": "127.0.0.1:\(play.proxy.port)"]
            let fault = try await play.launch(
                on: Self.host(), environment, url: "https://\(Self.name):\(play.server.port)/v3/scripts/SECRET")
            #expect(fault?.contains("Given up after 3 tries") == true)
            #expect(fault?.contains("SECRET") == false)
            let warnings = play.said.warnings
            #expect(warnings.count == 3)
            #expect(warnings.allSatisfy { $0.contains("The server's own certificate was not had: ") })
        }
    }

    @Test("from a container with another's network does not take that one for its own")
    func network() async throws {
        try await Self.play { play in
            var other = ModelEngine.Container(Self.id, "web")
            other.body = ["Image": "nginx", "Labels": ["a": "b"]]
            let fault = try await play.launch(on: ModelEngine([other]))
            #expect(fault?.contains("RANCHER_AGENT_IMAGE") == true)
            let model = ModelEngine([other])
            #expect(try await play.launch(on: model, ["RANCHER_AGENT_IMAGE": "agent:3"]) == nil)
            #expect(model.created.allSatisfy { $0["Image"] == "agent:3" })
        }
    }

    @Test(
        "is refused at an address of this host, which is the container itself, in every spelling",
        arguments: ["localhost", "LOCALHOST", "127.0.0.2", "[::1]", "[0:0:0:0:0:0:0:1]"])
    func loopback(host: String) async throws {
        try await Self.play { play in
            let fault = try await play.launch(on: Self.host(), url: "http://\(host):1/v3/scripts/T")
            #expect(fault?.contains("means this container, not the server") == true, "\(fault ?? "")")
        }
    }

    @Test(
        "is refused with settings that the agent's container cannot have, and so is an upgrade",
        arguments: [
            ["DOCKER_HOST": "tcp://engine:2375"], ["CATTLE_STATE_DIR": "/data/state"], ["CATTLE_HOME": "/data"],
        ])
    func misplaced(environment: [String: String]) async throws {
        try await Self.play { play in
            let name = environment.keys.first ?? ""
            let fault = try await play.launch(on: Self.host(), environment)
            #expect(fault?.contains("\(name) is '") == true)
            var old = ModelEngine.Container("o", "rancher-agent")
            old.body = ["Env": JSON(environment.map { "\($0.key)=\($0.value)" })]
            let model = Self.host(old)
            try await model.run { engine in
                var launcher = Launcher(environment: [:], engine: engine, logger: .quiet) { _ in }
                launcher.mountTable = try mountTable(in: play.directory, Self.id)
                let ready = launcher
                let error = await #expect(throws: BootstrapError.self) { try await ready.upgrade() }
                #expect(error?.description.contains("\(name) is '") == true)
            }
            #expect(model.running.contains("o"))
        }
    }
}
