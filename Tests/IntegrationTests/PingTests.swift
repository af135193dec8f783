import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// What the server learns from a ping about a real host.
@Suite(.serialized, .engineDifferences)
struct PingTests {
    /// Everything, once the slow figures of the agent's first second are there, and the engine has told of itself.
    private func fullAnswer(_ scene: Scene) async throws -> Published {
        for _ in 1...50 {
            let answer = try await scene.server.ask(scene.dialect.ping(stats: true, resources: true, instances: true))
            let info = (answer.data["resources"].array ?? []).first { $0["type"] == "host" }?["info"] ?? nil
            if info["cpuInfo"]["cpuCoresPercentages"][0] != .null, !info["hostKey"]["data"].isNull,
                answer.data["options"]["instances"].boolean == true,
                info["diskInfo"]["dockerStorageDriver"].nonEmptyText != nil
            {
                try scene.confirmUse(of: answer)
                return answer
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw HarnessError("no ping was answered with everything")
    }

    @Test(arguments: Dialect.all)
    func `a full answer names the host, its pool, its address, its figures and all containers`(dialect: Dialect)
        async throws
    {
        let setting = Scene.Setting(environment: [
            "CATTLE_HOSTNAME": "node1.example", "CATTLE_NODE_NAME": "NODE1", "CATTLE_HOST_LABELS": "zone=a",
            "RANCHER_AGENT_IMAGE": "rancher/agent:v2",
        ])
        try await Scene.play(in: dialect, setting) { scene in
            let data = try await fullAnswer(scene).data
            var resources = data["resources"].array ?? []
            switch dialect {
            case .rancher20:
                #expect(data.object?.keys.sorted() == ["hashKey", "options", "resources"])
                #expect(data["hashKey"].nonEmptyText != nil)
            case .rancher16:
                #expect(data.object?.keys.sorted() == ["options", "resources"])
                let physicalHost = resources.removeFirst()
                #expect(physicalHost["name"] == "node1.example")
                #expect(physicalHost["type"] == "physicalHost" && physicalHost["kind"] == "physicalHost")
                let uuid = try #require(resources.first { $0["type"] == "hostUuid" }?["uuid"].nonEmptyText)
                #expect(resources[0]["uuid"].text == uuid)
                try await confirmLastingNames(physicalHost["uuid"], uuid, scene)
                resources.removeAll { $0["type"] == "hostUuid" }
            }
            #expect(resources.prefix(3).map { $0["type"].text } == ["host", "storagePool", "ipAddress"])
            #expect(resources.dropFirst(3).allSatisfy { $0["type"] == "instance" })
            let host = resources[0]
            #expect(host["kind"] == "docker")
            #expect(host["hostname"] == "node1.example")
            #expect(host["nodeName"].text == (dialect == .rancher20 ? "node1" : nil))
            #expect(host["createLabels"] == ["zone": "a"])
            #expect(host["labels"]["io.rancher.host.agent_image"] == "rancher/agent:v2")
            for label in ["docker_version", "linux_kernel_version"] {
                let version = host["labels"]["io.rancher.host.\(label)"].text ?? ""
                #expect(version.wholeMatch(of: /\d+\.\d+/) != nil, "\(label) is \(version)")
            }
            #expect(resources[1]["name"] == "node1.example Storage Pool")
            for key in ["uuid", "address", "addresss"] { #expect(resources[2][key] == "127.0.0.1") }
            for key in ["memory", "milliCpu", "localStorageMb"] { #expect((host[key].integer ?? 0) > 0, "\(key)") }
            try confirm(info: host["info"], of: host)
        }
    }

    /// The names are those that are kept beside the database, and the next start has the same.
    private func confirmLastingNames(_ physical: JSON, _ host: String, _ scene: Scene) async throws {
        for (name, uuid) in [("physical_host_uuid", physical.text ?? ""), ("docker_uuid", host)] {
            let kept = try String(contentsOfFile: "\(scene.stateDirectory)/.\(name)", encoding: .utf8)
            #expect(kept == uuid)
        }
        try await scene.restart()
        let again = try await scene.succeed(scene.dialect.ping(resources: true)).data["resources"]
        #expect(again[0]["uuid"] == physical)
        #expect(again[1]["uuid"].text == host)
    }

    private func confirm(info: JSON, of host: JSON) throws {
        #expect(
            info.object?.keys.sorted() == [
                "cloudProvider", "cpuInfo", "diskInfo", "hostKey", "iopsInfo", "memoryInfo", "osInfo",
            ])
        let cpu = info["cpuInfo"]
        #expect(cpu["count"].integer == (host["milliCpu"].integer ?? 0) / 1000)
        let shares = (cpu["cpuCoresPercentages"].array ?? []).compactMap(\.double)
        #expect(!shares.isEmpty && shares.allSatisfy { (0...100).contains($0) })
        #expect(cpu["loadAvg"].array?.count == 3)
        let memory = info["memoryInfo"]
        for key in ["memTotal", "memFree", "memAvailable", "buffers", "cached", "swaptotal", "swapTotal"] {
            #expect(memory[key].integer != nil, "\(key)")
        }
        #expect((memory["memTotal"].integer ?? 0) << 20 == host["memory"].integer)
        #expect(info["diskInfo"]["dockerStorageDriver"].nonEmptyText != nil)
        #expect(info["osInfo"]["dockerVersion"].text?.hasPrefix("Docker version ") == true)
        #expect(info["osInfo"]["operatingSystem"].nonEmptyText != nil)
        #expect(info["hostKey"]["data"].text?.hasPrefix("-----BEGIN RSA PUBLIC KEY-----\n") == true)
    }

    @Test(arguments: Dialect.all)
    func `containers that were never started, are paused, run and have ended are all told (defects 90, 91)`(
        dialect: Dialect
    )
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let names = (1...4).map { _ in "ping-\(UUID().uuidString.prefix(8).lowercased())" }
            let engine = scene.engine
            var ids: [String] = []
            do {
                ids.append(try await engine.docker("create", "--name", names[0], Engine.image, "sleep", "60"))
                for name in names[1...2] {
                    ids.append(try await engine.docker("run", "-d", "--name", name, Engine.image, "sleep", "60"))
                }
                _ = try await engine.docker("pause", names[1])
                _ = try await engine.docker("run", "--name", names[3], Engine.image, "true")
                ids.append(try await engine.docker("inspect", "-f", "{{.Id}}", names[3]))
                let wanted = zip(ids, ["stopped", "running", "running", "stopped"]).map { "\($0) \($1)" }
                var told: [String] = []
                for _ in 1...50 where told != wanted {
                    let answer = try await scene.server.ask(scene.dialect.ping(instances: true))
                    let states = answer.pingedInstances
                    told = ids.compactMap { id in states[id].map { "\(id) \($0)" } }
                    try await Task.sleep(for: .milliseconds(100))
                }
                #expect(told == wanted)
            } catch {
                for name in names { _ = try? await engine.docker("rm", "-f", name) }
                throw error
            }
            for name in names { _ = try await engine.docker("rm", "-f", name) }
        }
    }

    @Test(arguments: Dialect.all) func `two hundred full pings are answered in a few milliseconds each`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            _ = try await fullAnswer(scene)
            var times: [Duration] = []
            for _ in 1...200 {
                let ping = scene.dialect.ping(stats: true, resources: true, instances: true)
                let start = ContinuousClock.now
                try #require(scene.server.send(event: ping))
                times.append(try await scene.server.waitForReply(to: ping.eventID).arrival - start)
            }
            times.sort()
            print("full ping: median \(times[100].inSeconds * 1000) ms, longest \(times[199].inSeconds * 1000) ms")
            #expect(times[100] < .milliseconds(50))
        }
    }

    @Test(arguments: Dialect.all)
    func `an engine that hangs delays no ping, and no container is taken for gone (defect 89)`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true, starts: false)) { scene in
            for call in [EngineCall.list, .listAll] { scene.proxy.order(call, .hangBefore, count: .max) }
            try await scene.start()
            for _ in 1...10 {
                let start = ContinuousClock.now
                let answer = try await scene.server.ask(
                    scene.dialect.ping(stats: true, resources: true, instances: true))
                #expect(.now - start < .seconds(2))
                #expect(answer.data["options"]["instances"].isNull)
                #expect(answer.data["resources"].array?.contains { $0["type"] == "instance" } == false)
            }
        }
    }

    @Test(arguments: Dialect.all) func `a cloud that never answers delays neither a ping nor the end`(dialect: Dialect)
        async throws
    {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(isBound)
        let setting = Scene.Setting(environment: [
            "CATTLE_DETECT_CLOUD_PROVIDER": "true",
            "CATTLE_CLOUD_METADATA_URL": "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/document",
        ])
        try await Scene.play(in: dialect, setting) { scene in
            let start = ContinuousClock.now
            _ = try await scene.server.ask(scene.dialect.ping(stats: true, resources: true, instances: true))
            #expect(.now - start < .seconds(1))
            let (ending, took) = try await scene.agent.terminate()
            #expect(ending == .code(0))
            #expect(took < .seconds(1))
        }
    }
}
