import LosslessJSON
import Model
import Runtime
import Testing

/// From what the server asked for to the engine's create call (PROTOCOL 6).
@Suite("The body of the create call")
struct CreateBodyTests {
    private func body(_ change: (inout ContainerSpecification) -> Void) throws -> JSON {
        var instance = InstanceSpecification(uuid: "85db87bf-cb14", name: "web")
        instance.container.image = "nginx:1.13"
        change(&instance.container)
        return try CreateBody.of(instance)
    }

    @Test("holds nothing that was not asked for")
    func minimal() throws {
        let expected = """
            {"Image":"nginx:1.13","Labels":{"io.rancher.container.agent.uuid":"85db87bf-cb14"},"HostConfig":{}}
            """
        let body = try body { _ in }
        #expect(body.encodedText == expected)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let path: String
        /// As JSON text; the compiler takes minutes over a table of literals.
        let expected: String
        let change: @Sendable (inout ContainerSpecification) -> Void
    }

    private static func row(
        _ name: String, _ path: String, _ expected: String,
        _ change: @escaping @Sendable (inout ContainerSpecification) -> Void
    ) -> Row {
        Row(testDescription: name, path: path, expected: expected, change: change)
    }

    private static let processes: [Row] = [
        row("command", "Cmd", #"["a","b c"]"#) { $0.command = ["a", "b c"] },
        row("no command", "Cmd", "null") { $0.command = nil },
        row("empty command", "Cmd", "[]") { $0.command = [] },
        row("entry point", "Entrypoint", #"["/e"]"#) { $0.entryPoint = ["/e"] },
        row("no entry point takes the image's", "Entrypoint", "null") { $0.entryPoint = nil },
        row("empty entry point takes none", "Entrypoint", "[]") { $0.entryPoint = [] },
        row("environment, sorted", "Env", #"["A=1","B=","C=x=y"]"#) {
            $0.environment = ["C": "x=y", "A": "1", "B": ""]
        },
        row("the agent's label wins", "Labels", #"{"io.rancher.container.agent.uuid":"85db87bf-cb14"}"#) {
            $0.labels = ["io.rancher.container.agent.uuid": "other"]
        },
        row("working directory", "WorkingDir", #""/w""#) { $0.workingDirectory = "/w" },
        row("user", "User", #""1000:1000""#) { $0.user = "1000:1000" },
        row("tty", "Tty", "true") { $0.tty = true },
        row("standard input", "OpenStdin", "true") { $0.openStandardInput = true },
        row("memory", "HostConfig/Memory", "268435456") { $0.memory = 268_435_456 },
        row("cpu shares", "HostConfig/CpuShares", "700") { $0.cpuShares = 700 },
        row("no cpu shares when none are asked for", "HostConfig/CpuShares", "null") { $0.cpuShares = 0 },
        row("cpu shares are at least 2", "HostConfig/CpuShares", "2") { $0.cpuShares = 1 },
        row("a reservation goes before shares", "HostConfig/CpuShares", "512") {
            $0.milliCPUReservation = 500
            $0.cpuShares = 700
        },
        row("an absurd reservation is the largest there is", "HostConfig/CpuShares", "262144") {
            $0.milliCPUReservation = .max
        },
        row("a tiny reservation is still one", "HostConfig/CpuShares", "2") { $0.milliCPUReservation = 1 },
    ]

    private static let networks: [Row] = [
        row("hostname", "Hostname", #""h""#) { $0.hostname = "h" },
        row("no hostname in the host's network", "Hostname", "null") {
            $0.hostname = "h"
            $0.network = .host
        },
        row("no hostname in another's network", "Hostname", "null") {
            $0.hostname = "h"
            $0.network = .container(id: "f00d")
        },
        row("hostname without a network", "Hostname", #""h""#) {
            $0.hostname = "h"
            $0.network = .none
        },
        row("host network", "HostConfig/NetworkMode", #""host""#) { $0.network = .host },
        row("bridge is the engine's default", "HostConfig/NetworkMode", "null") { $0.network = .bridge },
        row("no network", "HostConfig/NetworkMode", #""none""#) { $0.network = .none },
        row("no network is disabled", "NetworkDisabled", "true") { $0.network = .none },
        row("cni is not disabled", "NetworkDisabled", "null") { $0.network = .cni },
        row("cni has none from the engine", "HostConfig/NetworkMode", #""none""#) { $0.network = .cni },
        row("another's network", "HostConfig/NetworkMode", #""container:f00d""#) {
            $0.network = .container(id: "f00d")
        },
        row(
            "ports", "HostConfig/PortBindings",
            """
            {"80/tcp":[{"HostIp":"","HostPort":"8080"},{"HostIp":"127.0.0.1","HostPort":"8081"}],\
            "53/udp":[{"HostIp":"","HostPort":""}]}
            """
        ) {
            $0.ports = [
                PortBinding(privatePort: 80, publicPort: 8080, transport: "tcp", hostAddress: ""),
                PortBinding(privatePort: 80, publicPort: 8081, transport: "tcp", hostAddress: "127.0.0.1"),
                PortBinding(privatePort: 53, publicPort: 0, transport: "udp", hostAddress: ""),
            ]
        },
        row("exposed ports", "ExposedPorts", #"{"80/tcp":{}}"#) {
            $0.ports = [PortBinding(privatePort: 80, publicPort: 8080, transport: "tcp", hostAddress: "")]
        },
        row("no ports in the host's network", "ExposedPorts", "null") {
            $0.ports = [PortBinding(privatePort: 80, publicPort: 8080, transport: "tcp", hostAddress: "")]
            $0.network = .host
        },
    ]

    private static let volumes: [Row] = [
        row("volumes", "Volumes", #"{"/anonymous":{},"/data":{},"/srv":{}}"#) {
            $0.dataVolumes = ["/anonymous", "data:/data", "/srv:/srv:ro"]
        },
        row("binds", "HostConfig/Binds", #"["data:/data:rw","/srv:/srv:ro"]"#) {
            $0.dataVolumes = ["/anonymous", "data:/data", "/srv:/srv:ro"]
        },
        row("volumes of others", "HostConfig/VolumesFrom", #"["f00d"]"#) { $0.volumesFrom = ["f00d"] },
    ]

    static let rows = processes + networks + volumes

    @Test("says of one field what was asked for", arguments: rows)
    func field(row: Row) throws {
        let whole = try body(row.change)
        let value = row.path.split(separator: "/").reduce(whole) { value, member in value[String(member)] }
        #expect(value.encodedText == row.expected)
    }

    @Test("cannot be made without an image, for an unknown network partner or for half a volume (defect 40)")
    func impossible() {
        #expect(throws: SpecificationError.self) { try body { $0.image = "" } }
        #expect(throws: SpecificationError.self) { try body { $0.network = .container(id: nil) } }
        #expect(throws: SpecificationError.self) { try body { $0.dataVolumes = [":/data"] } }
    }

    // MARK: What comes from outside

    private func body(
        _ context: CreateContext, _ change: (inout ContainerSpecification) -> Void
    ) throws -> JSON {
        var instance = InstanceSpecification(uuid: "85db87bf-cb14", name: "web")
        instance.container.image = "nginx:1.13"
        change(&instance.container)
        return try CreateBody.of(instance, context)
    }

    struct Wait: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var entryPoint: [String]?
        var command: [String]?
        var imageEntryPoint: [String]?
        var imageCommand: [String]?
        /// As JSON text.
        let expected: String
    }

    static let waits: [Wait] = [
        Wait(
            testDescription: "takes the image's for both", imageEntryPoint: ["/e"], imageCommand: ["c"],
            expected: #"["/.r/r","/e"] ["c"]"#),
        Wait(
            testDescription: "keeps a command of its own", command: ["own"], imageEntryPoint: ["/e"],
            imageCommand: ["c"], expected: #"["/.r/r","/e"] ["own"]"#),
        Wait(
            testDescription: "takes an empty command for none", command: [], imageEntryPoint: ["/e"],
            imageCommand: ["c"], expected: #"["/.r/r","/e"] ["c"]"#),
        Wait(
            testDescription: "does not inherit the entry point for an empty one", entryPoint: [],
            imageEntryPoint: ["/e"], imageCommand: ["c"], expected: #"["/.r/r"] ["c"]"#),
        Wait(
            testDescription: "leaves an entry point of its own without the image's command", entryPoint: ["/own"],
            imageEntryPoint: ["/e"], imageCommand: ["c"], expected: #"["/.r/r","/own"] null"#),
        Wait(testDescription: "leaves nothing as it is", expected: "null null"),
        Wait(testDescription: "leaves two empty lists as they are", entryPoint: [], command: [], expected: "[] []"),
        Wait(
            testDescription: "does not wait twice", entryPoint: ["/.r/r", "sh"], command: ["x"],
            expected: #"["/.r/r","sh"] ["x"]"#),
        Wait(
            testDescription: "does not wait twice where the image waits", imageEntryPoint: ["/.r/r", "sh"],
            imageCommand: ["x"], expected: #"["/.r/r","sh"] ["x"]"#),
    ]

    @Test("waits for the network before the real process, whatever that is", arguments: waits)
    func networkWait(wait: Wait) throws {
        var context = CreateContext()
        context.imageEntryPoint = wait.imageEntryPoint
        context.imageCommand = wait.imageCommand
        func made(label: String) throws -> JSON {
            try body(context) {
                $0.labels = ["io.rancher.cni.wait": label]
                $0.entryPoint = wait.entryPoint
                $0.command = wait.command
            }
        }
        let waiting = try made(label: "true")
        #expect("\(waiting["Entrypoint"].encodedText) \(waiting["Cmd"].encodedText)" == wait.expected)
        #expect(waiting["HostConfig"]["Binds"] == ["rancher-cni:/.r:ro"])
        let other = try made(label: "false")
        #expect(other["Entrypoint"] == wait.entryPoint.map(JSON.init) ?? .null)
        #expect(other["HostConfig"]["Binds"].isNull)
    }

    @Test("binds the helper for the network once, in place of whatever was there (defect 43)")
    func networkWaitBind() throws {
        let made = try body(CreateContext()) {
            $0.labels = ["io.rancher.cni.wait": "true"]
            $0.dataVolumes = ["rancher-cni:/.r:ro", "other:/.r/", "/.r:/data"]
        }
        #expect(made["HostConfig"]["Binds"] == ["/.r:/data:rw", "rancher-cni:/.r:ro"])
    }

    @Test("has the engine's own directory where the engine has it")
    func engineDirectory() throws {
        func binds(_ root: String, _ volume: String) throws -> JSON {
            var context = CreateContext()
            context.rootDirectory = root
            return try body(context) { $0.dataVolumes = [volume] }["HostConfig"]["Binds"]
        }
        let usual = "/var/lib/docker:/var/lib/docker"
        #expect(try binds("", usual) == ["/var/lib/docker:/var/lib/docker:rw"])
        #expect(try binds("/var/lib/docker", usual) == ["/var/lib/docker:/var/lib/docker:rw"])
        #expect(try binds("/mnt/d", usual) == ["/mnt/d:/var/lib/docker:rw", "/mnt/d:/mnt/d:rw"])
        #expect(try binds("/mnt/d", usual + ":z") == ["/mnt/d:/var/lib/docker:z", "/mnt/d:/mnt/d:z"])
        #expect(try binds("/mnt/d", "/var/lib/docker:/other") == ["/var/lib/docker:/other:rw"])
    }

    @Test("cannot be made with a flex volume that is mounted nowhere or goes nowhere (defect 66)")
    func flexVolumes() {
        var context = CreateContext()
        context.mountpoints = ["flex": "", "mounted": "/m"]
        #expect(throws: SpecificationError.self) { try body(context) { $0.dataVolumes = ["flex:/data"] } }
        #expect(throws: SpecificationError.self) { try body(context) { $0.dataVolumes = ["mounted"] } }
    }

    @Test("has no limits for a default disk that nobody has measured")
    func noDefaultDisk() throws {
        let made = try body(CreateContext()) {
            $0.blockIO.devices = [BlockIOLimits.defaultDisk: .init(weight: 1, readBytes: 2)]
        }
        #expect(made["HostConfig"] == [:])
    }

    @Test("does not tell an engine of API 1.24 how long a stop may take")
    func noStopTimeout() throws {
        var context = CreateContext()
        context.supportsStopTimeout = false
        #expect(try body(context) { $0.stopTimeoutSeconds = 5 }["StopTimeout"].isNull)
        #expect(try body(CreateContext()) { $0.stopTimeoutSeconds = 5 }["StopTimeout"] == 5)
    }

    @Test("has the host's search domains only beside Rancher's own")
    func searchDomains() throws {
        var context = CreateContext()
        context.hostSearchDomains = ["host.example"]
        func domains(_ own: [String]) throws -> JSON {
            try body(context) { $0.dnsSearch = own }["HostConfig"]["DnsSearch"]
        }
        #expect(try domains([]).isNull)
        #expect(try domains(["a.example"]) == ["a.example"])
        #expect(try domains(["rancher.internal", "a.example"]) == ["rancher.internal", "a.example"])
        #expect(try domains(["x.rancher.internal"]) == ["x.rancher.internal", "host.example"])
    }

    @Test(
        "takes the search domains of the last line that begins with the word (defect 71)",
        arguments: [
            ("search a b\n", ["a", "b"]), ("search a\nsearch b\n", ["b"]), ("search\ta\t b\r\n", ["a", "b"]),
            ("search a\nsearchx b\n", ["a"]), ("search a\nsearch\n", ["a"]), (" search a\n", []),
            ("# search a\nnameserver 1.2.3.4\ndomain d\n", []), ("", []), ("nameserver x\nsearch a", ["a"]),
        ])
    func resolverFile(text: String, expected: [String]) {
        #expect(HostResolver.searchDomains(in: text) == expected)
    }
}
