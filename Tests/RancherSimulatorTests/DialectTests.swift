import Foundation
import LosslessJSON
import NIOHTTP1
import Testing

@testable import RancherSimulator

/// What a server of Rancher 1.6 says, and what it makes of what it is told.
@Suite(.timeLimit(.minutes(1)))
struct DialectTests {
    typealias Dialect = RancherServer.Dialect

    private static func instance(_ change: (inout InstanceEvents) -> Void = { _ in }) -> InstanceEvents {
        var instance = EventTests.demo
        instance.dialect = .rancher16
        change(&instance)
        return instance
    }

    /// A row: a member of the event by its way, and its value as JSON text.
    private func expect(_ event: JSON, _ rows: [(way: String, value: String)]) throws {
        for (way, value) in rows {
            let found = way.split(separator: ".").reduce(event) { json, key in
                Int(key).map { json[$0] } ?? json[String(key)]
            }
            #expect(try found == JSON(parsing: value), "\(way)")
        }
    }

    // MARK: Events

    @Test func `an instance is described by a map with nested objects`() throws {
        let instance = Self.instance {
            $0.ports = [
                .init(privatePort: 80, publicPort: 8080, bindAddress: "127.0.0.1"),
                .init(privatePort: 53, publicPort: 0),
            ]
            $0.memoryBytes = 1 << 20
            $0.milliCPUReservation = 500
            $0.credential = .init(
                publicValue: "bob", secretValue: "s3cret", serverAddress: "r.example", email: "bob@r.example")
            $0.extra["hostname"] = "h"
            $0.extra["memoryReservation"] = 7
            $0.extra["cpuSetCpu"] = "0,1"
            $0.extra["tty"] = true
        }
        let event = instance.activate(isNoOp: true)
        #expect(event["resourceId"].text == "1ihm\(Identity.number(of: "1i20"))")
        try expect(
            event,
            [
                ("name", #""compute.instance.activate""#), ("resourceType", #""instanceHostMap""#),
                ("timeoutMillis", "45000"), ("context", "{}"), ("data.processData.containerNoOpEvent", "true"),
                ("data.deploymentSyncRequest", "null"), ("data.instanceHostMap.hostId", "5"),
                ("data.instanceHostMap.host.kind", #""docker""#),
            ])
        let keys = event.object?.keys ?? []
        #expect(!keys.contains("previousId") && keys.contains("transitioningProgress"))
        #expect(Set(keys).count == keys.count)
        let map = event["data"]["instanceHostMap"]
        #expect(map["instanceId"] == map["instance"]["id"] && map["instanceId"].integer != nil)
        try expect(
            map["instance"],
            [
                ("uuid", #""85db87bf-cb14-4643-9e7d-a13e3e77a991""#), ("name", #""demo""#), ("externalId", "null"),
                ("hostname", #""h""#), ("memoryReservation", "7"), ("milliCpuReservation", "500"),
                ("image.name", #""rancher-demo:latest""#), ("image.registryCredential.publicValue", #""bob""#),
                ("image.registryCredential.data.fields.email", #""bob@r.example""#),
                ("nics.0.deviceNumber", "0"), ("nics.0.network.kind", #""dockerBridge""#),
                ("ports.0.privatePort", "80"), ("ports.0.publicPort", "8080"), ("ports.0.protocol", #""tcp""#),
                ("ports.0.data.fields.bindAddress", #""127.0.0.1""#), ("ports.1.publicPort", "null"),
                ("volumesFromDataVolumeMounts.0.name", #""demo-data""#),
                ("volumesFromDataVolumeMounts.0.deviceNumber", "-1"),
                ("volumesFromDataVolumeMounts.0.data.fields.driver", #""local""#),
                ("data.fields.imageUuid", #""docker:rancher-demo:latest""#),
                ("data.fields.command", #"["sleep","3600"]"#), ("data.fields.entryPoint", "null"),
                ("data.fields.memory", "1048576"), ("data.fields.cpuSet", #""0,1""#), ("data.fields.tty", "true"),
                ("data.fields.dataVolumes", #"["demo-data:/data"]"#), ("data.fields.hostname", "null"),
            ])
        let fields = map["instance"]["data"]["fields"].object?.keys ?? []
        #expect(fields.contains("capAdd") && !fields.contains("hostname") && !fields.contains("cpuSetCpu"))
        #expect(Set(fields).count == fields.count)
    }

    @Test func `kinds of networks have names of their own, and partners are nested`() {
        let kinds = [
            "host": "dockerHost", "none": "dockerNone", "cni": "cni", "dockerBridge": "dockerBridge",
        ]
        for (kind, name) in kinds {
            let map = Self.instance { $0.networkKind = kind }.hostMap()
            #expect(map["instance"]["nics"][0]["network"]["kind"].text == name)
        }
        #expect(Self.instance { $0.networkKind = "" }.hostMap()["instance"]["nics"] == [])
        let other = Self.instance {
            $0.uuid = "0d"
            $0.externalID = "f00d"
        }
        let sharing = Self.instance {
            $0.shareNetwork(of: other)
            $0.volumesFrom = [other]
        }
        let told = sharing.hostMap()["instance"]
        #expect(told["nics"][0]["network"]["kind"] == "dockerContainer")
        for nested in [told["networkContainer"], told["dataVolumesFromContainers"][0]] {
            #expect(nested["uuid"] == "0d" && nested["externalId"] == "f00d" && nested["name"] == "demo")
        }
        // The same in the other dialect.
        var synced = sharing
        synced.dialect = .rancher20
        let request = synced.request()
        #expect(request["containers"][0]["networkContainerId"] == request["containers"][1]["id"])
        #expect(request["containers"][0]["dataVolumesFrom"] == [request["containers"][1]["id"]])
        #expect(request["containers"][1]["externalId"] == "f00d")
    }

    @Test func `volumes, images, stops and configurations have events of their own`() throws {
        let volume = InstanceEvents.Volume(
            name: "data", driverOpts: ["size": "1"], uri: "file:///srv", isHostPath: true)
        let number = Identity.number(of: "1v3")
        for (event, name) in [
            (Dialect.volumeActivate(volume), "storage.volume.activate"),
            (Dialect.rancher16.remove(volume), "storage.volume.remove"),
        ] {
            #expect(event["name"].text == name)
            #expect(event["resourceId"].text == "1vspm\(number)")
            try expect(
                event,
                [
                    ("resourceType", #""volumeStoragePoolMap""#),
                    ("data.volumeStoragePoolMap.volume.name", #""data""#),
                    ("data.volumeStoragePoolMap.volume.uri", #""file:///srv""#),
                    ("data.volumeStoragePoolMap.volume.data.fields.driverOpts.size", #""1""#),
                    ("data.volumeStoragePoolMap.volume.data.fields.isHostPath", "true"),
                    ("data.volumeStoragePoolMap.storagePool.kind", #""docker""#),
                ])
        }
        let root = Dialect.rancher16.remove(.init(rootOf: Self.instance()))["data"]["volumeStoragePoolMap"]["volume"]
        #expect(root["deviceNumber"] == 0 && root["name"].isNull)
        #expect(root["instance"]["uuid"].text == Self.instance().uuid)

        try expect(
            Dialect.imageActivate("r.example/app:1", isNoOp: true),
            [
                ("resourceType", #""imageStoragePoolMap""#),
                ("data.imageStoragePoolMap.image.name", #""r.example/app:1""#),
                ("data.processData.containerNoOpEvent", "true"),
            ])
        let stop = Dialect.instanceForceStop(id: "9b41")
        try expect(
            stop,
            [
                ("name", #""compute.instance.force.stop""#), ("replyTo", "null"), ("resourceId", "null"),
                ("data.instanceForceStop", #"{"id":"9b41","kind":"docker"}"#),
            ])
        #expect(Dialect.instanceForceStop(id: "9b41", wantsAnswer: true)["replyTo"].nonEmptyText != nil)
        try expect(
            Dialect.configUpdate(items: ["a", "b"]),
            [("name", #""config.update""#), ("data.items.0.name", #""a""#), ("data.items.1.name", #""b""#)])
        // The other dialect has another one for volumes.
        #expect(Dialect.rancher20.remove(volume)["data"]["volume"]["driverOpts"]["size"] == "1")
        #expect(Set(Dialect.rancher16.eventNames).subtracting(Dialect.rancher20.eventNames).count == 4)
    }

    // MARK: What is learned

    @Test func `a plus merges a map into the one that is there, and anything else replaces it`() throws {
        func object(_ text: String) throws -> JSONObject { try #require(try JSON(parsing: text).object) }
        let before = try object(#"{"a":1,"data":{"x":1,"fields":{"p":1,"q":{"r":1}}},"plain":{"x":1}}"#)
        let update = try object(
            #"{"a":2,"+data":{"y":2,"+fields":{"p":2,"q":{"s":2}}},"plain":{"y":2},"+new":{"z":1},"+text":"t"}"#)
        let after = JSON.object(before.merging(update))
        #expect(
            try after
                == JSON(
                    parsing: """
                        {"a":2,"data":{"x":1,"fields":{"p":2,"q":{"s":2}},"y":2},"plain":{"y":2},"new":{"z":1},\
                        "+text":"t"}
                        """))
    }

    private static let found = #"""
        {"externalId":"9b41","+data":{
          "dockerContainer":{"Id":"9b41"},
          "dockerInspect":{"Id":"9b41","State":{"Running":true},"Mounts":[{"RW":true}]},"dockerMounts":[{"RW":true}],
          "+fields":{"dockerHostIp":"192.0.2.1","dockerPorts":["0.0.0.0:8080:80/tcp","1.2.3.4::53/udp","90/tcp"],
            "dockerIp":"172.17.0.2"}}}
        """#
    private static let nothing = #"""
        {"externalId":"","+data":{"dockerContainer":null,"dockerInspect":null,
          "+fields":{"dockerHostIp":"192.0.2.1","dockerPorts":null,"dockerIp":null}}}
        """#

    private static func answer(to event: JSON, _ data: String) throws -> Published {
        Published(
            sequence: 1, arrival: .now, arrivalMilliseconds: 42, accessKey: "A",
            message: [
                "name": event["replyTo"], "previousIds": [event["id"]], "resourceId": event["resourceId"],
                "resourceType": event["resourceType"], "data": try JSON(parsing: data),
            ])
    }

    @Test func `an instance learns its Docker id and its data from an answer, and says so from then on`() throws {
        let event = Self.instance().activate()
        let answer = try Self.answer(to: event, #"{"instanceHostMap":{"instance":\#(Self.found)}}"#)
        #expect(answer.instanceStatus["externalId"] == "9b41")
        #expect(answer.instanceStatus["primaryIpAddress"] == "172.17.0.2")
        #expect(answer.showsContainer)
        let known = Self.instance().learned(from: answer)
        #expect(known.externalID == "9b41" && known.firstRunning == 42)
        let told = known.deactivate(timeoutSeconds: 30)
        try expect(
            told["data"],
            [
                ("processData.timeout", "30"), ("instanceHostMap.instance.externalId", #""9b41""#),
                ("instanceHostMap.instance.data.dockerInspect.Id", #""9b41""#),
                ("instanceHostMap.instance.data.fields.dockerIp", #""172.17.0.2""#),
                ("instanceHostMap.instance.data.fields.imageUuid", #""docker:rancher-demo:latest""#),
            ])
        // What is gone is learned too.
        let gone = try Self.answer(to: told, #"{"instanceHostMap":{"instance":\#(Self.nothing)}}"#)
        #expect(!gone.showsContainer)
        let after = known.learned(from: gone)
        #expect(after.externalID == "9b41")
        #expect(after.hostMap()["instance"]["data"]["dockerInspect"].isNull)
        #expect(after.hostMap()["instance"]["data"]["fields"]["dockerIp"].isNull)
        // Under another type the server finds nothing.
        let lost = try Self.answer(to: event, #"{"instance":{"instance":\#(Self.found)}}"#)
        #expect(Self.instance().learned(from: lost).externalID == nil)
    }

    // MARK: What the server cannot use

    private func objections(to event: JSON, _ data: String, in dialect: Dialect = .rancher16) throws -> [String] {
        let asked = try #require(Asked(event))
        return AnswerCheck(event: asked, answer: try Self.answer(to: event, data), dialect: dialect).objections
    }

    @Test func `answers about instances are as the server needs them`() throws {
        let activate = Self.instance().activate()
        let remove = Self.instance().remove()
        func check(_ event: JSON, _ instance: String) throws -> [String] {
            try objections(to: event, #"{"instanceHostMap":{"instance":\#(instance)}}"#)
        }
        for event in [activate, remove] {
            #expect(try check(event, Self.found) == [])
            #expect(try check(event, Self.nothing) == [])
        }
        #expect(try objections(to: remove, "null") == [])
        #expect(try objections(to: activate, "null") != [])
        let spoilt = [
            (#""dockerHostIp":"192.0.2.1","#, "", "dockerHostIp"), (#""+fields""#, #""fields""#, "+fields"),
            (#""+data""#, #""data""#, "+data"), (#""dockerContainer":{"Id":"9b41"},"#, "", "dockerContainer"),
            (#""0.0.0.0:8080:80/tcp""#, #""80""#, "dockerPorts"), (#""172.17.0.2""#, "null", "dockerIp"),
            (#""RW":true}]},"#, #""RW":"yes"}]},"#, "Mounts"),
            (#"{"externalId":"9b41""#, #"{"externalId":"other""#, "externalId"),
        ]
        for (text, replacement, word) in spoilt {
            let told = try check(activate, Self.found.replacingOccurrences(of: text, with: replacement))
            #expect(told.contains { $0.contains(word) }, "\(word): \(told)")
        }
        #expect(
            try check(activate, Self.nothing.replacingOccurrences(of: #""dockerIp":null"#, with: #""dockerIp":"""#))
                != [])
        // Nor is it found without its type, or under another id.
        var echo = try Self.answer(to: activate, #"{"instanceHostMap":{"instance":\#(Self.found)}}"#)
        #expect(echo.objections == [])
        echo = try Self.answer(
            to: Self.instance { $0.id = "1i21" }.activate(), #"{"instanceHostMap":{"instance":\#(Self.found)}}"#)
        let asked = try #require(Asked(activate))
        #expect(AnswerCheck(event: asked, answer: echo, dialect: .rancher16).objections == ["another resourceId"])
    }

    @Test func `a port is written with its address, its public part and its protocol`() {
        for port in ["80/tcp", "8080:80/tcp", "0.0.0.0:8080:80/tcp", "1.2.3.4::80/udp", ":::8080:80/tcp"] {
            #expect(AnswerCheck.isPort(port), "\(port)")
        }
        for port in ["80", "/tcp", "0/tcp", "x/tcp", "80/icmp", ":80/tcp", "x:80/tcp", "0.0.0.0:x:80/tcp", "80/tcp/x"] {
            #expect(!AnswerCheck.isPort(port), "\(port)")
        }
    }

    @Test func `answers about volumes, images and inspections are as the server needs them`() throws {
        let volume = Dialect.rancher16.volumeRemove(name: "data")
        #expect(try objections(to: volume, #"{"volumeStoragePoolMap":{"volume":{"format":"docker"}}}"#) == [])
        #expect(try objections(to: volume, "null") != [])
        #expect(try objections(to: Dialect.rancher20.volumeRemove(name: "data"), "null", in: .rancher20) == [])
        let image = Dialect.imageActivate("x")
        #expect(try objections(to: image, #"{"imageStoragePoolMap":{}}"#) == [])
        #expect(try objections(to: image, "{}") != [])
        let inspect = Dialect.rancher16.instanceInspect(id: "x")
        #expect(try objections(to: inspect, #"{"instanceInspect":{}}"#) == [])
        #expect(try objections(to: inspect, #"{"inspect":{}}"#) != [])
        #expect(try objections(to: Dialect.configUpdate(items: []), "null") == [])
    }

    private static let ping = #"""
        {"options":{"instances":true},"resources":[
          {"type":"physicalHost","kind":"physicalHost","uuid":"p","name":"n","systemContainer":""},
          {"type":"host","kind":"docker","uuid":"h","physicalHostUuid":"p","systemContainer":""},
          {"type":"storagePool","kind":"docker","uuid":"h-pool","hostUuid":"h","systemContainer":""},
          {"type":"ipAddress","uuid":"192.0.2.1","hostUuid":"h","systemContainer":""},
          {"type":"hostUuid","uuid":"h","systemContainer":""},
          {"type":"instance","state":"running","uuid":"u","dockerId":"9b41","image":"i","systemContainer":""}]}
        """#

    @Test func `pings tell of the host as the server needs it`() throws {
        let event = Dialect.rancher16.ping(resources: true, instances: true)
        #expect(try objections(to: event, Self.ping) == [])
        #expect(try Self.answer(to: event, Self.ping).pingedInstances == ["9b41": "running"])
        #expect(try objections(to: event, #"{"options":{}}"#) == [])
        let spoilt = [
            (#""physicalHostUuid":"p""#, #""x":1"#, "physicalHostUuid"),
            (#""uuid":"h-pool""#, #""uuid":"pool""#, "pool"),
            (#""192.0.2.1","hostUuid":"h""#, #""192.0.2.1""#, "hostUuid of ipAddress"),
            (#"{"type":"hostUuid","uuid":"h","systemContainer":""},"#, "", "hostUuid before"),
            (#""dockerId":"9b41","#, "", "dockerId"), (#""state":"running""#, #""state":"up""#, "state"),
            (#"{"instances":true}"#, "{}", "without their option"),
            (#"{"options":"#, #"{"hashKey":"","options":"#, "hashKey"),
            (
                #""uuid":"u","dockerId":"9b41","image":"i","systemContainer":"""#,
                #""uuid":"u","dockerId":"1","image":"i""#, "systemContainer"
            ),
        ]
        for (text, replacement, word) in spoilt {
            let told = try objections(to: event, Self.ping.replacingOccurrences(of: text, with: replacement))
            #expect(told.contains { $0.contains(word) }, "\(word): \(told)")
        }
        // Each dialect's answer is none in the other.
        #expect(try objections(to: Dialect.rancher20.ping(), Self.ping, in: .rancher20) != [])
        #expect(try objections(to: event, #"{"resources":[],"options":{},"hashKey":""}"#) != [])
        #expect(
            try objections(to: Dialect.rancher20.ping(), #"{"resources":[],"options":{},"hashKey":""}"#, in: .rancher20)
                == [])
    }

    // MARK: The interface

    @Test(arguments: ["v1", "v2-beta"])
    func `both versions of the interface are there, each with links of its own`(version: String) async throws {
        try await RancherServer.withServer(dialect: .rancher16) { server async throws in
            server.setFaults { $0.registerCreatingPolls = 0 }
            #expect(server.registrationURL == "\(server.url)/v1/scripts/\(server.token)")
            let script = try await Client.anonymous(server).get("/\(version)/scripts/\(server.token)")
            #expect(script.text.contains("export CATTLE_URL=\"\(server.url)/\(version)\"\n"))
            let base = "\(server.url)/\(version)"
            let root = try await Client.registering(server).get("/\(version)")
            #expect(root.headers.first(name: "X-API-Schemas") == base + "/schemas")
            #expect(root.json["id"].text == version)
            let agent = Client.agent(server)
            let schemas = try await agent.get("/\(version)/schemas").json["data"].array ?? []
            let publish = try #require(schemas.first { $0["id"] == "publish" })
            #expect(publish["links"]["collection"].text == base + "/publish")
            #expect(try await agent.post("/\(version)/publish", ["name": "reply.1"]).status == 201)
            let client = Client.registering(server)
            #expect(try await client.post("/\(version)/registers", ["key": "k"]).status == 201)
            let item = try await client.get("/\(version)/registers?key=k").json["data"][0]
            #expect(item["accessKey"].nonEmptyText != nil)
            #expect(item.object?.keys.contains("orchestration") == false)
            // Without its key nobody is shown anything.
            #expect(try await client.get("/\(version)/registers").json["data"] == [])
        }
    }

    @Test func `nobody there knows of a newer version`() async throws {
        try await RancherServer.withServer(dialect: .rancher16) { server async throws in
            for path in ["/v3", "/v3/schemas", "/v3/publish"] {
                #expect(try await Client.agent(server).get(path).status == 404, "\(path)")
            }
            let keys = RancherServer.credentials(registrationKey: "k")
            for (path, status) in [("/v1/subscribe", 101), ("/v2-beta/subscribe", 101), ("/v3/subscribe", 404)] {
                let seen = try await RawConnection.with(server) {
                    try await $0.subscribe(["ping"], user: keys.accessKey, password: keys.secretKey, path: path)
                }
                #expect(seen == status, "\(path)")
            }
        }
    }

    @Test func `answers to the events of another server may be refused`() async throws {
        try await RancherServer.withServer { server async throws in
            server.setFaults { $0.foreignAnswers = .init(status: 422) }
            let agent = Client.agent(server)
            let foreign: JSON = ["name": "reply.1", "previousIds": ["of another server"]]
            #expect(try await agent.post("/v3/publish", foreign).status == 422)
            #expect(server.published == [])
            try await agent.subscribed { _ async throws in
                let ping = server.dialect.ping()
                server.send(event: ping)
                let answer = try await agent.reply(to: ping)
                #expect(answer.status == 201)
            }
        }
    }

    @Test func `objections stand at the message, and a host is known after its ping`() async throws {
        try await RancherServer.withServer(dialect: .rancher16) { server async throws in
            let agent = Client.agent(server)
            let event: JSON = ["externalStatus": "start", "externalId": "f00", "reportedHostUuid": "h"]
            #expect(try await agent.post("/v1/containerevents", event).status == 422)
            try await agent.subscribed(path: "/v1/subscribe") { _ in
                let ping = server.dialect.ping(resources: true)
                server.send(event: ping)
                let data = try JSON(parsing: Self.ping)
                let message: JSON = [
                    "name": ping["replyTo"], "previousIds": [ping["id"]], "resourceType": "agent", "data": data,
                ]
                #expect(try await agent.post("/v1/publish", message).status == 201)
                let taken = try await server.waitForReply(to: ping["id"].text ?? "")
                #expect(taken.objections == ["another resourceId"])
            }
            #expect(try await agent.post("/v1/containerevents", event).status == 201)
            #expect(try await agent.post("/v1/containerevents", ["reportedHostUuid": "DEFAULT"]).status == 422)
        }
    }
}
