import LosslessJSON
import Model
import RancherAPI
import Testing

@Suite("A frame of dialect A")
struct DecodingTests {
    private static let uuid = "85db87bf-cb14-4643-9e7d-a13e3e77a991"

    @Test("that asks for an activate gives the instance of the worked example")
    func activate() throws {
        let event = try RancherCodec().decode(frame: activateFrame)
        #expect(
            event.header
                == EventHeader(
                    id: "7c0b6c1e-2d0e-4f5c-9a55-0d7a3f1b2c3d", name: "compute.instance.activate",
                    replyTo: "reply.4711",
                    resourceID: "1i20", resourceType: "instance"))
        #expect(event.frame == activateFrame)

        var expected = InstanceSpecification(uuid: Self.uuid, name: "web")
        expected.rancherID = "1i20"
        expected.container.image = "nginx:1.13"
        expected.container.environment = ["A": "1"]
        expected.container.labels = ["io.rancher.cni.wait": "true", "io.rancher.container.agent.uuid": Self.uuid]
        expected.container.openStandardInput = true
        expected.container.tty = true
        expected.container.dataVolumes = ["data:/data", "/srv:/srv:ro"]
        expected.container.volumesFrom = ["f00d…"]
        expected.container.dns = ["169.254.169.250"]
        expected.container.dnsSearch = ["web.rancher.internal", "rancher.internal"]
        expected.container.ports = [PortBinding(privatePort: 80, publicPort: 8080, transport: "tcp", hostAddress: "")]
        expected.container.milliCPUReservation = 500
        expected.container.memory = 268_435_456
        expected.container.network = .cni
        expected.volumes = [VolumeSpecification(name: "data", driver: "local")]
        expected.credential = RegistryCredential(user: "bob", password: "s3cret")
        #expect(event.request == .activateInstance(expected))
    }

    @Test("is about its first container only; the others serve to translate ids (defect 72)")
    func firstContainer() throws {
        let containers: JSON = [["uuid": "first", "name": "a"], ["uuid": "second", "name": "b", "externalId": "c2"]]
        let data: JSON = ["deploymentSyncRequest": ["containers": containers]]
        for name in ["compute.instance.activate", "compute.instance.deactivate", "compute.instance.remove"] {
            let instance = try instance(frame(name, data: data))
            #expect(instance.key == ResourceKey(.instance, "first"))
            #expect(instance.externalID == "")
        }
    }

    @Test("gives the remaining fields of a container")
    func remainingFields() throws {
        let fields: JSON = [
            "uuid": "u", "command": ["sh", "-c", "x"], "entryPoint": [], "workingDir": "/w", "user": "1000",
            "hostname": "h", "domainName": "d", "stopSignal": "SIGINT", "cpuShares": 100, "extraHosts": ["a:1.2.3.4"],
            "privileged": true, "readOnly": true, "capAdd": ["SYS_ADMIN"], "capDrop": ["ALL"], "externalId": "c0",
        ]
        let data: JSON = ["deploymentSyncRequest": ["containers": [fields]]]
        let instance = try instance(frame("compute.instance.activate", data: data))
        var expected = ContainerSpecification()
        expected.command = ["sh", "-c", "x"]
        expected.entryPoint = []
        expected.labels = ["io.rancher.container.agent.uuid": "u"]
        expected.workingDirectory = "/w"
        expected.user = "1000"
        expected.hostname = "h"
        expected.domainName = "d"
        expected.stopSignal = "SIGINT"
        expected.cpuShares = 100
        expected.extraHosts = ["a:1.2.3.4"]
        expected.privileged = true
        expected.readOnlyRoot = true
        expected.capabilitiesAdded = ["SYS_ADMIN"]
        expected.capabilitiesDropped = ["ALL"]
        #expect(instance.container == expected)
        #expect(instance.externalID == "c0")
        #expect(instance.rancherID == "1i20", "the resource's id stands in for the container's")
        #expect(instance.stopGraceSeconds == 10)
    }

    @Test("gives limits and settings, with numbers as texts and texts as numbers (defect 31)")
    func limits() throws {
        let fields = #"""
            {"uuid":"u","stopTimeout":"33","healthCmd":["CMD",1],"healthInterval":30,"healthTimeout":"5",
             "healthRetries":3,"publishAllPorts":"true","tmpfs":{"/t":null},"memorySwappiness":0,
             "oomKillDisable":false,"memorySwap":-1,"kernelMemory":"1024","memoryReservation":2.9,"oomScoreAdj":-5,
             "pidsLimit":-1,"shmSize":"64","diskQuota":1,"cpuPeriod":2,"cpuQuota":-1,"cpuSetCpu":0,"cpuSetMems":"0,1",
             "cgroupParent":"/p","ulimits":[null,{"name":"core","soft":"0","hard":-1}],"blkioWeight":"65535",
             "blkioDeviceOptions":{"/d":{"weight":1,"readIops":2,"writeIops":"3","readBps":null,"writeBps":5},"/e":null},
             "dnsOpt":["ndots:2"],"pidMode":"host","ipcMode":"container:c0","uts":"host","usernsMode":"host",
             "securityOpt":["label=disable"],"groupAdd":[100,"video"],"logConfig":{"driver":null,"config":{"n":2}},
             "devices":["/dev/a","/dev/b:","/dev/c:/dev/d","/dev/e:/dev/f:r","",null],
             "sysctls":{"net.ipv4.ip_forward":1},"storageOpt":{"size":"10G"}}
            """#
        let data: JSON = ["deploymentSyncRequest": ["containers": [try JSON(parsing: fields)]]]
        let container = try instance(frame("compute.instance.activate", data: data)).container
        var expected = ContainerSpecification()
        expected.labels = ["io.rancher.container.agent.uuid": "u"]
        expected.stopTimeoutSeconds = 33
        expected.healthCheck.command = ["CMD", "1"]
        expected.healthCheck.intervalSeconds = 30
        expected.healthCheck.timeoutSeconds = 5
        expected.healthCheck.retries = 3
        expected.publishAllPorts = true
        expected.tmpfs = ["/t": ""]
        expected.limits.memorySwappiness = 0
        expected.limits.oomKillDisabled = false
        expected.limits.memorySwap = -1
        expected.limits.kernelMemory = 1024
        expected.limits.memoryReservation = 2
        expected.limits.oomScoreAdjustment = -5
        expected.limits.processes = -1
        expected.limits.sharedMemory = 64
        expected.limits.diskQuota = 1
        expected.limits.cpuPeriod = 2
        expected.limits.cpuQuota = -1
        expected.limits.cpuSet = "0"
        expected.limits.memoryNodes = "0,1"
        expected.limits.cgroupParent = "/p"
        expected.limits.ulimits = [Ulimit(name: "core", soft: 0, hard: -1)]
        expected.blockIO.weight = 65535
        expected.blockIO.devices = [
            "/d": .init(weight: 1, readOperations: 2, writeOperations: 3, writeBytes: 5), "/e": .init(),
        ]
        expected.dnsOptions = ["ndots:2"]
        expected.isolation.processes = "host"
        expected.isolation.ipc = "container:c0"
        expected.isolation.uts = "host"
        expected.isolation.users = "host"
        expected.isolation.securityOptions = ["label=disable"]
        expected.isolation.additionalGroups = ["100", "video"]
        expected.log.options = ["n": "2"]
        expected.devices = [
            DeviceMapping(hostPath: "/dev/a", containerPath: "/dev/a", permissions: "rwm"),
            DeviceMapping(hostPath: "/dev/b", containerPath: "/dev/b", permissions: "rwm"),
            DeviceMapping(hostPath: "/dev/c", containerPath: "/dev/d", permissions: "rwm"),
            DeviceMapping(hostPath: "/dev/e", containerPath: "/dev/f", permissions: "r"),
        ]
        expected.sysctls = ["net.ipv4.ip_forward": "1"]
        expected.storageOptions = ["size": "10G"]
        #expect(container == expected)
    }

    @Test("has no swappiness and no word on the OOM killer unless it was said (defect 41)")
    func nullable() throws {
        for value in [JSON.null, ""] {
            let fields: JSON = ["uuid": "u", "memorySwappiness": value, "oomKillDisable": value]
            let data: JSON = ["deploymentSyncRequest": ["containers": [fields]]]
            let limits = try instance(frame("compute.instance.activate", data: data)).container.limits
            #expect(limits == ResourceLimits())
        }
    }

    @Test("does not let a label of the request hide the instance's uuid")
    func uuidLabel() throws {
        let frame = try activateFrame(container: "labels", "io.rancher.container.agent.uuid", to: "another")
        #expect(try instance(frame).container.labels["io.rancher.container.agent.uuid"] == Self.uuid)
    }

    @Test(
        "names the network by its kind",
        arguments: [
            ("host", NetworkMode.host), ("none", .none), ("cni", .cni), ("dockerBridge", .bridge), ("", .bridge),
            ("container", .container(id: "f00d…")), ("dockerHost", .host), ("dockerNone", .none),
            ("dockerContainer", .container(id: "f00d…")),
        ])
    func network(kind: String, expected: NetworkMode) throws {
        let frame = try JSON(parsing: activateFrame(request: "networks", 0, "kind", to: .string(kind)))
            .setting(["data", "deploymentSyncRequest", "containers", 0, "networkContainerId"], to: "1i19").encodedText
        #expect(try instance(frame).container.network == expected)
    }

    @Test("takes the bridge for a network that it does not name")
    func unknownNetwork() throws {
        #expect(try instance(activateFrame(container: "primaryNetworkId", to: nil)).container.network == .bridge)
        #expect(try instance(activateFrame(container: "primaryNetworkId", to: "1n5")).container.network == .bridge)
        #expect(try instance(activateFrame(request: "networks", to: nil)).container.network == .bridge)
    }

    @Test("says when the container whose network is to be shared has no container yet")
    func unresolvedNetworkContainer() throws {
        let frame = try JSON(parsing: activateFrame(request: "networks", 0, "kind", to: "container"))
            .setting(["data", "deploymentSyncRequest", "containers", 0, "networkContainerId"], to: "1i18").encodedText
        #expect(try instance(frame).container.network == .container(id: nil))
    }

    @Test("has its ports cleaned: no empty ones, none twice, tcp unless said otherwise")
    func ports() throws {
        let frame = try activateFrame(
            container: "publicEndpoints",
            to: [
                ["privatePort": 80, "publicPort": 8080],
                ["privatePort": "80", "publicPort": "8080", "protocol": "TCP"],
                ["privatePort": 0, "publicPort": 1], ["publicPort": 1], nil,
                ["privatePort": 53, "publicPort": nil, "protocol": "udp", "bindIpAddress": "10.0.0.1"],
            ])
        #expect(
            try instance(frame).container.ports == [
                PortBinding(privatePort: 80, publicPort: 8080, transport: "tcp", hostAddress: ""),
                PortBinding(privatePort: 53, publicPort: 0, transport: "udp", hostAddress: "10.0.0.1"),
            ])
    }

    @Test("gives the managed volumes of the whole request, each once")
    func volumes() throws {
        let frame = try activateFrame(
            request: "volumes",
            to: [
                ["name": "data", "driver": "local", "driverOpts": ["size": 5, "type": "x", "none": nil]],
                ["name": "data", "driver": "other"], ["name": "", "driver": "local"],
                ["name": "unmanaged", "driverOpts": 5],
                ["name": "flex", "driver": "rancher-nfs", "isHostPath": "false"],
            ])
        #expect(
            try instance(frame).volumes == [
                VolumeSpecification(
                    name: "data", driver: "local", driverOptions: ["size": "5", "type": "x", "none": ""]),
                VolumeSpecification(name: "flex", driver: "rancher-nfs"),
            ])
    }

    @Test("gives no credential that is not whole")
    func credentials() throws {
        #expect(try instance(activateFrame(container: "registryCredentialId", to: nil)).credential == nil)
        #expect(try instance(activateFrame(container: "registryCredentialId", to: "1c8")).credential == nil)
        #expect(
            try instance(activateFrame(request: "registryCredentials", 0, "secretValue", to: nil)).credential == nil)
    }

    @Test(
        "gives the time for a stop in whole seconds (defect 30)",
        arguments: [
            (JSON.null, 10), (30, 30), ("30", 30), (.number("2.1"), 3), (.number("0"), 0), (-1, 10), ("soon", 10),
            ([], 10),
            (true, 10), ("", 10), (.number("1e300"), Int(Int32.max)), (.number("1e999"), 10), ("nan", 10), ("2.5", 3),
        ] as [(JSON, Int)])
    func stopTimeout(value: JSON, expected: Int) throws {
        let data: JSON = [
            "processData": ["timeout": value, "containerNoOpEvent": "true"],
            "deploymentSyncRequest": ["containers": [["uuid": "u"]]],
        ]
        let instance = try instance(frame("compute.instance.deactivate", data: data))
        #expect(instance.stopGraceSeconds == expected)
        #expect(instance.noop)
    }

    @Test("that asks for a removal names the instance")
    func remove() throws {
        let data: JSON = [
            "processData": ["containerNoOpEvent": true],
            "deploymentSyncRequest": ["containers": [["uuid": "u", "externalId": "c0"]]],
        ]
        let instance = try instance(frame("compute.instance.remove", data: data))
        #expect(instance.key == ResourceKey(.instance, "u"))
        #expect(instance.externalID == "c0")
        #expect(!instance.noop, "a removal is never a pretence")
    }

    @Test("that asks for the removal of a surplus copy names the container only")
    func removeSurplus() throws {
        let data: JSON = ["deploymentSyncRequest": ["containers": [["uuid": "u", "externalId": "c0"]]]]
        let instance = try instance(frame("compute.instance.remove", data: data, resourceID: nil))
        #expect(instance.uuid == "")
        #expect(instance.key == ResourceKey(.instance, "container-c0"))
    }

    @Test("that asks for an inspection says of what, or of nothing")
    func inspect() throws {
        func asked(_ data: JSON) throws -> Request { try request(frame("compute.instance.inspect", data: data)) }
        #expect(try asked(["instanceInspect": ["id": "c0", "kind": "docker"]]) == .inspectInstance(id: "c0", name: ""))
        #expect(try asked(["instanceInspect": ["name": "n"]]) == .inspectInstance(id: "", name: "n"))
        #expect(try asked(["instanceInspect": [:]]) == .inspectInstance(id: "", name: ""))
        #expect(try asked(nil) == .inspectInstance(id: "", name: ""))
        #expect(
            try asked(["instanceInspect": 5])
                == .unusable(reason: "instanceInspect: an object expected, found a number"))
    }

    @Test("that asks for a pull says of what and how")
    func pull() throws {
        func asked(_ change: (inout JSON) -> Void = { _ in }) throws -> Request {
            var data: JSON = [
                "instancePull": [
                    "kind": "docker", "mode": "all", "complete": false, "tag": "pull-1",
                    "image": [
                        "data": ["dockerImage": ["fullName": "x/y:1", "server": "quay.io"]],
                        "registryCredential": [
                            "publicValue": "bob", "secretValue": "s", "data": ["fields": ["email": "b@x"]],
                        ],
                    ],
                ]
            ]
            change(&data)
            return try request(frame("compute.instance.pull", data: data, resourceID: nil))
        }
        var image = ImageSpecification(
            reference: "quay.io/x/y:1", temporaryTag: "pull-1",
            credential: RegistryCredential(user: "bob", password: "s", email: "b@x"), alwaysPull: true)
        #expect(try asked() == .pullImage(image))
        #expect(try asked { $0 = $0.setting(["instancePull", "mode"], to: nil) } == .pullImage(image))
        #expect(try asked { $0 = $0.setting(["instancePull", "mode"], to: 5) } == .pullImage(image))
        #expect(try asked { $0 = $0.setting(["instancePull", "complete"], to: true) } == .releaseImage(image))
        #expect(try asked { $0 = $0.setting(["instancePull", "mode"], to: "cached") } == .inspectImage(image))
        // Without a temporary tag there is none to take off, and the image's own name is nobody's to remove.
        var untagged = image
        untagged.temporaryTag = ""
        let done = try asked {
            $0 = $0.setting(["instancePull", "complete"], to: true).setting(["instancePull", "tag"], to: nil)
        }
        #expect(done == .inspectImage(untagged))
        image.credential = nil
        #expect(
            try asked { $0 = $0.setting(["instancePull", "image", "registryCredential"], to: nil) } == .pullImage(image)
        )
        image = ImageSpecification(reference: "x/y:1", alwaysPull: true)
        #expect(
            try asked {
                $0 = ["instancePull": ["image": ["data": ["dockerImage": ["fullName": "x/y:1"]]]]]
            } == .pullImage(image))
        #expect(
            try asked { $0 = $0.setting(["instancePull", "image", "data"], to: nil) }
                == .unusable(reason: "instancePull.image.data.dockerImage.fullName: missing"))
        #expect(try asked { $0 = nil } == .unusable(reason: "instancePull: missing"))
    }

    @Test("that asks for the removal of a volume names it")
    func volumeRemove() throws {
        func asked(_ data: JSON) throws -> Request { try request(frame("storage.volume.remove", data: data)) }
        #expect(
            try asked(["volume": ["name": "v", "driver": "local", "uri": "file:///x", "driverOpts": 7]])
                == .removeVolume(VolumeSpecification(name: "v", driver: "local", uri: "file:///x")))
        #expect(try asked(["volume": ["driver": "local"]]) == .unusable(reason: "volume.name: missing"))
        #expect(try asked(["volume": ["name": nil, "isHostPath": true, "uri": "file:///x"]]) == .acknowledge)
        #expect(try asked([:]) == .unusable(reason: "volume: missing"))
        #expect(try asked(["volume": "v"]) == .unusable(reason: "volume: an object expected, found a text"))
    }

    @Test("is known by its name up to a semicolon, and answered by the whole")
    func suffix() throws {
        let codec = RancherCodec(facts: AgentFacts())
        let event = try codec.decode(
            frame: frame("storage.volume.remove;agent=91", data: ["volume": ["name": "v"]]))
        #expect(event.request == .removeVolume(VolumeSpecification(name: "v", driver: "")))
        let other = try codec.decode(frame: frame("compute.instance.inspect;agent=91", data: [:]))
        #expect(other.header.name == "compute.instance.inspect;agent=91")
        let answer = codec.reply(
            to: other.header, .inspection(["Id": "c1"]), messageID: "m", at: Timestamp(milliseconds: 0))
        #expect(answer.contains(#"{"Id":"c1"}"#))
    }

    @Test("has no list that is longer than anybody needs")
    func longLists() throws {
        func asked(_ count: Int) throws -> Request {
            try request(
                frame("config.update", data: ["items": .array((0..<count).map { ["name": .string("\($0)")] })]))
        }
        guard case .updateConfiguration = try asked(4096) else {
            Issue.record("refused")
            return
        }
        #expect(try asked(4097) == .unusable(reason: "items: 4097 elements, more than 4096"))
    }

    @Test("that is a ping says what it wants, and nothing where it cannot be read")
    func ping() throws {
        func asked(_ data: JSON) throws -> Request { try request(frame("ping", data: data)) }
        #expect(
            try asked(["options": ["resources": true, "stats": 1, "instances": "true"], "resources": []])
                == .ping(PingOptions(resources: true, stats: true, instances: true)))
        #expect(try asked(["options": ["resources": "perhaps"]]) == .ping(PingOptions()))
        #expect(try asked(nil) == .ping(PingOptions()))
        #expect(try asked("x") == .ping(PingOptions()))
    }
}
