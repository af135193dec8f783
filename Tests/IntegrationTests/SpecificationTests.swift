import DockerEngine
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// What the events of `fixtures/specification` ask for is what `docker inspect` shows, row by row of
/// `fixtures/specification.json`. What newer versions of the API show is told there too (`newer`). A row that cannot be seen here says why in the table (`notInspected`); that its create
/// call is right is tested without an engine.
@Suite(.serialized, .engineDifferences)
struct SpecificationTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fixtures")

    /// An event and its instance, whose container is removed with the play.
    private func event(_ name: String, _ scene: Scene) throws -> (event: JSON, uuid: String) {
        let folder = scene.dialect == .rancher16 ? "specification/b" : "specification"
        let path = Self.fixtures.appending(path: "\(folder)/\(name).json").path
        let event = RancherServer.renewed(try RancherServer.readEvent(path: path))
        let data = event["data"]
        let instance =
            scene.dialect == .rancher16
            ? data["instanceHostMap"]["instance"] : data["deploymentSyncRequest"]["containers"][0]
        let uuid = try #require(instance["uuid"].text)
        _ = scene.instance(name) { $0.uuid = uuid }
        return (event, uuid)
    }

    /// Compares a container with the rows of an event. Values that are different on every host are put into the text
    /// of the expected ones first.
    private func expectRows(
        of event: String, in made: JSON, _ scene: Scene, replacing own: [String: String] = [:]
    ) async throws {
        let letter = scene.dialect == .rancher16 ? "B" : "A"
        let version = try #require(APIVersion(try await Engine.current().identity().apiVersion))
        let table = try JSON(
            parsing: String(contentsOf: Self.fixtures.appending(path: "specification.json"), encoding: .utf8))
        let rows = (table.array ?? []).filter {
            $0["event"].text == event && $0["notInspected"].isNull && $0["dialects"].text?.contains(letter) == true
        }
        try #require(!rows.isEmpty)
        for row in rows {
            let path = try #require(row["path"].text)
            let seen = path.hasPrefix("HostConfig/") ? made.at(path) : made["Config"].at(path)
            var expected = row.object?["inspected"] ?? row["expected"]
            if let newer = APIVersion(row["newer"]["api"].text ?? ""), version >= newer {
                expected = row["newer"]["inspected"]
            }
            for (text, replacement) in own {
                expected = try JSON(parsing: expected.encodedText.replacingOccurrences(of: text, with: replacement))
            }
            #expect(seen.meaning == expected.meaning, "\(row["row"].text ?? "")")
        }
    }

    /// Activates and shows the container that was made.
    private func activate(_ event: JSON, _ uuid: String, _ scene: Scene) async throws -> JSON {
        try await scene.succeed(event)
        let ids = try await scene.engine.ids(of: uuid)
        try #require(ids.count == 1)
        let made = try #require(try await scene.engine.inspect(ids[0]))
        #expect(made["State"]["Running"] == true)
        return made
    }

    @Test(arguments: Dialect.all)
    func `processes, health checks and ports are as they were asked for`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let (event, uuid) = try event("process", scene)
            let made = try await activate(event, uuid, scene)
            try await expectRows(of: "process", in: made, scene)
            #expect(
                made["HostConfig"]["RestartPolicy"]["Name"] != "always", "the server starts containers again itself")
            #expect(made["HostConfig"]["MemorySwappiness"].isNull)
            let ports = made["NetworkSettings"]["Ports"]
            #expect(ports["8080/tcp"] == [["HostIp": "127.0.0.1", "HostPort": "28127"]])
            // Public port 0 is one that the engine has chosen.
            #expect((ports["90/tcp"][0]["HostPort"].integer ?? 0) > 1024)
        }
    }

    @Test(arguments: Dialect.all) func `limits are as they were asked for`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let (event, uuid) = try event("limits", scene)
            let disk = try Self.blockDevice()
            let changed = try JSON(parsing: event.encodedText.replacingOccurrences(of: "/dev/vda", with: disk))
            let made = try await activate(changed, uuid, scene)
            try await expectRows(of: "limits", in: made, scene, replacing: ["/dev/vda": disk])
            // Not the same as not set.
            #expect(made["HostConfig"]["MemorySwappiness"] == 0)
        }
    }

    @Test(arguments: Dialect.all)
    func `what is shared, forbidden and given to a container is as it was asked for`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let (event, uuid) = try event("isolation", scene)
            try await expectRows(of: "isolation", in: activate(event, uuid, scene), scene)
        }
    }

    @Test(arguments: Dialect.all) func `a container may have all rights`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let (event, uuid) = try event("privileged", scene)
            try await expectRows(of: "privileged", in: activate(event, uuid, scene), scene)
        }
    }

    @Test(arguments: Dialect.all)
    func `volumes are where they were asked for, also the engine's own directory`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let other = try await scene.activate(scene.instance("other") { $0.dataVolumes = ["/shared"] })
            let id = try #require(other.externalID)
            let root = try await scene.engine.docker("info", "--format", "{{.DockerRootDir}}")
            try #require(root != "/var/lib/docker")
            let (event, uuid) = try event("volumes", scene)
            let made = try await activate(
                try JSON(parsing: event.encodedText.replacingOccurrences(of: "f00d", with: id)), uuid, scene)
            try await expectRows(of: "volumes", in: made, scene, replacing: ["f00d": id, "/mnt/docker": root])
            let destinations = Set((made["Mounts"].array ?? []).compactMap(\.["Destination"].text))
            #expect(destinations == ["/anonymous", "/data", "/host-tmp", "/shared", "/var/lib/docker", root])
            try await scene.engine.remove(try #require(made["Id"].text))
            try await scene.engine.removeVolume("specification-data")
        }
    }

    @Test(arguments: Dialect.all) func `each kind of network is as it was asked for`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let id = try #require(try await scene.activate(scene.instance("other")).externalID)
            for kind in ["host", "none", "container", "unnamed"] {
                let (event, uuid) = try event("network-\(kind)", scene)
                let frame = event.encodedText.replacingOccurrences(of: "f00d", with: id)
                let made = try await activate(try JSON(parsing: frame), uuid, scene)
                try await expectRows(of: "network-\(kind)", in: made, scene, replacing: ["f00d": id])
                if kind == "none" {
                    let domains = (made["HostConfig"]["DnsSearch"].array ?? []).compactMap(\.text)
                    #expect(domains.suffix(2) == ["web.rancher.internal", "rancher.internal"])
                }
            }
        }
    }

    @Test(arguments: Dialect.all)
    func `a partner for the network that has no container is an error, and nothing is made (defect 40)`(
        dialect: Dialect
    )
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let (event, uuid) = try event("network-container", scene)
            let nobody = try JSON(parsing: event.encodedText.replacingOccurrences(of: "\"f00d\"", with: "null"))
            // 1.6 has a name for what it has not made here.
            let words = dialect == .rancher16 ? "No such container: r-other-90-5bec0900" : "has no container yet"
            #expect(try await scene.fail(nobody).contains(words))
            #expect(try await scene.engine.ids(of: uuid).isEmpty)
        }
    }

    @Test(arguments: Dialect.all)
    func `a container that waits for its network begins with the helper (defect 43)`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            // The helper of this test does not wait: it becomes the real process at once.
            let helper = "printf '#!/bin/sh\\nexec \"$@\"\\n' >/v/r; busybox chmod 755 /v/r"
            try await scene.engine.docker("run", "--rm", "-v", "rancher-cni:/v", Engine.image, "sh", "-c", helper)
            let (event, uuid) = try event("network-cni", scene)
            // What is said of the address is not looked at here.
            try #require(scene.server.send(event: event))
            let made = try await running(uuid, scene)
            try await expectRows(of: "network-cni", in: made, scene)
            let domains = (made["HostConfig"]["DnsSearch"].array ?? []).compactMap(\.text)
            #expect(domains.prefix(2) == ["web.rancher.internal", "rancher.internal"])
            let mounts = (made["Mounts"].array ?? []).filter { $0["Destination"] == "/.r" }
            #expect(mounts.map(\.["Name"]) == ["rancher-cni"])
            #expect(mounts.map(\.["RW"]) == [false])
            try await scene.engine.remove(try #require(made["Id"].text))
            try await scene.engine.removeVolume("rancher-cni")
        }
    }

    @Test(arguments: Dialect.only(.ownColumns))
    func `what only 1.6 asks for is as it was asked for`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect) { scene in
            var (event, uuid) = try event("managed", scene)
            // Not every kernel has the one, and the other needs a container of another kind.
            for field in ["cpuRealtimePeriod", "cpuRealtimeRuntime", "cgroup"] {
                event = try JSON(
                    parsing: event.encodedText.replacingOccurrences(of: "\"\(field)\":", with: "\"no_\(field)\":"))
            }
            let made = try await activate(event, uuid, scene)
            try await expectRows(of: "managed", in: made, scene)
            let bridge = made["NetworkSettings"]["Networks"]["bridge"]
            #expect(bridge["MacAddress"] == "02:00:00:00:00:02")

            let target = "5bec0900-0000-4000-8000-000000000000"
            _ = scene.instance("target") { $0.uuid = target }
            let label = "io.rancher.container.uuid=\(target)"
            try await scene.engine.docker("run", "-d", "--name", target, "--label", label, Engine.image, "sleep", "60")
            let native = try self.event("native", scene)
            let linked = try await activate(native.event, native.uuid, scene)
            let links = (linked["HostConfig"]["Links"].array ?? []).compactMap(\.text)
            #expect(links.count == 1)
            #expect(links.first?.hasPrefix("/\(target):/") == true && links.first?.hasSuffix("/db") == true, "\(links)")
            // The host's network has no place for links.
            let onHost = try self.event("native-host", scene)
            let alone = try await activate(onHost.event, onHost.uuid, scene)
            try await expectRows(of: "native-host", in: alone, scene)
        }
    }

    /// Waits until the container of an instance runs, and shows it.
    private func running(_ uuid: String, _ scene: Scene) async throws -> JSON {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            if let id = try await scene.engine.ids(of: uuid).first, let made = try await scene.engine.inspect(id),
                made["State"]["Running"] == true
            {
                return made
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw HarnessError("the container of \(uuid) does not run")
    }

    /// A device whose speed the engine can be asked to limit.
    private static func blockDevice() throws -> String {
        let disks = try FileManager.default.contentsOfDirectory(atPath: "/sys/block").sorted()
        let known = disks.map { "/dev/\($0)" }.filter { FileManager.default.fileExists(atPath: $0) }
        return try #require(known.first { !$0.hasPrefix("/dev/loop") } ?? known.first)
    }
}

extension JSON {
    /// The value at a path of members.
    fileprivate func at(_ path: String) -> JSON { path.split(separator: "/").reduce(self) { $0[String($1)] } }

    /// What it means to the engine: objects in the order of their keys, and the same for everything that is not set.
    fileprivate var meaning: JSON {
        switch self {
        case .null, .bool(false), .number("0"), .string(""): .null
        case .bool, .number, .string: self
        case .array(let elements): elements.isEmpty ? .null : .array(elements.map(\.exactly))
        case .object(let object): object.isEmpty ? .null : exactly
        }
    }

    private var exactly: JSON {
        switch self {
        case .null, .bool, .number, .string: self
        case .array(let elements): .array(elements.map(\.exactly))
        case .object(let object):
            .object(JSONObject(object.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: $0.value.exactly) }))
        }
    }
}
