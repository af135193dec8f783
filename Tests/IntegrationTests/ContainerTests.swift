import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// What the server asks for is what `docker inspect` shows.
@Suite(.serialized, .engineDifferences)
struct ContainerTests {
    @Test(arguments: Dialect.all) func `the container is made as it was asked for`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect) { scene in
            let named = scene.volume("named")
            let (tcp, udp) = (try freePort(), try freePort())
            let plain = scene.instance("plain") {
                $0.environment = ["KEY": "value", "EMPTY": "", "LINES": "a\nb=c", "UMLAUT": "ä€"]
                $0.labels = ["tier": "front", "odd.label": "x=y,z"]
                $0.dataVolumes = ["/anonymous", "\(named):/named", "/tmp:/host-tmp:ro"]
                $0.volumes = [.init(name: named)]
                $0.memoryBytes = 96 << 20
                $0.milliCPUReservation = 500
                $0.ports = [
                    .init(privatePort: 8080, publicPort: tcp, bindAddress: "127.0.0.1"),
                    .init(privatePort: 53, publicPort: udp, transport: "udp", bindAddress: "127.0.0.1"),
                    .init(privatePort: 90, publicPort: 0, bindAddress: "127.0.0.1"),
                ]
                $0.extra["hostname"] = "some-host"
                $0.extra["domainName"] = "example.org"
                $0.extra["user"] = "1000:1000"
                $0.extra["workingDir"] = "/tmp"
                $0.extra["tty"] = true
                $0.extra["stdinOpen"] = true
                $0.extra["extraHosts"] = ["other:10.9.8.7"]
                $0.extra["dns"] = ["10.1.2.3"]
                $0.extra["capAdd"] = ["NET_ADMIN"]
                $0.extra["capDrop"] = ["MKNOD"]
                $0.extra["readOnly"] = true
                $0.extra["stopSignal"] = "SIGINT"
            }
            let made = try await inspection(of: try await scene.activate(plain), scene)
            let config = made["Config"]
            let host = made["HostConfig"]
            let environment = Set((config["Env"].array ?? []).compactMap(\.text))
            #expect(environment.isSuperset(of: ["KEY=value", "EMPTY=", "LINES=a\nb=c", "UMLAUT=ä€"]))
            #expect(config["Labels"]["tier"] == "front")
            #expect(config["Labels"]["odd.label"] == "x=y,z")
            #expect(config["Labels"]["io.rancher.container.uuid"].text == plain.uuid)
            #expect(config["Cmd"] == JSON(Scene.obedient))
            #expect(config["Hostname"] == "some-host")
            #expect(config["Domainname"] == "example.org")
            #expect(config["User"] == "1000:1000")
            #expect(config["WorkingDir"] == "/tmp")
            #expect(config["Tty"] == true)
            #expect(config["OpenStdin"] == true)
            #expect(config["StopSignal"] == "SIGINT")
            #expect(host["Memory"] == 100_663_296)
            #expect(host["CpuShares"] == 512)
            #expect(host["ReadonlyRootfs"] == true)
            #expect(host["CapAdd"].encodedText.contains("NET_ADMIN"))
            #expect(host["CapDrop"].encodedText.contains("MKNOD"))
            #expect(host["ExtraHosts"] == ["other:10.9.8.7"])
            #expect(host["Dns"] == ["10.1.2.3"])
            #expect(host["NetworkMode"] == "bridge" || host["NetworkMode"] == "default")
            let ports = made["NetworkSettings"]["Ports"]
            #expect(ports["8080/tcp"][0]["HostPort"].text == String(tcp))
            #expect(ports["53/udp"][0]["HostPort"].text == String(udp))
            #expect((ports["90/tcp"][0]["HostPort"].integer ?? 0) > 1024)
            let mounts = Dictionary(
                (made["Mounts"].array ?? []).map { ($0["Destination"].text ?? "", $0) }, uniquingKeysWith: { $1 })
            #expect(mounts["/named"]?["Name"].text == named)
            #expect(mounts["/anonymous"]?["Type"] == "volume")
            #expect(mounts["/host-tmp"]?["Source"] == "/tmp")
            #expect(mounts["/host-tmp"]?["RW"] == false)
            let anonymous = try #require(mounts["/anonymous"]?["Name"].text)
            try await scene.deactivate(plain)
            try await scene.remove(plain)
            // The volume without a name goes with its container, the other one stays.
            #expect(try await !scene.engine.hasVolume(anonymous))
            #expect(try await scene.engine.hasVolume(named))
        }
    }

    @Test(arguments: Dialect.all) func `no entry point, an empty one and a command are three things`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let id = try await scene.engine.docker("create", Engine.image)
            try await scene.engine.commit(
                id, as: "rancher-entry", changes: [#"ENTRYPOINT ["sleep"]"#, #"CMD ["1800"]"#])
            try await scene.engine.remove(id)

            let inherited = scene.instance("inherited", command: nil) { $0.image = "rancher-entry:latest" }
            let argument = scene.instance("argument", command: ["900"]) { $0.image = "rancher-entry:latest" }
            let none = scene.instance("none", command: ["sleep", "700"]) {
                $0.image = "rancher-entry:latest"
                $0.entryPoint = []
            }
            let own = scene.instance("own", command: ["-c", "sleep 500"]) {
                $0.image = "rancher-entry:latest"
                $0.entryPoint = ["sh"]
            }
            let expected: [(InstanceEvents, String, [String])] = [
                (inherited, "sleep", ["1800"]), (argument, "sleep", ["900"]), (none, "sleep", ["700"]),
                (own, "sh", ["-c", "sleep 500"]),
            ]
            for (instance, path, arguments) in expected {
                let made = try await inspection(of: try await scene.activate(instance), scene)
                #expect(made["Path"].text == path, "\(instance.name)")
                #expect(made["Args"] == JSON(arguments), "\(instance.name)")
            }
        }
    }

    @Test(arguments: Dialect.all)
    func `volumes without a name stay when the server or whoever made the container wants to keep them`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            func volume(of id: String) async throws -> String {
                let mounts = try #require(try await scene.engine.inspect(id))["Mounts"].array ?? []
                return try #require(mounts.first?["Name"].text)
            }
            let kept = scene.instance("kept") {
                $0.labels = ["io.rancher.container.volume_cleanup_strategy": "none"]
                $0.dataVolumes = ["/data"]
            }
            let known = try await scene.activate(kept)
            let volumeOfKept = try await volume(of: known.externalID ?? "")
            try await scene.deactivate(known)
            try await scene.remove(known)
            #expect(try await scene.engine.hasVolume(volumeOfKept))
            try await scene.engine.removeVolume(volumeOfKept)

            // Made by hand, and then removed by way of the server.
            let byHand = try await scene.engine.docker("create", "-v", "/data", Engine.image)
            let volumeByHand = try await volume(of: byHand)
            var native = scene.instance("native")
            native.externalID = byHand
            try await scene.succeed(native.remove())
            #expect(try await scene.engine.inspect(byHand) == nil)
            #expect(try await scene.engine.hasVolume(volumeByHand))
            try await scene.engine.removeVolume(volumeByHand)
        }
    }

    @Test(arguments: Dialect.all) func `each kind of network is the engine's`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect) { scene in
            let bridge = try await scene.activate(scene.instance("bridge"))
            let host = try await scene.activate(scene.instance("host") { $0.networkKind = "host" })
            let none = try await scene.activate(scene.instance("none") { $0.networkKind = "none" })
            let sharing = scene.instance("sharing") {
                $0.shareNetwork(of: bridge)
            }
            let shared = try await scene.activate(sharing)
            #expect(try await inspection(of: host, scene)["HostConfig"]["NetworkMode"] == "host")
            let lonely = try await inspection(of: none, scene)
            #expect(lonely["HostConfig"]["NetworkMode"] == "none")
            #expect(lonely["Config"]["NetworkDisabled"] == true)
            #expect(
                try await inspection(of: shared, scene)["HostConfig"]["NetworkMode"].text
                    == "container:\(bridge.externalID ?? "")")
        }
    }

    private func inspection(of instance: InstanceEvents, _ scene: Scene) async throws -> JSON {
        try #require(try await scene.engine.inspect(instance.externalID ?? ""))
    }
}
