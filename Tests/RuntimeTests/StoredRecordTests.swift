import Model
import Testing

/// A specification is stored as JSON; what an earlier version wrote has to be read by a later one.
@Suite("A stored specification")
struct StoredRecordTests {
    /// As it was written before there were limits, health checks and devices in it.
    private static let early = #"""
        {"container":{"capabilitiesAdded":["ALL"],"capabilitiesDropped":["MKNOD"],
        "command":["nginx","-g","daemon off;"],"cpuShares":100,"dataVolumes":["data:/data"],"dns":["1.2.3.4"],
        "dnsSearch":["x.org"],"domainName":"d","entryPoint":[],"environment":{"A":"1"},"extraHosts":["a:1.2.3.4"],
        "hostname":"h","image":"nginx:1.13","labels":{"tier":"front"},"memory":67108864,"milliCPUReservation":500,
        "network":{"container":{"id":"feedbeef"}},"openStandardInput":true,
        "ports":[{"hostAddress":"","privatePort":80,"publicPort":8080,"transport":"tcp"}],"privileged":true,
        "readOnlyRoot":true,"stopSignal":"SIGINT","tty":true,"user":"1000","volumesFrom":["beef"],
        "workingDirectory":"/w"},"credential":{"email":"","password":"s3cret","serverAddress":"","user":"bob"},
        "externalID":"f00d","name":"web","noop":false,"rancherID":"1i20","stopGraceSeconds":3,"uuid":"85db87bf-cb14",
        "volumes":[{"driver":"local","driverOptions":{},"isHostPath":false,"name":"data","uri":""}]}
        """#

    @Test("of an earlier version is read, and what it does not know was not asked for")
    func earlyRecord() throws {
        var expected = ContainerSpecification()
        expected.image = "nginx:1.13"
        expected.command = ["nginx", "-g", "daemon off;"]
        expected.entryPoint = []
        expected.environment = ["A": "1"]
        expected.labels = ["tier": "front"]
        expected.workingDirectory = "/w"
        expected.user = "1000"
        expected.tty = true
        expected.openStandardInput = true
        expected.hostname = "h"
        expected.domainName = "d"
        expected.stopSignal = "SIGINT"
        expected.network = .container(id: "feedbeef")
        expected.ports = [PortBinding(privatePort: 80, publicPort: 8080, transport: "tcp", hostAddress: "")]
        expected.dataVolumes = ["data:/data"]
        expected.volumesFrom = ["beef"]
        expected.memory = 67_108_864
        expected.cpuShares = 100
        expected.milliCPUReservation = 500
        expected.dns = ["1.2.3.4"]
        expected.dnsSearch = ["x.org"]
        expected.extraHosts = ["a:1.2.3.4"]
        expected.privileged = true
        expected.readOnlyRoot = true
        expected.capabilitiesAdded = ["ALL"]
        expected.capabilitiesDropped = ["MKNOD"]
        let instance = try InstanceSpecification(recordedText: Self.early)
        #expect(instance.container == expected)
        #expect(instance.uuid == "85db87bf-cb14")
        #expect(instance.credential == RegistryCredential(user: "bob", password: "s3cret"))
    }

    @Test("of no version at all is what nobody asked anything of")
    func emptyRecord() throws {
        let empty = try ContainerSpecification(recordedText: "{}")
        #expect(empty == ContainerSpecification())
        let parts = #"{"limits":{},"blockIO":{},"healthCheck":{},"isolation":{},"log":{},"restartPolicy":{}}"#
        let emptyParts = try ContainerSpecification(recordedText: parts)
        #expect(emptyParts == ContainerSpecification())
    }

    /// The members are written out, so that a property can be forgotten among them.
    @Test("is read back with every property that it has")
    func everyProperty() throws {
        var full = ContainerSpecification()
        full.command = []
        full.entryPoint = []
        full.network = .cni
        full.runInit = false
        full.volumesFromInstances = [RelatedInstance(uuid: "u")]
        full.ports = [PortBinding(privatePort: 1, publicPort: 0, transport: "tcp", hostAddress: "")]
        full.devices = [DeviceMapping(hostPath: "a", containerPath: "b", permissions: "r")]
        full.limits.memorySwappiness = 0
        full.limits.oomKillDisabled = false
        full.limits.ulimits = [Ulimit(name: "core", soft: 0, hard: -1)]
        full.blockIO.devices = ["x": .init(weight: 1)]
        let texts: [WritableKeyPath<ContainerSpecification, String>] = [
            \.image, \.workingDirectory, \.user, \.hostname, \.domainName, \.stopSignal, \.limits.cpuSet,
            \.limits.memoryNodes, \.limits.cgroupParent, \.isolation.processes, \.isolation.ipc, \.isolation.uts,
            \.isolation.users, \.isolation.cgroup, \.log.driver, \.macAddress, \.restartPolicy.name,
        ]
        for path in texts { full[keyPath: path] = "x" }
        let lists: [WritableKeyPath<ContainerSpecification, [String]>] = [
            \.dataVolumes, \.volumesFrom, \.links, \.dns, \.dnsSearch, \.dnsOptions, \.extraHosts, \.capabilitiesAdded,
            \.capabilitiesDropped, \.healthCheck.command, \.isolation.securityOptions, \.isolation.additionalGroups,
        ]
        for path in lists { full[keyPath: path] = ["x"] }
        let maps: [WritableKeyPath<ContainerSpecification, [String: String]>] = [
            \.environment, \.labels, \.tmpfs, \.log.options, \.sysctls, \.storageOptions,
        ]
        for path in maps { full[keyPath: path] = ["x": "y"] }
        let flags: [WritableKeyPath<ContainerSpecification, Bool>] = [
            \.tty, \.openStandardInput, \.stopsAtOnce, \.publishAllPorts, \.privileged, \.readOnlyRoot,
        ]
        for path in flags { full[keyPath: path] = true }
        let numbers: [WritableKeyPath<ContainerSpecification, Int>] = [
            \.stopTimeoutSeconds, \.memory, \.cpuShares, \.milliCPUReservation, \.healthCheck.intervalSeconds,
            \.healthCheck.timeoutSeconds, \.healthCheck.retries, \.limits.cpuPeriod, \.limits.cpuQuota,
            \.limits.memoryReservation, \.limits.memorySwap, \.limits.kernelMemory, \.limits.oomScoreAdjustment,
            \.limits.cpuRealtimePeriod, \.limits.cpuRealtimeRuntime, \.restartPolicy.maximumRetries,
            \.limits.processes, \.limits.sharedMemory, \.limits.diskQuota, \.blockIO.weight,
        ]
        for path in numbers { full[keyPath: path] = 7 }
        // A property that was not set above would let the next test pass without proving anything.
        #expect(unchanged(full, ContainerSpecification()) == [])
        let stored = try ContainerSpecification(recordedText: full.recordedText)
        #expect(stored == full)
    }

    /// The properties, also of the parts, that two specifications have in common.
    private func unchanged(_ one: Any, _ other: Any, _ way: String = "") -> [String] {
        let pairs = zip(Mirror(reflecting: one).children, Mirror(reflecting: other).children)
        return pairs.flatMap { left, right -> [String] in
            let name = way + (left.label ?? "?")
            if Mirror(reflecting: left.value).displayStyle == .struct, type(of: left.value) != Int.self,
                !(left.value is String), !(left.value is Bool)
            {
                return unchanged(left.value, right.value, name + ".")
            }
            return "\(left.value)" == "\(right.value)" ? [name] : []
        }
    }
}
