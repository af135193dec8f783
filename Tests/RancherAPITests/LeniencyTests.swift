import LosslessJSON
import Model
import RancherAPI
import Testing

@Suite("A frame that is not as it should be")
struct LeniencyTests {
    private let codec = RancherCodec()

    @Test("is blank if there is nothing in it", arguments: ["", " ", "\n", " \r\n\t "])
    func blank(frame: String) {
        #expect(codec.read(frame: frame) == .blank)
        #expect(throws: FrameError.self) { try codec.decode(frame: frame) }
    }

    @Test("is a heartbeat if it is a ping that wants no answer")
    func heartbeat() {
        for frame in [
            #"{"name":"ping"}"#, #"{"id":"x","name":"ping","replyTo":null}"#, #"{"name":"ping","replyTo":""}"#,
        ] {
            #expect(codec.read(frame: frame) == .heartbeat)
            #expect(throws: FrameError.self) { try codec.decode(frame: frame) }
        }
    }

    @Test(
        "is malformed if it is no event or cannot be answered",
        arguments: [
            "{", "x", "[]", "5", "null", #"{"a":1}"#, #"{"name":"logout"}"#, #"{"name":5,"replyTo":null}"#,
            #"{"name":"ping","replyTo":"reply.1"}"#, #"{"name":"compute.instance.activate","replyTo":"reply.1"}"#,
            #"{"name":"what","replyTo":"reply.1","id":""}"#, #"{"id":"e","replyTo":"reply.1","name":null}"#,
        ])
    func malformed(frame: String) {
        guard case .malformed(let reason) = codec.read(frame: frame) else {
            Issue.record("malformed expected: \(frame)")
            return
        }
        #expect(!reason.isEmpty)
        #expect(throws: FrameError(reason: reason)) { try codec.decode(frame: frame) }
    }

    @Test("is answered with a refusal if its name is not known")
    func unknownName() throws {
        #expect(
            try request(frame("compute.instance.fly", data: nil))
                == .unusable(reason: "this agent does not handle events named compute.instance.fly"))
        #expect(try unusableReason(frame("class:x", data: nil))?.hasPrefix("class:") == false)
    }

    @Test("is worked on under a made-up id if no answer is wanted")
    func withoutID() throws {
        let data: JSON = ["volume": ["name": "v", "driver": "local"]]
        let event = try codec.decode(
            frame: frame("storage.volume.remove", data: data, resourceID: "1v3", id: nil, replyTo: nil))
        #expect(event.header.id == "local-storage.volume.remove-1v3-17")
        #expect(event.header.replyTo == nil)
        #expect(event.request == .removeVolume(VolumeSpecification(name: "v", driver: "local")))
    }

    @Test("is read all the same if the envelope has numbers for texts and lists for texts (defect 25)")
    func envelope() throws {
        let event = try codec.decode(
            frame: #"""
                {"id":5,"name":"ping","replyTo":"reply.1","resourceId":7,"resourceType":[],"previousIds":["a"],
                 "previousId":{},"previousNames":[1],"transitioningProgress":7,"time":"soon","timeoutMillis":"x",
                 "context":{"a":[]},"data":{"options":{}},"new":{"field":1}}
                """#)
        #expect(
            event.header
                == EventHeader(id: "5", name: "ping", replyTo: "reply.1", resourceID: "7", resourceType: nil))
    }

    @Test("says which field of an activate cannot be used, and why (defect 28)")
    func unusableFields() throws {
        let c0 = "deploymentSyncRequest.containers[0]"
        let cases: [(String, String)] = [
            (
                try activateFrame(container: "environment", to: 5),
                "\(c0).environment: an object expected, found a number"
            ),
            (
                try activateFrame(container: "environment", "A", to: []),
                "\(c0).environment.A: a text expected, found an array"
            ),
            (try activateFrame(container: "command", to: 5), "\(c0).command: an array expected, found a number"),
            (try activateFrame(container: "command", to: "sh"), "\(c0).command: an array expected, found a text"),
            (try activateFrame(container: "command", to: [[:]]), "\(c0).command[0]: a text expected, found an object"),
            (try activateFrame(container: "entryPoint", to: true), "\(c0).entryPoint: an array expected, found true"),
            (try activateFrame(container: "labels", to: []), "\(c0).labels: an object expected, found an array"),
            (try activateFrame(container: "tty", to: "maybe"), "\(c0).tty: true or false expected, found a text"),
            (try activateFrame(container: "memory", to: "much"), "\(c0).memory: a number expected, found a text"),
            (
                try activateFrame(container: "memory", to: .number("1e99")),
                "\(c0).memory: a number of at most 64 bits expected, found 1e99"
            ),
            (
                try activateFrame(container: "publicEndpoints", 0, "publicPort", to: "http"),
                "\(c0).publicEndpoints[0].publicPort: a number expected, found a text"
            ),
            (
                try activateFrame(container: "publicEndpoints", 0, "privatePort", to: 70000),
                "\(c0).publicEndpoints[0].privatePort: a number from 0 to 65535 expected, found 70000"
            ),
            (
                try activateFrame(container: "publicEndpoints", 0, to: "80"),
                "\(c0).publicEndpoints[0]: an object expected, found a text"
            ),
            (
                try activateFrame(container: "dataVolumes", to: 5),
                "\(c0).dataVolumes: an array expected, found a number"
            ),
            (
                try activateFrame(container: "dataVolumes", 1, to: 5),
                "\(c0).dataVolumes[1]: a text expected, found a number"
            ),
            (try activateFrame(container: "image", to: [:]), "\(c0).image: a text expected, found an object"),
            (try activateFrame(container: "uuid", to: nil), "\(c0).uuid: missing"),
            (try activateFrame(container: "uuid", to: ""), "\(c0).uuid: missing"),
            (try activateFrame(container: "uuid", to: []), "\(c0).uuid: a text expected, found an array"),
            (try activateFrame(request: "containers", 0, to: "c"), "\(c0): an object expected, found a text"),
            (
                try activateFrame(request: "containers", to: [:]),
                "deploymentSyncRequest.containers: an array expected, found an object"
            ),
            (
                try activateFrame(request: "containers", to: []),
                "the number of instances for deploymentSyncRequest is zero"
            ),
            (
                try activateFrame(request: "containers", to: nil),
                "the number of instances for deploymentSyncRequest is zero"
            ),
            (
                try activateFrame(request: "volumes", to: "v"),
                "deploymentSyncRequest.volumes: an array expected, found a text"
            ),
            (
                try activateFrame(request: "volumes", 0, "driverOpts", to: 5),
                "deploymentSyncRequest.volumes[0].driverOpts: an object expected, found a number"
            ),
            (
                try activateFrame(request: "networks", to: 5),
                "deploymentSyncRequest.networks: an array expected, found a number"
            ),
            (frame("compute.instance.activate", data: nil), "deploymentSyncRequest: missing"),
            (frame("compute.instance.activate", data: "x"), "deploymentSyncRequest: missing"),
            (
                frame("compute.instance.activate", data: ["deploymentSyncRequest": 5]),
                "deploymentSyncRequest: an object expected, found a number"
            ),
        ]
        for (frame, reason) in cases { #expect(try unusableReason(frame) == reason) }
    }

    @Test(
        "says which limit or device cannot be used, and why (defect 69)",
        arguments: [
            (#"{"memory":-1}"#, "memory: a number of at least 0 expected, found -1"),
            (
                #"{"memory":9223372036854775808}"#,
                "memory: a number of at most 64 bits expected, found 9223372036854775808"
            ),
            (#"{"memorySwap":-2}"#, "memorySwap: a number of at least -1 expected, found -2"),
            (#"{"memoryReservation":"-1"}"#, "memoryReservation: a number of at least 0 expected, found -1"),
            (#"{"memorySwappiness":101}"#, "memorySwappiness: a number from -1 to 100 expected, found 101"),
            (#"{"memorySwappiness":[]}"#, "memorySwappiness: a number expected, found an array"),
            (#"{"oomKillDisable":"no"}"#, "oomKillDisable: true or false expected, found a text"),
            (#"{"oomScoreAdj":2000}"#, "oomScoreAdj: a number from -1000 to 1000 expected, found 2000"),
            (#"{"kernelMemory":"much"}"#, "kernelMemory: a number expected, found a text"),
            (#"{"kernelMemory":"nan"}"#, "kernelMemory: a number expected, found a text"),
            (#"{"pidsLimit":-2}"#, "pidsLimit: a number of at least -1 expected, found -2"),
            (#"{"shmSize":-5}"#, "shmSize: a number of at least 0 expected, found -5"),
            (#"{"diskQuota":true}"#, "diskQuota: a number expected, found true"),
            (#"{"cpuPeriod":-1}"#, "cpuPeriod: a number of at least 0 expected, found -1"),
            (#"{"cpuQuota":-2}"#, "cpuQuota: a number of at least -1 expected, found -2"),
            (#"{"cpuShares":-2}"#, "cpuShares: a number of at least 0 expected, found -2"),
            (#"{"milliCpuReservation":-2}"#, "milliCpuReservation: a number of at least 0 expected, found -2"),
            (#"{"cpuSetCpu":[0]}"#, "cpuSetCpu: a text expected, found an array"),
            (#"{"blkioWeight":65536}"#, "blkioWeight: a number from 0 to 65535 expected, found 65536"),
            (#"{"blkioDeviceOptions":[]}"#, "blkioDeviceOptions: an object expected, found an array"),
            (#"{"blkioDeviceOptions":{"/d":5}}"#, "blkioDeviceOptions./d: an object expected, found a number"),
            (
                #"{"blkioDeviceOptions":{"/d":{"weight":70000}}}"#,
                "blkioDeviceOptions./d.weight: a number from 0 to 65535 expected, found 70000"
            ),
            (
                #"{"blkioDeviceOptions":{"/d":{"readBps":-1}}}"#,
                "blkioDeviceOptions./d.readBps: a number of at least 0 expected, found -1"
            ),
            (#"{"stopTimeout":-2}"#, "stopTimeout: a number of at least -1 expected, found -2"),
            (#"{"healthCmd":"true"}"#, "healthCmd: an array expected, found a text"),
            (
                #"{"healthInterval":9223372037}"#,
                "healthInterval: a number from 0 to 9223372036 expected, found 9223372037"
            ),
            (#"{"healthTimeout":-1}"#, "healthTimeout: a number from 0 to 9223372036 expected, found -1"),
            (#"{"healthRetries":-1}"#, "healthRetries: a number of at least 0 expected, found -1"),
            (#"{"logConfig":"json-file"}"#, "logConfig: an object expected, found a text"),
            (#"{"logConfig":{"driver":[]}}"#, "logConfig.driver: a text expected, found an array"),
            (#"{"logConfig":{"config":{"a":[]}}}"#, "logConfig.config.a: a text expected, found an array"),
            (#"{"ulimits":{}}"#, "ulimits: an array expected, found an object"),
            (#"{"ulimits":["nofile"]}"#, "ulimits[0]: an object expected, found a text"),
            (#"{"ulimits":[{"soft":1}]}"#, "ulimits[0].name: missing"),
            (
                #"{"ulimits":[{"name":"core","hard":18446744073709551615}]}"#,
                "ulimits[0].hard: a number of at most 64 bits expected, found 18446744073709551615"
            ),
            (#"{"devices":[{}]}"#, "devices[0]: a text expected, found an object"),
            (#"{"devices":[":/dev/x"]}"#, "devices[0]: \":/dev/x\" names no device of the host"),
            (#"{"tmpfs":["/t"]}"#, "tmpfs: an object expected, found an array"),
            (#"{"sysctls":{"a":{}}}"#, "sysctls.a: a text expected, found an object"),
            (#"{"storageOpt":5}"#, "storageOpt: an object expected, found a number"),
            (#"{"securityOpt":"x"}"#, "securityOpt: an array expected, found a text"),
            (#"{"groupAdd":5}"#, "groupAdd: an array expected, found a number"),
            (#"{"pidMode":{}}"#, "pidMode: a text expected, found an object"),
            (#"{"publishAllPorts":"perhaps"}"#, "publishAllPorts: true or false expected, found a text"),
        ])
    func unusableLimits(fields: String, reason: String) throws {
        var whole = try JSON(parsing: activateFrame)
        for (key, value) in try JSON(parsing: fields).object?.members.map({ ($0.key, $0.value) }) ?? [] {
            whole = whole.setting(["data", "deploymentSyncRequest", "containers", 0, .key(key)], to: value)
        }
        #expect(try unusableReason(whole.encodedText) == "deploymentSyncRequest.containers[0].\(reason)")
    }

    @Test("is not spoiled by fields that nobody uses (defect 87a)")
    func unusedFields() throws {
        let whole = try JSON(parsing: activateFrame)
        let expected = try instance(activateFrame)
        let request: [JSON.Step] = ["data", "deploymentSyncRequest"]
        let changes: [([JSON.Step], JSON)] = [
            (request + ["containers", 0, "created"], "yesterday"), (request + ["containers", 0, "data"], 5),
            (request + ["containers", 0, "restartPolicy"], "x"), (request + ["containers", 0, "ports"], ["a", 5]),
            (request + ["containers", 1, "environment"], 7), (request + ["containers", 1, "labels"], [5]),
            (request + ["networks", 0, "metadata"], []), (request + ["network"], 5), (request + ["revision"], [:]),
            (request + ["volumes", 0, "state"], []), (["data", "processData", "other"], []), (["time"], [:]),
        ]
        for (way, value) in changes { #expect(try instance(whole.setting(way, to: value).encodedText) == expected) }
    }

    @Test("may have nulls, numbers and texts for each other")
    func coercions() throws {
        var frame = try JSON(parsing: activateFrame)
        let container: [JSON.Step] = ["data", "deploymentSyncRequest", "containers", 0]
        let nulls = [
            "labels", "environment", "dataVolumes", "dataVolumesFrom", "dns", "dnsSearch", "publicEndpoints", "memory",
            "tty", "stdinOpen", "hostname", "capAdd", "name", "id",
        ]
        for name in nulls { frame = frame.setting(container + [.key(name)], to: .null) }
        frame = frame.setting(container + ["environment"], to: ["N": 5, "B": true, "Z": nil, "D": .number("1.50")])
        frame = frame.setting(container + ["command"], to: ["sleep", 5, nil])
        frame = frame.setting(container + ["cpuShares"], to: "100")
        frame = frame.setting(container + ["milliCpuReservation"], to: .number("500.9"))
        frame = frame.setting(container + ["privileged"], to: "true")
        frame = frame.setting(container + ["readOnly"], to: 0)
        frame = frame.setting(container + ["user"], to: 1000)
        let found = try instance(frame.encodedText)
        #expect(found.container.environment == ["N": "5", "B": "true", "Z": "", "D": "1.50"])
        #expect(found.container.command == ["sleep", "5"])
        #expect(found.container.cpuShares == 100)
        #expect(found.container.milliCPUReservation == 500)
        #expect(found.container.privileged)
        #expect(!found.container.readOnlyRoot)
        #expect(found.container.user == "1000")
        #expect(found.container.memory == 0)
        #expect(found.container.dataVolumes == [])
        #expect(found.rancherID == "1i20")
        #expect(found.name == "")
    }

    @Test("still stops and removes an instance whose container cannot be read")
    func unreadableContainer() throws {
        let data = try JSON(parsing: activateFrame(container: "environment", to: 5))["data"]
        for name in ["compute.instance.deactivate", "compute.instance.remove"] {
            #expect(try instance(frame(name, data: data)).uuid == "85db87bf-cb14-4643-9e7d-a13e3e77a991")
        }
        let noop = data.setting(["processData", "containerNoOpEvent"], to: true)
        #expect(try instance(frame("compute.instance.activate", data: noop)).noop)
    }

    @Test("does not stop or remove what it does not name")
    func nameless() throws {
        let data: JSON = ["deploymentSyncRequest": ["containers": [["name": "web"]]]]
        for name in ["compute.instance.deactivate", "compute.instance.remove"] {
            #expect(
                try unusableReason(frame(name, data: data))
                    == "deploymentSyncRequest.containers[0]: neither uuid nor externalId")
        }
    }
}
