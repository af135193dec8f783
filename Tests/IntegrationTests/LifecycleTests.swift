import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// The life of instances, from the server's event to the engine and back.
@Suite(.serialized, .engineDifferences)
struct LifecycleTests {
    @Test func `an instance lives its whole life, answered in the server's terms`() async throws {
        try await Scene.play { scene in
            let volume = scene.volume("life")
            let new = scene.instance("life") {
                $0.dataVolumes = ["\(volume):/data"]
                $0.volumes = [.init(name: volume)]
                $0.memoryBytes = 64 << 20
            }
            let activate = new.activate()
            let reply = try await scene.succeed(activate)
            try expectShape(of: reply, to: activate)
            let status = reply.instanceStatus
            #expect(status["instanceUuid"].text == new.uuid)
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
            try expectShape(of: stopped, to: deactivate)
            #expect(stopped.instanceStatus["externalId"].text == id)
            #expect(stopped.instanceStatus["dockerInspect"]["State"]["Running"] == false)
            #expect(stopped.instanceStatus["primaryIpAddress"].isNull)
            try await scene.confirm(known, runs: false)

            // The same container again.
            #expect(try await scene.activate(known).externalID == id)
            try await scene.deactivate(known)

            let remove = known.remove()
            let removed = try await scene.succeed(remove)
            #expect(removed.data.isNull)
            #expect(removed.message["name"] == remove["replyTo"])
            try await scene.confirmGone(known)
            #expect(try await scene.engine.hasVolume(volume))

            try await scene.succeed(RancherServer.volumeRemove(name: volume))
            #expect(try await !scene.engine.hasVolume(volume))
            // Whatever is gone already is removed.
            try await scene.succeed(known.remove())
            try await scene.succeed(RancherServer.volumeRemove(name: volume))
        }
    }

    /// PROTOCOL 4.2, 5.1.1.
    private func expectShape(of reply: Published, to event: JSON) throws {
        let message = reply.message
        let keys = Set(try #require(message.object).keys)
        #expect(keys.isSuperset(of: ["id", "name", "previousIds", "resourceId", "resourceType", "data", "time"]))
        #expect(!keys.contains("transitioning"))
        #expect(message["name"] == event["replyTo"])
        #expect(message["previousIds"] == [event["id"]])
        #expect(message["resourceId"] == event["resourceId"])
        #expect(message["resourceType"] == "instance")
        let statuses = try #require(reply.data["deploymentSyncResponse"]["instanceStatus"].array)
        #expect(statuses.count == 1)
    }

    @Test func `numbers beyond 53 bits reach the server digit by digit (defect 46)`() async throws {
        try await Scene.play { scene in
            let big = "9007199254740993"
            let instance = scene.instance("big") { $0.extra["memory"] = .number(big) }
            let reply = try await scene.succeed(instance.activate())
            #expect(reply.instanceStatus["dockerInspect"]["HostConfig"]["Memory"] == .number(big))
        }
    }

    @Test func `pings tell of host, pool, address and every container, also one that never ran`() async throws {
        try await Scene.play { scene in
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
                let reply = try await scene.server.ask(RancherServer.ping(resources: true, instances: true))
                return Set(expected).isSubset(of: instances(in: reply)) ? reply : nil
            }
            #expect(reply.data["options"]["instances"] == true)
            #expect(reply.data["hashKey"].text != nil)
            let resources = try #require(reply.data["resources"].array)
            #expect(resources.prefix(3).map(\.["type"].text) == ["host", "storagePool", "ipAddress"])
            let host = resources[0]
            #expect(host["kind"] == "docker")
            #expect(host["hostname"].nonEmptyText != nil)
            #expect(host["labels"]["io.rancher.host.docker_version"].nonEmptyText != nil)
            #expect(resources[1]["name"].text == "\(host["hostname"].text ?? "") Storage Pool")
            #expect(resources[2]["uuid"] == "127.0.0.1")
            let all = Set(try await scene.engine.containers().compactMap(\.["Id"].text))
            #expect(Set(resources.dropFirst(3).compactMap(\.["externalId"].text)) == all)

            let empty = try await scene.server.ask(RancherServer.ping())
            #expect(empty.data == ["resources": [], "options": [:], "hashKey": ""])
            // What is gone is missing from the next list.
            try await scene.remove(stopped)
            try await untilTrue("a ping without the removed container") {
                let reply = try await scene.server.ask(RancherServer.ping(instances: true))
                return !reply.data.encodedText.contains(stopped.externalID ?? "?")
            }
        }
    }

    private func instances(in reply: Published) -> Set<String> {
        let all = (reply.data["resources"].array ?? []).filter { $0["type"] == "instance" }
        return Set(all.map { "\($0["externalId"].text ?? "") \($0["state"].text ?? "")" })
    }

    @Test func `a container is inspected by its id and by its name`() async throws {
        try await Scene.play { scene in
            let known = try await scene.activate(scene.instance("inspected"))
            let id = try #require(known.externalID)
            let byID = try await scene.succeed(RancherServer.instanceInspect(id: id))
            let byName = try await scene.succeed(RancherServer.instanceInspect(name: known.dockerName))
            let byNameAfterAll = try await scene.succeed(
                RancherServer.instanceInspect(id: "feedfacefeedface", name: known.dockerName))
            for reply in [byID, byName, byNameAfterAll] { #expect(reply.data["instanceInspect"]["Id"].text == id) }
            let nothing = try await scene.succeed(RancherServer.instanceInspect(id: "feedface", name: "nobody"))
            #expect(nothing.data["instanceInspect"]["Id"].isNull)
            #expect(nothing.data["instanceInspect"].object != nil)
            // The beginning of a name is not the name.
            let half = try await scene.succeed(RancherServer.instanceInspect(name: String(known.dockerName.dropLast())))
            #expect(half.data["instanceInspect"]["Id"].isNull)
        }
    }

    @Test func `an event without an operation only reports`() async throws {
        try await Scene.play { scene in
            let known = try await scene.activate(scene.instance("noop"))
            try await scene.deactivate(known)
            let reply = try await scene.succeed(known.activate(isNoOp: true))
            #expect(reply.instanceStatus["externalId"].text == known.externalID)
            #expect(reply.instanceStatus["dockerInspect"]["State"]["Running"] == false)
            try await scene.confirm(known, runs: false)
            let unknown = scene.instance("noop-new")
            let nothing = try await scene.succeed(unknown.activate(isNoOp: true))
            #expect(nothing.instanceStatus == ["instanceUuid": .string(unknown.uuid)])
            try await scene.confirmGone(unknown)
        }
    }

    @Test func `a container that was deleted by hand is reported as such and not made anew`() async throws {
        try await Scene.play { scene in
            let known = try await scene.activate(scene.instance("deleted"))
            let id = try #require(known.externalID)
            try await scene.engine.remove(id)
            let failure = try await scene.fail(known.activate())
            #expect(failure == "Container \(id) has been deleted from the host")
            try await scene.confirmGone(known)
            // To stop and to remove it is no trouble.
            let stopped = try await scene.succeed(known.deactivate())
            #expect(stopped.instanceStatus == ["instanceUuid": .string(known.uuid)])
            try await scene.succeed(known.remove())
        }
    }

    @Test func `a container of this name is adopted if it is the instance's, and an error otherwise`() async throws {
        try await Scene.play { scene in
            let ours = scene.instance("ours")
            let id = try await scene.engine.docker(
                "create", "--name", ours.dockerName, "--label", "\(Engine.label)=\(ours.uuid)", Engine.image)
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

    @Test func `what cannot be started is taken away again, and nothing else`() async throws {
        try await Scene.play { scene in
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

    @Test func `a container that ends at once was started all the same, and once`() async throws {
        try await Scene.play { scene in
            let brief = scene.instance("brief", command: ["true"])
            let reply = try await scene.succeed(brief.activate())
            let id = try #require(reply.instanceStatus["externalId"].nonEmptyText)
            // The engine may notice the end a moment later.
            try await untilTrue("the end of the container") { try await scene.engine.state(id) != "running" }
            try await scene.confirm(brief.learned(from: reply), runs: false)
        }
    }
}
