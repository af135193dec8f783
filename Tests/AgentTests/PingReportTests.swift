import FakeHost
import HostInfo
import LosslessJSON
import Model
import RancherAPI
import Testing

@testable import Agent
@testable import Runtime

@Suite("The answer to a ping")
struct PingReportTests {
    /// A host whose figures are those of the worked example.
    private struct Example {
        let files: FakeHost
        var configuration: AgentConfiguration
        var host: PingReport.KnownHost

        init() async throws {
            files = try FakeHost()
            try files.write("proc/cpuinfo", "processor : 0\nmodel name : Some CPU\ncpu MHz : 2300\n")
            try files.write("proc/loadavg", "0.05 0.10 0.20 1/2 3\n")
            try files.write("proc/stat", "cpu0 0 0 0 0\ncpu1 0 0 0 0\n")
            let before = CPUTimes(roots: files.roots)
            try files.write("proc/stat", "cpu0 12 0 0 988\ncpu1 0 0 0 1000\n")
            try files.write(
                "proc/meminfo",
                "MemTotal: 4046848 kB\nMemFree: 1140000 kB\nMemAvailable: 2437120 kB\nBuffers: 166887 kB\n"
                    + "Cached: 1297000 kB\nActive: 796000 kB\nInactive: 817000 kB\nSwapTotal: 1730560 kB\n"
                    + "SwapFree: 1730560 kB\n")
            try files.write("proc/version", "Linux version 4.9.0-3-amd64 (x)")
            try files.write("proc/filesystems", "\text4\n")
            try files.write("proc/self/mounts", "/dev/sda1 / ext4 rw 0 0\n")
            configuration = AgentConfiguration(environment: [
                "CATTLE_NODE_NAME": "NODE1", "CATTLE_HOST_LABELS": "zone=a",
                "RANCHER_AGENT_IMAGE": "rancher/agent:v2.0-alpha4",
            ])
            var snapshot = HostSnapshot(roots: files.roots, stateDirectory: files.state)
            snapshot.cpu.count = 4
            snapshot.cpu.percentages = CPUTimes(roots: files.roots).percentages(since: before)
            let probe = FileSystemProbe { _ in
                FileSystemUsage(total: 28447 << 20, used: 11665 << 20, free: 16782 << 20)
            }
            snapshot.disk = await DiskInfo(roots: files.roots, probe: probe)
            snapshot.freeStorageMiB = 16782
            snapshot.key = try HostKey(path: files.directory + "/host.key")
            host = PingReport.KnownHost(
                hostname: "node1.example", address: "192.0.2.10", snapshot: snapshot, hasKVM: false)
            var engine = EngineDescription()
            engine.version = "17.06.2-ce"
            engine.gitCommit = "cec0b72"
            engine.storageDriver = "overlay2"
            engine.operatingSystem = "Debian GNU/Linux 9"
            host.engine = engine
        }

        func report(stats: Bool = true, uuids: HostUUIDs? = nil) -> PingReport {
            var report = PingReport(uuids: uuids)
            report.add(host: host, configuration, stats: stats)
            return report
        }
    }

    @Test("in dialect B names the machine, the host and whatever is on it by their uuids (defects 91, 92)")
    func dialectB() async throws {
        let example = try await Example()
        var report = example.report(uuids: HostUUIDs(physicalHost: "p", dockerHost: "d"))
        let details = ContainerDetails(image: "nginx", labels: ["a": "b"], createdSeconds: 17)
        report.add(all: [
            ContainerSummary(id: "9b41", name: "r-web", state: .running, instanceUUID: "u-1", details: details),
            ContainerSummary(id: "f00d", name: "by-hand", state: .created, instanceUUID: ""),
            ContainerSummary(id: "beef", name: "", state: .exited, instanceUUID: ""),
        ])
        #expect(report.isComplete)
        let resources = report.resources
        #expect(resources.allSatisfy { $0["systemContainer"] == "" })
        #expect(
            resources.map { $0["type"].text } == [
                "physicalHost", "host", "storagePool", "ipAddress", "hostUuid", "instance", "instance", "instance",
            ])
        #expect(
            resources[0] == [
                "type": "physicalHost", "kind": "physicalHost", "uuid": "p", "name": "node1.example",
                "systemContainer": "",
            ])
        #expect(resources[1]["uuid"] == "d")
        #expect(resources[1]["physicalHostUuid"] == "p")
        #expect(resources[1]["labels"]["io.rancher.host.os"] == "linux")
        #expect(resources[1]["memory"] == 4_143_972_352)
        #expect(!resources[1]["info"].isNull)
        for key in ["nodeName", "machineServiceRegistrationUuid"] { #expect(resources[1].object?[key] == nil) }
        #expect(resources[2]["uuid"] == "d-pool")
        #expect(resources[2]["hostUuid"] == "d")
        #expect(resources[3]["uuid"] == "192.0.2.10")
        #expect(resources[3]["hostUuid"] == "d")
        #expect(resources[4] == ["type": "hostUuid", "uuid": "d", "systemContainer": ""])
        #expect(
            resources[5] == [
                "type": "instance", "state": "running", "uuid": "u-1", "dockerId": "9b41", "image": "nginx",
                "labels": ["a": "b"], "created": 17, "systemContainer": "",
            ])
        #expect(
            resources[6] == [
                "type": "instance", "state": "stopped", "uuid": "by-hand", "dockerId": "f00d", "systemContainer": "",
            ])
        #expect(resources[7]["uuid"] == "no-uuid-beef")
    }

    private static let containers = [
        ContainerSummary(id: "9b41", name: "a", state: .running, instanceUUID: ""),
        ContainerSummary(id: "f00d", name: "b", state: .exited, instanceUUID: ""),
    ]

    /// The worked example of the protocol (A.2), with texts where it has dots.
    private static let example = #"""
        {"id":"x","name":"reply.99","previousIds":["e"],"resourceId":"1a3","resourceType":"agent","time":1506300000500,
         "data":{"hashKey":"29f0","options":{"instances":true},"resources":[
          {"type":"host","kind":"docker","hostname":"node1.example","nodeName":"node1","createLabels":{"zone":"a"},
           "labels":{"io.rancher.host.docker_version":"17.06","io.rancher.host.linux_kernel_version":"4.9",
                     "io.rancher.host.agent_image":"rancher/agent:v2.0-alpha4"},
           "memory":4143972352,"milliCpu":4000,"localStorageMb":16782,
           "info":{"cpuInfo":{"count":4,"modelName":"Some CPU","mhz":2300,"cpuCoresPercentages":[1.2,0],
                              "loadAvg":["0.05","0.1","0.2"]},
                   "memoryInfo":{"memTotal":3952,"memFree":1113,"memAvailable":2380,"buffers":162,"cached":1266,
                                 "swapCached":0,"active":777,"inactive":797,"swaptotal":1690,"swapfree":1690},
                   "diskInfo":{"fileSystems":{"/dev/sda1":{"capacity":28447}},
                               "mountPoints":{"/dev/sda1":{"free":16782,"total":28447,"used":11665,
                                                           "percentage":41.00608148486659}},
                               "dockerStorageDriver":"overlay2","dockerStorageDriverStatus":{}},
                   "iopsInfo":{},
                   "osInfo":{"operatingSystem":"Debian GNU/Linux 9","kernelVersion":"4.9.0",
                             "dockerVersion":"Docker version 17.06.2-ce, build cec0b72"},
                   "hostKey":{"data":"PEM"},
                   "cloudProvider":null}},
          {"type":"storagePool","kind":"docker","name":"node1.example Storage Pool"},
          {"type":"ipAddress","uuid":"192.0.2.10","addresss":"192.0.2.10"},
          {"type":"instance","state":"running","externalId":"9b41"},
          {"type":"instance","state":"stopped","externalId":"f00d"}]}}
        """#

    /// Each value by its place in the document.
    private func leaves(_ value: JSON, at place: String = "") -> [String: JSON] {
        var found: [String: JSON] = [:]
        if let object = value.object, !object.isEmpty {
            for member in object { found.merge(leaves(member.value, at: place + "/" + member.key)) { $1 } }
        } else if let array = value.array, !array.isEmpty {
            for (index, element) in array.enumerated() { found.merge(leaves(element, at: "\(place)/\(index)")) { $1 } }
        } else {
            found[place] = value
        }
        return found
    }

    @Test("to everything is the worked example, figure by figure (defects 92, 94, 98)")
    func workedExample() async throws {
        var report = try await Example().report()
        report.add(all: Self.containers)
        let event = EventHeader(id: "e", name: "ping", replyTo: "reply.99", resourceID: "1a3", resourceType: "agent")
        let text = RancherCodec().pingReply(
            to: event, resources: report.resources, instancesComplete: report.isComplete, hashKey: report.digest,
            messageID: "x", at: Timestamp(milliseconds: 1_506_300_000_500))
        var ours = leaves(try JSON(parsing: text))
        var theirs = leaves(try JSON(parsing: Self.example))
        // Each message of ours has these.
        for place in ["/links", "/actions"] { #expect(ours.removeValue(forKey: place) == .null) }
        // Both spellings of what they misspelled.
        let memory = "/data/resources/0/info/memoryInfo/"
        #expect(ours.removeValue(forKey: memory + "swapTotal") == 1690)
        #expect(ours.removeValue(forKey: memory + "swapFree") == 1690)
        #expect(ours.removeValue(forKey: "/data/resources/2/address") == "192.0.2.10")
        for place in ["/data/hashKey", "/data/resources/0/info/hostKey/data"] {
            #expect(ours.removeValue(forKey: place)?.nonEmptyText != nil)
            theirs[place] = nil
        }
        for place in Set(ours.keys).union(theirs.keys).sorted() {
            #expect(ours[place] == theirs[place], "\(place)")
        }
    }

    @Test(
        "reports a container by its state: one that was never started is stopped and not gone (defects 90, 91)",
        arguments: [
            (ContainerState.running, "running"), (.paused, "running"), (.created, "stopped"), (.exited, "stopped"),
            (.restarting, "stopped"), (.dead, "stopped"), (.removing, "stopped"),
        ])
    func states(state: ContainerState, reported: String) {
        var report = PingReport()
        report.add(all: [ContainerSummary(id: "c", name: "n", state: state, instanceUUID: "")])
        #expect(report.resources == [["type": "instance", "state": .string(reported), "externalId": "c"]])
        #expect(report.isComplete)
    }

    @Test("goes by the state word of the engine's list and not by its sentence (defect 90)")
    func stateWord() throws {
        func state(_ text: String) throws -> ContainerState? { ContainerSummary(try JSON(parsing: text))?.state }
        #expect(try state(#"{"Id":"c","State":"running","Status":"Läuft seit 3 Minuten"}"#) == .running)
        #expect(try state(#"{"Id":"c","State":"exited","Status":"Up the hill"}"#) == .exited)
        #expect(try state(#"{"Id":"c","State":"created","Status":"Created"}"#) == .created)
    }

    @Test("has no figures of the host unless they were asked for, but always what is free on its disk (defect 94)")
    func withoutStats() async throws {
        var example = try await Example()
        let host = example.report(stats: false).resources[0]
        for key in ["info", "memory", "milliCpu"] { #expect(host.object?[key] == nil, "\(key)") }
        #expect(host["localStorageMb"] == 16782)
        example.configuration.memoryOverride = 1
        example.configuration.milliCPUOverride = 2
        example.configuration.localStorageOverride = 3
        for stats in [true, false] {
            let host = example.report(stats: stats).resources[0]
            #expect([host["memory"], host["milliCpu"], host["localStorageMb"]] == [1, 2, 3])
        }
    }

    @Test("says what is known already while the engine and the first figures are not there yet (defects 89, 103)")
    func early() async throws {
        var example = try await Example()
        example.host.snapshot = nil
        example.host.engine = nil
        example.host.address = nil
        let bare = example.report()
        #expect(bare.resources.map { $0["type"].text } == ["host", "storagePool"])
        #expect(
            bare.resources[0].object?.keys == ["type", "kind", "hostname", "nodeName", "createLabels", "labels"])
        #expect(bare.resources[0]["labels"]["io.rancher.host.docker_version"].isNull)
        let empty = try FakeHost()
        example.host.snapshot = HostSnapshot(roots: empty.roots, stateDirectory: empty.state)
        let info = example.report().resources[0]["info"]
        #expect(info["osInfo"]["dockerVersion"] == "unknown")
        #expect(info["memoryInfo"] == [:])
        #expect(info["hostKey"] == [:])
        #expect(info["diskInfo"]["fileSystems"] == [:])
        #expect(info.object?["cloudProvider"] == .null)
    }

    @Test("leaves the address out while it is unknown (defect 95)", arguments: [nil, ""])
    func noAddress(address: String?) async throws {
        var example = try await Example()
        example.host.address = address
        #expect(example.report().resources.map { $0["type"].text } == ["host", "storagePool"])
    }

    @Test("has a digest that changes with what the server stores, and not with the figures (defect 93)")
    func digest() async throws {
        var example = try await Example()
        let digest = example.report().digest
        #expect(digest.count == 16 && digest.allSatisfy(\.isHexDigit))
        example.host.snapshot?.cpu.percentages = [77, 88]
        example.host.snapshot?.cpu.loadAverages = ["9", "9", "9"]
        example.host.snapshot?.freeStorageMiB = 5
        #expect(example.report().digest == digest)
        #expect(example.report(stats: false).digest == digest)
        example.host.cloudLabels = ["io.rancher.host.region": "eu-west-1"]
        let labelled = example.report().digest
        #expect(labelled != digest)
        example.host.hostname = "node2.example"
        #expect(![digest, labelled].contains(example.report().digest))
        var instances = PingReport()
        instances.add(all: Self.containers)
        #expect(instances.digest == "")
    }
}
