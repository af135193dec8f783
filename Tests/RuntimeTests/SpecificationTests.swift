import Foundation
import LosslessJSON
import Model
import RancherAPI
import Runtime
import Testing

/// From the events in `fixtures/specification` through the codec to the create call, as `fixtures/specification.json`
/// tells it row by row (PROTOCOL 6.2 to 6.4 and 6.7 to 6.10).
@Suite("The specification")
struct SpecificationTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fixtures")

    private static func json(_ path: String) throws -> JSON {
        try JSON(parsing: String(contentsOf: fixtures.appending(path: path), encoding: .utf8))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let field: String
        let event: String
        let dialect: Dialect
        let path: String
        let expected: JSON

        var testDescription: String { "\(name) from \(field), dialect \(dialect.rawValue)" }
    }

    /// One for each dialect that the row of the table is about.
    static let rows: [Row] = ((try? json("specification.json"))?.array ?? []).flatMap { row in
        Dialect.allCases.filter { row["dialects"].text?.contains($0.rawValue) == true }.map { dialect in
            Row(
                name: row["row"].text ?? "", field: row["field"].text ?? "", event: row["event"].text ?? "",
                dialect: dialect, path: row["path"].text ?? "", expected: row["expected"])
        }
    }

    private static func rows(_ dialect: Dialect) -> [Row] { rows.filter { $0.dialect == dialect } }
    private static func events(_ dialect: Dialect) -> Set<String> { Set(rows(dialect).map(\.event)) }

    /// A host, an engine and an image that leave their marks in the body.
    private static var context: CreateContext {
        var context = CreateContext()
        context.mountpoints = ["flex": "/mnt/flex"]
        context.rootDirectory = "/mnt/docker"
        context.hostSearchDomains = ["corp.example", "rancher.internal", "lab.example", "corp.example"]
        context.defaultDisk = "/dev/default"
        context.imageCommand = ["sleep", "3600"]
        return context
    }

    /// What an agent has to add for some servers.
    private static var facts: AgentFacts {
        var facts = AgentFacts()
        facts.proxyVariables = ["HTTP_PROXY": "http://own:3128", "no_proxy": "localhost", "http_proxy": "", "X": "y"]
        facts.configurationURL = { "http://server:8080/v1" }
        return facts
    }

    static func instance(_ event: String, _ dialect: Dialect = .a) throws -> InstanceSpecification {
        let frame = try json("specification/\(dialect == .b ? "b/" : "")\(event).json").encodedText
        let decoded = try RancherCodec(facts: facts).decode(frame: frame)
        #expect(decoded.header.dialect == dialect)
        guard case .activateInstance(let instance) = decoded.request else {
            throw SpecificationError("\(event) is not an activate that can be used: \(decoded.request)")
        }
        return instance
    }

    static func body(_ event: String, _ dialect: Dialect = .a) throws -> JSON {
        let instance = try Self.instance(event, dialect)
        var context = Self.context
        // On this host, every container is there that the server knows of.
        var others = instance.container.volumesFromInstances
        if case .instance(let other) = instance.container.network { others.append(other) }
        for other in others where !other.externalID.isEmpty { context.containers[other] = other.externalID }
        return try CreateBody.of(instance, context)
    }

    @Test("is the create call's, field by field (defects 31, 41, 42, 43, 70, 76, 77, 78, 79, 80)", arguments: rows)
    func row(row: Row) throws {
        #expect(try Self.body(row.event, row.dialect).at(row.path).sorted == row.expected.sorted)
    }

    @Test("is complete: the table has a row for every member that a dialect knows", arguments: Dialect.allCases)
    func complete(_ dialect: Dialect) throws {
        let config = """
            Image Cmd Entrypoint Env WorkingDir Tty OpenStdin Hostname Domainname User StopSignal StopTimeout Labels \
            ExposedPorts Volumes NetworkDisabled Healthcheck
            """
        let host = """
            PortBindings Privileged ReadonlyRootfs PublishAllPorts ExtraHosts PidMode IpcMode UTSMode UsernsMode \
            LogConfig SecurityOpt Devices Dns DnsSearch DnsOptions CapAdd CapDrop CpusetCpus CpusetMems CpuShares \
            CpuPeriod CpuQuota BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps \
            BlkioDeviceReadIOps BlkioDeviceWriteIOps CgroupParent GroupAdd Memory MemorySwap KernelMemory \
            MemoryReservation MemorySwappiness OomKillDisable OomScoreAdj PidsLimit ShmSize DiskQuota Tmpfs Ulimits \
            Sysctls StorageOpt Binds VolumesFrom NetworkMode
            """
        var members = Set(config.split(separator: " ").map(String.init))
            .union(host.split(separator: " ").map { "HostConfig/\($0)" })
        var sections: Set<Substring> = ["6.2", "6.3", "6.4", "6.7", "6.8", "6.9", "6.10"]
        if dialect == .b {
            members.insert("MacAddress")
            let more = ["RestartPolicy", "CpuRealtimePeriod", "CpuRealtimeRuntime", "Cgroup", "Init", "Links"]
            members.formUnion(more.map { "HostConfig/\($0)" })
            sections.formUnion(["6.5", "6.6"])
        }
        let given = Self.rows(dialect).filter { !$0.expected.isNull }
        #expect(Set(given.map(\.path)) == members)
        #expect(Set(Self.rows(dialect).compactMap { $0.name.split(separator: " ").first }) == sections)
        for kind in ["host", "none", "container", "cni"] {
            #expect(
                Self.rows(dialect).count { $0.event == "network-\(kind)" && $0.name.hasPrefix("6.8 \(kind): ") } == 7)
        }
    }

    @Test("that asks for nothing leaves everything to the engine (defects 41, 42)")
    func minimal() throws {
        let expected = """
            {"Image":"rancher-demo:latest","Labels":{"io.rancher.container.agent.uuid":\
            "5bec0001-0000-4000-8000-000000000000","io.rancher.container.name":"spec-minimal",\
            "io.rancher.container.uuid":"5bec0001-0000-4000-8000-000000000000"},"HostConfig":{}}
            """
        #expect(try Self.body("minimal").encodedText == expected)
    }

    @Test("never sends what dialect A does not map, whatever the event says")
    func unmapped() throws {
        let unmapped = """
            AttachStdin AttachStdout AttachStderr StdinOnce MacAddress NetworkingConfig HostConfig/RestartPolicy \
            HostConfig/Links HostConfig/VolumeDriver HostConfig/Cgroup HostConfig/Init HostConfig/CpuRealtimePeriod \
            HostConfig/CpuRealtimeRuntime HostConfig/Isolation HostConfig/CpuCount
            """
        for event in Self.events(.a) {
            let body = try Self.body(event)
            for path in unmapped.split(separator: " ") { #expect(body.at(String(path)).isNull, "\(event): \(path)") }
        }
        #expect(try Self.body("process").at("HostConfig/Privileged").isNull)
    }

    @Test("keeps null and an empty list apart")
    func nullIsNotEmpty() throws {
        var instance = InstanceSpecification(uuid: "u")
        instance.container.image = "x"
        #expect(try CreateBody.of(instance).object?["Entrypoint"] == nil)
        #expect(try CreateBody.of(instance).object?["Cmd"] == nil)
        instance.container.entryPoint = []
        instance.container.command = []
        #expect(try CreateBody.of(instance)["Entrypoint"] == [])
        #expect(try CreateBody.of(instance)["Cmd"] == [])
    }

    @Test("survives being stored, every field of it")
    func stored() throws {
        for dialect in Dialect.allCases {
            for event in Self.events(dialect) {
                let instance = try Self.instance(event, dialect)
                let stored = try InstanceSpecification(recordedText: instance.recordedText)
                #expect(stored == instance)
            }
        }
    }
}

extension JSON {
    /// The value at a path of members.
    func at(_ path: String) -> JSON { path.split(separator: "/").reduce(self) { $0[String($1)] } }

    /// With the members of all objects in the order of their keys.
    var sorted: JSON {
        switch self {
        case .null, .bool, .number, .string: self
        case .array(let elements): .array(elements.map(\.sorted))
        case .object(let object):
            .object(JSONObject(object.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: $0.value.sorted) }))
        }
    }
}
