import LosslessJSON
import Model
import RancherAPI
import Testing

/// The worked example of PROTOCOL A.3, and its like.
private func instanceEvent(
    _ name: String = "compute.instance.activate", _ changes: JSON = [:], fields: JSON = [:], process: JSON = [:],
    resourceType: JSON = "instanceHostMap", replyTo: JSON = "reply.1"
) -> String {
    var instance: JSON = [
        "id": 211, "uuid": "c861f990-4472-4fa1-960f-65171b544c28", "externalId": "9b41", "name": "web",
        "data": ["fields": fields],
    ]
    for member in changes.object ?? JSONObject() { instance = instance.setting([.key(member.key)], to: member.value) }
    let map: JSON = ["id": 50, "hostId": 5, "instanceId": 211, "host": ["id": 5, "uuid": "h"], "instance": instance]
    let event: JSON = [
        "id": "e1", "name": .string(name), "replyTo": replyTo, "resourceId": "1ihm50", "resourceType": resourceType,
        "previousIds": ["a"], "transitioningProgress": 0, "context": ["x": 1], "time": 17,
        "data": ["instanceHostMap": map, "processData": process],
    ]
    return event.encodedText
}

private func event(_ name: String, _ type: String, _ data: JSON, replyTo: JSON = "reply.1") -> String {
    let event: JSON = [
        "id": "e1", "name": .string(name), "replyTo": replyTo, "resourceId": "1x9", "resourceType": .string(type),
        "data": data,
    ]
    return event.encodedText
}

private func volumeEvent(_ name: String, _ volume: JSON) -> String {
    event(name, "volumeStoragePoolMap", ["volumeStoragePoolMap": ["volume": volume, "storagePool": [:]]])
}

private func imageEvent(_ image: JSON, process: JSON = [:]) -> String {
    event(
        "storage.image.activate", "imageStoragePoolMap",
        ["imageStoragePoolMap": ["image": image, "storagePool": [:]], "processData": process])
}

@Suite("An event of dialect B")
struct DialectBTests {
    @Test("is told from dialect A's by what it carries, and by what it is about where it carries nothing")
    func detection() throws {
        func dialect(_ frame: String) throws -> Dialect { try RancherCodec().decode(frame: frame).header.dialect }
        #expect(try dialect(activateFrame) == .a)
        #expect(try dialect(instanceEvent()) == .b)
        #expect(try dialect(instanceEvent(resourceType: nil)) == .b)
        #expect(try dialect(instanceEvent(resourceType: "instance")) == .b)
        #expect(try dialect(event("compute.instance.remove", "instanceHostMap", nil)) == .b)
        #expect(try dialect(event("compute.instance.remove", "instance", nil)) == .a)
        #expect(try dialect(volumeEvent("storage.volume.remove", ["name": "v"])) == .b)
        #expect(try dialect(event("storage.volume.remove", "volume", ["volume": ["name": "v"]])) == .a)
        #expect(try dialect(imageEvent(["name": "x"])) == .b)
        for name in ["compute.instance.force.stop", "config.update", "storage.volume.activate"] {
            #expect(try dialect(event(name, "x", [:])) == .b)
        }
        #expect(
            try unusableReason(event("compute.instance.activate", "instanceHostMap", [:])) == "instanceHostMap: missing"
        )
    }

    @Test("is among those that its server is asked for, and only there")
    func eventNames() {
        let a = RancherCodec.eventNames(for: .a)
        let b = RancherCodec.eventNames(for: .b)
        #expect(
            Set(b).subtracting(a) == [
                "compute.instance.force.stop", "storage.image.activate", "storage.volume.activate", "config.update",
            ])
        #expect(Set(a).isSubset(of: b))
        #expect(a.count == 7)
        #expect(RancherCodec.eventNames(for: nil) == b)
    }

    @Test("names the instance, its container and the time to stop")
    func identity() throws {
        for name in ["activate", "deactivate", "remove"] {
            let instance = try instance(instanceEvent("compute.instance.\(name)", process: ["timeout": 30]))
            #expect(instance.uuid == "c861f990-4472-4fa1-960f-65171b544c28")
            #expect(instance.externalID == "9b41")
            #expect(instance.name == "web")
            #expect(instance.rancherID == "211")
            #expect(instance.stopGraceSeconds == 30)
            #expect(instance.marks == .all)
        }
        #expect(try instance(instanceEvent(process: ["timeout": "x"])).stopGraceSeconds == 10)
        #expect(try instance(instanceEvent(process: ["containerNoOpEvent": true])).noop)
        #expect(
            try unusableReason(instanceEvent("compute.instance.activate", ["uuid": nil]))
                == "instanceHostMap.instance.uuid: missing")
        #expect(
            try unusableReason(instanceEvent("compute.instance.remove", ["uuid": nil, "externalId": nil]))
                == "instanceHostMap.instance: neither uuid nor externalId")
    }

    @Test("to report only, to stop or to remove cannot be spoilt by what the container is made of")
    func spoilt() throws {
        let spoilt = instanceEvent("compute.instance.activate", fields: ["tty": [1]])
        #expect(
            try unusableReason(spoilt)
                == "instanceHostMap.instance.data.fields.tty: true or false expected, found an array")
        #expect(try instance(instanceEvent(fields: ["tty": [1]], process: ["containerNoOpEvent": true])).noop)
        for name in ["deactivate", "remove"] {
            #expect(try instance(instanceEvent("compute.instance.\(name)", fields: ["tty": [1]])).uuid != "")
        }
    }

    @Test("has the image's credential, build and volumes with it")
    func surroundings() throws {
        let frame = instanceEvent(
            "compute.instance.activate",
            [
                "image": [
                    "registryCredential": [
                        "publicValue": "bob", "secretValue": "s3cret",
                        "data": ["fields": ["email": "b@x", "serverAddress": "quay.io"]],
                    ],
                    "data": ["fields": ["build": ["remote": "git@github.com:a/b.git", "tag": "t"]]],
                ],
                "volumesFromDataVolumeMounts": [
                    ["name": "v", "data": ["fields": ["driver": "rancher-nfs", "driverOpts": ["a": 1, "b": [1]]]]],
                    ["name": "v", "data": ["fields": ["driver": "local"]]],
                    ["name": "/srv", "uri": "file:///srv", "data": ["fields": ["isHostPath": true]]],
                ],
            ], fields: ["imageUuid": "docker:x/y"])
        let instance = try instance(frame)
        #expect(
            instance.credential
                == RegistryCredential(user: "bob", password: "s3cret", email: "b@x", serverAddress: "quay.io"))
        #expect(instance.container.image == "x/y")
        #expect(instance.build == ImageBuild(remote: "git://github.com/a/b.git", tag: "t"))
        #expect(
            instance.volumes == [
                VolumeSpecification(
                    name: "v", driver: "rancher-nfs", driverOptions: ["a": "1", "b": ""], keeping: .byRancherPlugin)
            ])
    }

    @Test("to stop a container by force is about that container alone, with the usual time (defect 75)")
    func forceStop() throws {
        let frame = event(
            "compute.instance.force.stop", "x", ["instanceForceStop": ["id": "9b41", "kind": "docker"]], replyTo: nil)
        guard case .deactivateInstance(let instance) = try request(frame) else { throw FrameError(reason: frame) }
        #expect(instance.uuid == "")
        #expect(instance.externalID == "9b41")
        #expect(instance.stopGraceSeconds == 10)
        #expect(instance.key == ResourceKey(.instance, "container-9b41"))
        #expect(
            try unusableReason(event("compute.instance.force.stop", "x", ["instanceForceStop": ["kind": "docker"]]))
                == "instanceForceStop.id: missing")
    }

    @Test(
        "about an image says what it is made of (defect 84)",
        arguments: [
            (#"{"name":"docker:a"}"#, nil),
            (
                #"{"name":"a","data":{"fields":{"build":{"context":"http://x/c.tgz"}}}}"#,
                ImageBuild(remote: "http://x/c.tgz", tag: "a")
            ),
            (
                #"{"name":"a","data":{"fields":{"build":{"context":"c","remote":"git@github.com:y","tag":"t"}}}}"#,
                ImageBuild(remote: "git@github.com:y", tag: "t")
            ),
            (#"{"name":"a","data":{"fields":{"build":{"context":""}}}}"#, nil),
        ] as [(String, ImageBuild?)])
    func image(_ text: String, _ build: ImageBuild?) throws {
        let image = try JSON(parsing: text)
        let expected = ImageSpecification(reference: "a", build: build)
        #expect(try request(imageEvent(image)) == .pullImage(expected))
        #expect(try request(imageEvent(image, process: ["containerNoOpEvent": true])) == .acknowledge)
    }

    @Test("about an image whose own name begins with its kind means that name")
    func imageOfThatName() throws {
        func reference(_ image: JSON) throws -> String? {
            guard case .pullImage(let image) = try request(imageEvent(image)) else { return nil }
            return image.reference
        }
        #expect(try reference(["name": "docker:dind", "uuid": "docker:docker:dind"]) == "docker:dind")
        #expect(try reference(["name": "docker:nginx", "uuid": "docker:nginx"]) == "nginx")
        #expect(try reference(["name": "nginx", "uuid": "docker:nginx"]) == "nginx")
    }

    @Test(
        "about a volume has it made or removed with its options (defect 82)",
        arguments: ["storage.volume.activate", "storage.volume.remove"])
    func volume(_ name: String) throws {
        let fields: JSON = ["driver": "local", "driverOpts": ["a": "b"]]
        let found = try request(volumeEvent(name, ["name": "v", "deviceNumber": -1, "data": ["fields": fields]]))
        let expected = VolumeSpecification(
            name: "v", driver: "local", driverOptions: ["a": "b"], keeping: .byRancherPlugin)
        #expect(found == (name.hasSuffix("remove") ? .removeVolume(expected) : .createVolume(expected)))
        // What nobody manages is nobody's to make or to delete.
        let path: JSON = [
            "name": "/srv", "uri": "file:///srv", "deviceNumber": -1, "data": ["fields": ["isHostPath": true]],
        ]
        #expect(try request(volumeEvent(name, path)) == .acknowledge)
    }

    @Test("about the root volume of an instance removes its container")
    func rootVolume() throws {
        for number in [0, nil] as [JSON] {
            let volume: JSON = [
                "name": "", "uri": "file:///x", "deviceNumber": number,
                "instance": ["id": 7, "uuid": "u-1", "name": "web", "externalId": "9b41"],
            ]
            guard case .removeInstance(let instance) = try request(volumeEvent("storage.volume.remove", volume)) else {
                throw FrameError(reason: "no removal of an instance")
            }
            #expect(instance.uuid == "u-1")
            #expect(instance.externalID == "9b41")
        }
        #expect(
            try request(volumeEvent("storage.volume.remove", ["deviceNumber": 0, "instance": nil])) == .acknowledge)
        // What a plug-in keeps is no root, whatever number it has.
        for number in [0, nil] as [JSON] {
            let volume: JSON = [
                "name": "v", "deviceNumber": number, "instance": ["uuid": "u-1"],
                "data": ["fields": ["driver": "rancher-nfs"]],
            ]
            guard case .removeVolume(let found) = try request(volumeEvent("storage.volume.remove", volume)) else {
                throw FrameError(reason: "no removal of a volume")
            }
            #expect(found.name == "v")
        }
    }

    @Test("that removes an instance says which volumes stay, whatever else of it cannot be read")
    func sparedVolumes() throws {
        let labels: JSON = [VolumeCleanup.label: "none"]
        let fields: JSON = ["labels": labels, "memory": "much", "imageUuid": "docker:nginx"]
        let old = try request(instanceEvent("compute.instance.remove", ["data": ["fields": fields]]))
        let new = try request(
            event(
                "compute.instance.remove", "deploymentSyncRequest",
                ["deploymentSyncRequest": ["containers": [["uuid": "u-1", "labels": labels, "memory": "much"]]]]))
        for request in [old, new] {
            guard case .removeInstance(let instance) = request else { throw FrameError(reason: "no removal") }
            #expect(instance.keepsVolumes)
        }
    }

    @Test("about a volume of a driver that needs a name for it, without one, is refused")
    func namelessVolume() throws {
        let volume: JSON = ["name": nil, "deviceNumber": -1, "data": ["fields": ["driver": "rancher-nfs"]]]
        #expect(
            try unusableReason(volumeEvent("storage.volume.activate", volume))
                == "volumeStoragePoolMap.volume.name: missing")
    }

    @Test("about the configuration names its items, and only names (defect 22)")
    func configuration() throws {
        func asked(_ items: JSON, _ facts: AgentFacts = AgentFacts(), replyTo: JSON = "reply.1") throws -> Request {
            let frame = event("config.update", "agent", ["items": items], replyTo: replyTo)
            return try RancherCodec(facts: facts).decode(frame: frame).request
        }
        let items: JSON = [["name": "pyagent", "requestedVersion": 3], ["name": "host-config"]]
        #expect(try asked(items) == .updateConfiguration(items: ["pyagent", "host-config"]))
        var facts = AgentFacts()
        facts.updatesAgent = false
        #expect(try asked(items, facts) == .updateConfiguration(items: ["host-config"]))
        #expect(try asked([["name": "pyagent"]], facts) == .updateConfiguration(items: []))
        #expect(try asked([]) == .acknowledge)
        #expect(try asked(nil) == .acknowledge)
        #expect(try asked(items, replyTo: nil) == .acknowledge)
        // One that names nothing costs only itself, unless there is nothing else.
        let bad: JSON = [["name": nil], "x", ["name": "--force"], ["name": "good"], ["name": 7], [:]]
        #expect(try asked(bad) == .updateConfiguration(items: ["good", "7"]))
        // It becomes a word of a command line.
        guard case .unusable = try asked([["name": "--force"]]) else { throw FrameError(reason: "an option was taken") }
    }

    @Test("that older servers of its line sent is answered, and nothing is done about it")
    func historic() throws {
        for name in ["storage.image.remove", "storage.volume.deactivate"] {
            #expect(try request(event(name, "x", [:])) == .acknowledge)
        }
    }

    @Test("gives agents their way to the server, also where the server is this host")
    func agentInstance() throws {
        var facts = AgentFacts()
        facts.configurationURL = { "http://localhost:8080/v1" }
        facts.proxyPort = 9999
        let frame = instanceEvent("compute.instance.activate", ["agentId": 3])
        guard case .activateInstance(let instance) = try RancherCodec(facts: facts).decode(frame: frame).request else {
            throw FrameError(reason: frame)
        }
        #expect(
            instance.container.environment == [
                "CATTLE_AGENT_INSTANCE": "true", "CATTLE_CONFIG_URL_SCHEME": "http", "CATTLE_CONFIG_URL_PATH": "/v1",
                "CATTLE_CONFIG_URL_PORT": "9999",
            ])
        guard case .activateInstance(let plain) = try RancherCodec().decode(frame: frame).request else {
            throw FrameError(reason: frame)
        }
        #expect(plain.container.environment == [:], "an agent that does not know the way says nothing")
    }

    @Test("names another instance to share with, which is looked for when the container is made")
    func shared() throws {
        let other: JSON = ["uuid": "u-2", "name": "db", "externalId": nil]
        let found = try instance(
            instanceEvent(
                "compute.instance.activate",
                [
                    "networkContainer": other, "nics": [["network": ["kind": "dockerContainer"]]],
                    "dataVolumesFromContainers": [other],
                ])
        ).container
        #expect(found.network == .instance(RelatedInstance(uuid: "u-2", name: "db")))
        #expect(found.volumesFromInstances == [RelatedInstance(uuid: "u-2", name: "db")])
        let nameless = try instance(
            instanceEvent("compute.instance.activate", ["nics": [["network": ["kind": "dockerContainer"]]]]))
        #expect(nameless.container.network == .container(id: nil))
    }
}

@Suite("An answer in dialect B")
struct DialectBReplyTests {
    private static let inspection: JSON = [
        "Id": "9b41", "Name": "/r-web-c861f990", "Created": "2026-11-23T06:58:01.5Z", "Path": "sh",
        "Args": ["-c", "sleep 9"], "Image": "sha256:1",
        "State": ["Status": "running", "StartedAt": "2026-11-23T06:59:00Z"],
        "Config": ["Image": "nginx", "Labels": ["a": "b"], "ExposedPorts": ["80/tcp": [:], "443/tcp": [:]]],
        "HostConfig": ["NetworkMode": "default"],
        "NetworkSettings": [
            "IPAddress": "172.17.0.2",
            "Ports": ["80/tcp": [["HostIp": "0.0.0.0", "HostPort": "8080"]], "53/udp": nil],
            "Networks": ["bridge": [:]],
        ],
        "Mounts": [["Source": "/srv"]],
    ]
    /// 2026-11-23T07:00:30Z
    private static let time = Timestamp(milliseconds: 1_795_417_230_000)

    private static func reply(
        _ frame: String, _ answer: Answer, _ facts: AgentFacts = AgentFacts()
    ) throws -> JSON {
        let codec = RancherCodec(facts: facts)
        let header = try codec.decode(frame: frame).header
        return try JSON(parsing: codec.reply(to: header, answer, messageID: "m", at: time))
    }

    private static var facts: AgentFacts {
        var facts = AgentFacts()
        facts.hostAddress = { "192.0.2.1" }
        return facts
    }

    @Test(
        "tells all of a container that runs, to be merged into what the server has",
        arguments: [
            "compute.instance.activate", "compute.instance.deactivate",
        ])
    func running(_ name: String) throws {
        let body = try Self.reply(
            instanceEvent(name), .instance(uuid: "u", inspection: Self.inspection, address: "", externalID: "old"),
            Self.facts)
        #expect(body["name"] == "reply.1")
        #expect(body["previousIds"] == ["e1"])
        #expect(body["resourceId"] == "1ihm50")
        #expect(body["resourceType"] == "instanceHostMap")
        #expect(body["transitioning"].isNull)
        let instance = body["data"]["instanceHostMap"]["instance"]
        #expect(instance["externalId"] == "9b41")
        let data = instance["+data"]
        #expect(data["dockerInspect"] == Self.inspection)
        #expect(data["dockerMounts"] == [["Source": "/srv"]])
        #expect(
            data["+fields"] == [
                "dockerHostIp": "192.0.2.1", "dockerPorts": ["53/udp", "0.0.0.0:8080:80/tcp"],
                "dockerIp": "172.17.0.2",
            ])
        #expect(
            data["dockerContainer"] == [
                "Id": "9b41", "Names": ["/r-web-c861f990"], "Image": "nginx", "ImageID": "sha256:1",
                "Command": "sh -c 'sleep 9'", "Created": 1_795_417_081,
                "Ports": [
                    ["PrivatePort": 53, "Type": "udp"],
                    ["IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"],
                ],
                "Labels": ["a": "b"], "State": "running", "Status": "Up About a minute",
                "HostConfig": ["NetworkMode": "default"], "NetworkSettings": ["Networks": ["bridge": [:]]],
                "Mounts": [["Source": "/srv"]],
            ])
    }

    @Test("tells the ports of the image where none is published, and an address that was looked for")
    func ports() throws {
        var inspection = Self.inspection.setting(["NetworkSettings", "Ports"], to: [:])
        inspection = inspection.setting(["Mounts"], to: nil)
        let body = try Self.reply(
            instanceEvent(), .instance(uuid: "u", inspection: inspection, address: "10.42.1.2", externalID: ""))
        let data = body["data"]["instanceHostMap"]["instance"]["+data"]
        #expect(data["+fields"]["dockerPorts"] == ["443/tcp", "80/tcp"])
        #expect(data["+fields"]["dockerIp"] == "10.42.1.2")
        #expect(data.object?["dockerMounts"] == nil)
        // What was published by a container that does not run any more is not its image's.
        let ended = try Self.reply(
            instanceEvent(),
            .instance(uuid: "u", inspection: inspection, address: "", externalID: "", imagePorts: ["80/tcp"]))
        #expect(ended["data"]["instanceHostMap"]["instance"]["+data"]["+fields"]["dockerPorts"] == ["80/tcp"])
        let bare = inspection.setting(["Config", "ExposedPorts"], to: nil)
            .setting(["NetworkSettings", "IPAddress"], to: "")
        let other = try Self.reply(instanceEvent(), .instance(uuid: "u", inspection: bare, address: "", externalID: ""))
        let fields = other["data"]["instanceHostMap"]["instance"]["+data"]["+fields"]
        #expect(fields["dockerPorts"] == [])
        #expect(fields["dockerIp"] == "")
    }

    @Test("tells of a container that is not there, with the id that the server knows")
    func gone() throws {
        for name in ["compute.instance.deactivate", "compute.instance.remove"] {
            let body = try Self.reply(
                instanceEvent(name, resourceType: "instanceHostMap"),
                .instance(uuid: "u", inspection: nil, address: "", externalID: "9b41"), Self.facts)
            let expected: JSON = [
                "externalId": "9b41",
                "+data": [
                    "dockerContainer": nil, "dockerInspect": nil,
                    "+fields": ["dockerHostIp": "192.0.2.1", "dockerPorts": nil, "dockerIp": nil],
                ],
            ]
            #expect(body["data"] == ["instanceHostMap": ["instance": expected]])
        }
    }

    @Test("has the type of the event's resource as its key")
    func key() throws {
        let answer = Answer.instance(uuid: "u", inspection: nil, address: "", externalID: "")
        #expect(try Self.reply(instanceEvent(resourceType: "other"), answer)["data"].object?.keys == ["other"])
        #expect(try Self.reply(instanceEvent(resourceType: nil), answer)["data"].object?.keys == ["instanceHostMap"])
    }

    @Test("says no more than it has to of volumes, images and forced stops")
    func small() throws {
        let volume: JSON = ["name": "v", "deviceNumber": -1, "data": ["fields": ["driver": "local"]]]
        for name in ["storage.volume.activate", "storage.volume.remove"] {
            #expect(
                try Self.reply(volumeEvent(name, volume), .done)["data"]
                    == ["volumeStoragePoolMap": ["volume": ["format": "docker"]]])
        }
        let root = try Self.reply(
            volumeEvent("storage.volume.remove", ["deviceNumber": 0]),
            .instance(uuid: "u", inspection: nil, address: ""))
        #expect(root["data"] == ["volumeStoragePoolMap": ["volume": ["format": "docker"]]])
        for answer in [Answer.done, .image(["Id": "x"])] {
            #expect(try Self.reply(imageEvent(["name": "a"]), answer)["data"] == ["imageStoragePoolMap": [:]])
        }
        let stop = event("compute.instance.force.stop", "x", ["instanceForceStop": ["id": "9b41"]])
        #expect(
            try Self.reply(stop, .instance(uuid: "", inspection: Self.inspection, address: "")).object?["data"] == nil)
    }

    @Test("to a configuration that failed is an error with all that is known (defect 85)")
    func configuration() throws {
        let frame = event("config.update", "agent", ["items": [["name": "x"]]])
        #expect(try Self.reply(frame, .done).object?["data"] == nil)
        let body = try Self.reply(frame, .configurationFailed(exitCode: 3, output: "no\n"))
        #expect(body["transitioning"] == "error")
        #expect(body["transitioningMessage"] == "config update failed with exit code 3")
        #expect(body["data"] == ["exitCode": 3, "output": "no\n"])
        #expect(body["previousIds"] == ["e1"])
    }

    @Test("to a ping leaves out what was not asked for")
    func ping() throws {
        let header = EventHeader(id: "e", name: "ping", replyTo: "r", resourceID: "1a1", resourceType: "agent")
        func data(_ resources: [JSON], _ isComplete: Bool) throws -> JSON {
            try JSON(
                parsing: RancherCodec().pingReply(
                    to: header, in: .b, resources: resources, instancesComplete: isComplete, hashKey: "x",
                    messageID: "m", at: Self.time))["data"]
        }
        #expect(try data([], false) == ["options": [:]])
        #expect(try data([1], true) == ["resources": [1], "options": ["instances": true]])
    }

    @Test(
        "tells times as the engine's list does",
        arguments: [
            ("2026-11-23T07:00:30Z", "Up Less than a second"), ("2026-11-23T07:00:29Z", "Up 1 second"),
            ("2026-11-23T07:00:00Z", "Up 30 seconds"), ("2026-11-23T06:59:00Z", "Up About a minute"),
            ("2026-11-23T06:30:30Z", "Up 30 minutes"), ("2026-11-23T06:00:30Z", "Up About an hour"),
            ("2026-11-23T02:00:30Z", "Up 5 hours"), ("2026-11-20T07:00:30Z", "Up 3 days"),
            ("2026-11-02T07:00:30Z", "Up 3 weeks"), ("2026-03-01T07:00:30Z", "Up 8 months"),
            ("2024-02-29T07:00:30Z", "Up 2 years"), ("0001-01-01T00:00:00Z", "Up Less than a second"),
            ("nonsense", "Up Less than a second"),
        ])
    func status(_ startedAt: String, _ expected: String) throws {
        let inspection = Self.inspection.setting(["State", "StartedAt"], to: .string(startedAt))
        let body = try Self.reply(instanceEvent(), .instance(uuid: "u", inspection: inspection, address: ""))
        #expect(body["data"]["instanceHostMap"]["instance"]["+data"]["dockerContainer"]["Status"].text == expected)
    }
}
