import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// The life of instances, from the server's event to the engine and back.
@Suite(.serialized, .engineDifferences)
struct LifecycleTests {
    @Test(arguments: Dialect.all) func `an instance lives its whole life, answered in the server's terms`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let volume = scene.volume("life")
            let new = scene.instance("life") {
                $0.dataVolumes = ["\(volume):/data"]
                $0.volumes = [.init(name: volume)]
                $0.memoryBytes = 64 << 20
            }
            let activate = new.activate()
            let reply = try await scene.succeed(activate)
            try expectShape(of: reply, to: activate, about: new)
            let status = reply.instanceStatus
            let id = try #require(status["externalId"].text)
            let inspection = try #require(try await scene.engine.inspect(id))
            // As the engine said it: every member, in its order, with its digits.
            #expect(status["dockerInspect"] == inspection)
            #expect(status["dockerInspect"]["HostConfig"]["Memory"] == .number("67108864"))
            #expect(status["primaryIpAddress"].text == inspection["NetworkSettings"]["IPAddress"].text)
            #expect(status["primaryIpAddress"].nonEmptyText != nil)
            #expect(inspection["Config"]["Labels"][Engine.label].text == new.uuid)
            #expect(inspection["Name"].text == "/" + new.dockerName)
            let known = new.learned(from: reply)
            try await scene.confirm(known, runs: true)

            let deactivate = known.deactivate(timeoutSeconds: 1)
            let stopped = try await scene.succeed(deactivate)
            try expectShape(of: stopped, to: deactivate, about: new)
            #expect(stopped.instanceStatus["externalId"].text == id)
            #expect(stopped.instanceStatus["dockerInspect"]["State"]["Running"] == false)
            #expect(stopped.instanceStatus["primaryIpAddress"].isNull)
            try await scene.confirm(known, runs: false)

            // The same container again.
            #expect(try await scene.activate(known).externalID == id)
            try await scene.deactivate(known)

            let remove = known.remove()
            let removed = try await scene.succeed(remove)
            switch dialect {
            case .rancher20: #expect(removed.data.isNull)
            case .rancher16: try scene.confirmNothingShown(removed, of: known)
            }
            #expect(removed.message["name"] == remove["replyTo"])
            try await scene.confirmGone(known)
            #expect(try await scene.engine.hasVolume(volume))

            try await scene.succeed(scene.dialect.volumeRemove(name: volume))
            #expect(try await !scene.engine.hasVolume(volume))
            // Whatever is gone already is removed.
            try await scene.succeed(known.remove())
            try await scene.succeed(scene.dialect.volumeRemove(name: volume))
        }
    }

    /// PROTOCOL 4.2, 5.1.1, 5.2.1.
    private func expectShape(of reply: Published, to event: JSON, about instance: InstanceEvents) throws {
        let message = reply.message
        let keys = Set(try #require(message.object).keys)
        #expect(keys.isSuperset(of: ["id", "name", "previousIds", "resourceId", "resourceType", "data", "time"]))
        #expect(!keys.contains("transitioning"))
        #expect(message["name"] == event["replyTo"])
        #expect(message["previousIds"] == [event["id"]])
        #expect(message["resourceId"] == event["resourceId"])
        #expect(message["resourceType"].text == instance.resourceType)
        switch instance.dialect {
        case .rancher20:
            let statuses = try #require(reply.data["deploymentSyncResponse"]["instanceStatus"].array)
            #expect(statuses.count == 1)
            #expect(statuses[0]["instanceUuid"].text == instance.uuid)
        case .rancher16:
            #expect(reply.data.object?.keys == ["instanceHostMap"])
            let data = reply.mappedInstance["+data"]
            #expect(data["dockerContainer"]["Id"] == reply.mappedInstance["externalId"])
            #expect(data["dockerMounts"] == data["dockerInspect"]["Mounts"])
            #expect(data["+fields"]["dockerHostIp"] == "127.0.0.1")
            #expect(data["+fields"]["dockerPorts"] == [])
        }
    }

    @Test(arguments: Dialect.all) func `numbers beyond 53 bits reach the server digit by digit (defect 46)`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let big = "9007199254740993"
            let instance = scene.instance("big") { $0.extra["memory"] = .number(big) }
            let reply = try await scene.succeed(instance.activate())
            #expect(reply.instanceStatus["dockerInspect"]["HostConfig"]["Memory"] == .number(big))
        }
    }

    @Test(arguments: Dialect.all) func `pings tell of host, pool, address and every container, also one that never ran`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let running = try await scene.activate(scene.instance("pinged"))
            let stopped = try await scene.activate(scene.instance("pinged-too"))
            try await scene.deactivate(stopped)
            let created = scene.instance("created")
            let createdID = try await scene.engine.docker(
                "create", "--name", created.dockerName, "--label", "\(Engine.label)=\(created.uuid)", Engine.image)

            let expected = [
                "\(running.externalID ?? "") running", "\(stopped.externalID ?? "") stopped", "\(createdID) stopped",
            ]
            let reply = try await eventually("a ping with all containers") {
                let reply = try await scene.server.ask(scene.dialect.ping(resources: true, instances: true))
                return Set(expected).isSubset(of: instances(in: reply)) ? reply : nil
            }
            #expect(reply.data["options"]["instances"] == true)
            try scene.confirmUse(of: reply)
            let listed = try #require(reply.data["resources"].array)
            let types = ["host", "storagePool", "ipAddress"]
            #expect(
                listed.prefix { $0["type"] != "instance" }.compactMap(\.["type"].text)
                    == (dialect == .rancher20 ? types : ["physicalHost"] + types + ["hostUuid"]))
            let resources = listed.filter { !["physicalHost", "hostUuid"].contains($0["type"].text) }
            let host = resources[0]
            #expect(host["kind"] == "docker")
            #expect(host["hostname"].nonEmptyText != nil)
            #expect(host["labels"]["io.rancher.host.docker_version"].nonEmptyText != nil)
            #expect(resources[1]["name"].text == "\(host["hostname"].text ?? "") Storage Pool")
            #expect(resources[2]["uuid"] == "127.0.0.1")
            let all = Set(try await scene.engine.containers().compactMap(\.["Id"].text))
            #expect(Set(reply.pingedInstances.keys) == all)

            let empty = try await scene.server.ask(scene.dialect.ping())
            switch dialect {
            case .rancher20: #expect(empty.data == ["resources": [], "options": [:], "hashKey": ""])
            case .rancher16: #expect(empty.data == ["options": [:]])
            }
            // What is gone is missing from the next list.
            try await scene.remove(stopped)
            try await untilTrue("a ping without the removed container") {
                let reply = try await scene.server.ask(scene.dialect.ping(instances: true))
                return !reply.data.encodedText.contains(stopped.externalID ?? "?")
            }
        }
    }

    private func instances(in reply: Published) -> Set<String> {
        Set(reply.pingedInstances.map { "\($0.key) \($0.value)" })
    }

    /// What an agent of the dialect labels a container with.
    private func label(in dialect: Dialect) -> String {
        switch dialect {
        case .rancher20: Engine.label
        case .rancher16: Engine.olderLabel
        }
    }

    @Test(arguments: Dialect.all) func `a container is inspected by its id and by its name`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let known = try await scene.activate(scene.instance("inspected"))
            let id = try #require(known.externalID)
            let byID = try await scene.succeed(scene.dialect.instanceInspect(id: id))
            let byName = try await scene.succeed(scene.dialect.instanceInspect(name: known.dockerName))
            let byNameAfterAll = try await scene.succeed(
                scene.dialect.instanceInspect(id: "feedfacefeedface", name: known.dockerName))
            for reply in [byID, byName, byNameAfterAll] { #expect(reply.data["instanceInspect"]["Id"].text == id) }
            let nothing = try await scene.succeed(scene.dialect.instanceInspect(id: "feedface", name: "nobody"))
            #expect(nothing.data["instanceInspect"]["Id"].isNull)
            #expect(nothing.data["instanceInspect"].object != nil)
            // The beginning of a name is not the name.
            let half = try await scene.succeed(scene.dialect.instanceInspect(name: String(known.dockerName.dropLast())))
            #expect(half.data["instanceInspect"]["Id"].isNull)
        }
    }

    @Test(arguments: Dialect.all) func `an event without an operation only reports`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect) { scene in
            let known = try await scene.activate(scene.instance("noop"))
            try await scene.deactivate(known)
            let reply = try await scene.succeed(known.activate(isNoOp: true))
            #expect(reply.instanceStatus["externalId"].text == known.externalID)
            #expect(reply.instanceStatus["dockerInspect"]["State"]["Running"] == false)
            try await scene.confirm(known, runs: false)
            let unknown = scene.instance("noop-new")
            let nothing = try await scene.succeed(unknown.activate(isNoOp: true))
            try scene.confirmNothingShown(nothing, of: unknown)
            try await scene.confirmGone(unknown)
        }
    }

    @Test(arguments: Dialect.all)
    func `a container that was deleted by hand is reported as such, or made anew as 1.6 has it`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let known = try await scene.activate(scene.instance("deleted"))
            let id = try #require(known.externalID)
            try await scene.engine.remove(id)
            if dialect == .rancher16 {
                // A server of 1.6 starts what it has, and lets it be made anew.
                let again = scene.instance("deleted", uuid: known.uuid) { $0.externalID = id }
                let remade = again.learned(from: try await scene.succeed(again.activate()))
                #expect(remade.externalID != id)
                try await scene.confirm(remade, runs: true)
                try await scene.remove(remade)
                return
            }
            let failure = try await scene.fail(known.activate())
            #expect(failure == "Container \(id) has been deleted from the host")
            try await scene.confirmGone(known)
            // To stop and to remove it is no trouble.
            let stopped = try await scene.succeed(known.deactivate())
            try scene.confirmNothingShown(stopped, of: known)
            try await scene.succeed(known.remove())
        }
    }

    @Test(arguments: Dialect.all)
    func `a container of this name is adopted if it is the instance's, and an error otherwise`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let ours = scene.instance("ours")
            let id = try await scene.engine.docker(
                "create", "--name", ours.dockerName, "--label", "\(label(in: dialect))=\(ours.uuid)", Engine.image)
            #expect(try await scene.activate(ours).externalID == id)

            let foreign = scene.instance("foreign")
            let foreignID = try await scene.engine.docker("create", "--name", foreign.dockerName, Engine.image)
            let failure = try await scene.fail(foreign.activate())
            #expect(failure.contains(foreign.dockerName))
            #expect(try await scene.engine.state(foreignID) == "created")
            try await scene.confirmGone(foreign)
            try await scene.engine.remove(foreignID)
        }
    }

    @Test(arguments: Dialect.all) func `what cannot be started is taken away again, and nothing else`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let bad = scene.instance("bad", command: ["/no/such/program"])
            #expect(try await scene.fail(bad.activate()).contains("/no/such/program"))
            try await scene.confirmGone(bad)

            let port = try freePort()
            let first = try await scene.activate(
                scene.instance("port") {
                    $0.ports = [.init(privatePort: 80, publicPort: port, bindAddress: "127.0.0.1")]
                })
            let second = scene.instance("port-too") {
                $0.ports = [.init(privatePort: 80, publicPort: port, bindAddress: "127.0.0.1")]
            }
            #expect(try await scene.fail(second.activate()).contains("\(port)"))
            try await scene.confirmGone(second)
            try await scene.confirm(first, runs: true)

            // The same port for a container that was there before: it cannot start, and stays.
            let oldID = try await scene.engine.docker(
                "create", "--name", second.dockerName, "--label", "\(Engine.label)=\(second.uuid)", "-p",
                "127.0.0.1:\(port):80", Engine.image)
            #expect(try await scene.fail(second.activate()).contains("\(port)"))
            #expect(try await scene.engine.ids(of: second.uuid) == [oldID])
            // And as soon as the port is free, it starts.
            try await scene.deactivate(first)
            #expect(try await scene.activate(second).externalID == oldID)
        }
    }

    @Test(arguments: Dialect.all) func `a container that ends at once was started all the same, and once`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let brief = scene.instance("brief", command: ["true"])
            let reply = try await scene.succeed(brief.activate())
            let id = try #require(reply.instanceStatus["externalId"].nonEmptyText)
            // The engine may notice the end a moment later.
            try await untilTrue("the end of the container") { try await scene.engine.state(id) != "running" }
            try await scene.confirm(brief.learned(from: reply), runs: false)
        }
    }
}
