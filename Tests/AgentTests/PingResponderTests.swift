import AsyncHTTPClient
import DockerEngine
import FakeHost
import Foundation
import HostInfo
import Logging
import LosslessJSON
import Model
import RancherAPI
import Testing

@testable import Agent
@testable import Runtime

@Suite("Pings", .serialized, .timeLimit(.minutes(1)))
struct PingResponderTests {
    /// A socket that takes every connection and never answers: a call to this engine would hang.
    private final class SilentEngine {
        let path = NSTemporaryDirectory() + "silent-\(UUID().uuidString.prefix(8)).sock"
        private let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)

        init() throws {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let isBound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                }
            }
            try #require(isBound && listen(descriptor, 16) == 0)
        }

        deinit {
            close(descriptor)
            unlink(path)
        }
    }

    private static let silence = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
    private static let all = PingOptions(resources: true, stats: true, instances: true)
    private static let event = EventHeader(
        id: "e", name: "ping", replyTo: "reply.1", resourceID: "1a1", resourceType: "agent")

    private struct Parts {
        let responder: PingResponder
        let containers: ContainerDirectory
        let figures: HostWatch
    }

    private func withParts(
        _ more: [String: String] = [:], _ body: (Parts) async throws -> Void
    ) async throws {
        let engine = try SilentEngine()
        let host = try FakeHost()
        let environment = [
            "CATTLE_STATE_DIR": host.state, "CATTLE_HOSTNAME": "node1", "CATTLE_DETECT_CLOUD_PROVIDER": "false",
        ]
        let configuration = AgentConfiguration(environment: environment.merging(more) { $1 })
        let client = try EngineClient(
            endpoint: try EngineEndpoint(dockerHost: "unix://" + engine.path), logger: Self.silence)
        let containers = ContainerDirectory()
        let figures = HostWatch(
            configuration: configuration, engineDirectory: { "" }, limits: HostLimits(cpuSample: .milliseconds(10)),
            logger: Self.silence)
        let responder = PingResponder(
            configuration: configuration, codec: RancherCodec(),
            sources: .init(
                directory: containers, engine: EngineFacts(engine: client),
                host: HostIdentity(configuration: configuration), figures: figures,
                cloud: CloudWatch(configuration: configuration, httpClient: .shared, logger: Self.silence)),
            link: ServerLink(limits: AgentLimits()), limits: AgentLimits(), logger: Self.silence)
        let result: Result<Void, any Error>
        do {
            try await body(Parts(responder: responder, containers: containers, figures: figures))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        try result.get()
    }

    private static func containers(_ count: Int) -> [ContainerSummary] {
        (0..<count).map {
            let digits = String($0, radix: 16)
            return ContainerSummary(
                id: String(repeating: "0", count: 64 - digits.count) + digits, name: "c\($0)",
                state: ContainerState.allCases[$0 % ContainerState.allCases.count], instanceUUID: "")
        }
    }

    @Test(
        "of a host with a thousand containers and an engine that hangs are answered in a few milliseconds (defect 89)",
        .timeLimit(.minutes(1)))
    func thousand() async throws {
        try await withParts { parts in
            parts.containers.replace(Self.containers(1000))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await parts.figures.run() }
                while parts.figures.snapshot?.key == nil || parts.figures.snapshot?.cpu.percentages == [] {
                    try await Task.sleep(for: .milliseconds(5))
                }
                var times: [Duration] = []
                for _ in 0..<200 {
                    let start = ContinuousClock.now
                    let answer = parts.responder.reply(to: Self.event, Self.all)
                    times.append(.now - start)
                    try #require(answer.utf8.count > 100_000)
                }
                times.sort()
                print("ping with 1000 containers: median \(times[100]), longest \(times[199])")
                #expect(times[100] < .milliseconds(20))
                let data = try JSON(parsing: parts.responder.reply(to: Self.event, Self.all))["data"]
                #expect(data["options"] == ["instances": true])
                #expect(data["resources"].array?.count { $0["type"] == "instance" } == 1000)
                #expect(data["resources"][0]["info"]["hostKey"]["data"].text?.hasPrefix("-----BEGIN RSA") == true)
                group.cancelAll()
            }
        }
    }

    @Test("list no containers as long as the list is not complete (defect 89)")
    func incomplete() async throws {
        try await withParts { parts in
            func answer() -> String {
                let report = parts.responder.report(Self.all)
                return "\(report.resources.map { $0["type"].text ?? "" }) \(report.isComplete)"
            }
            #expect(answer() == #"["host", "storagePool"] false"#)
            parts.containers.replace(Self.containers(2))
            #expect(answer() == #"["host", "storagePool", "instance", "instance"] true"#)
            parts.containers.lose()
            #expect(answer() == #"["host", "storagePool"] false"#)
            parts.containers.replace([])
            #expect(answer() == #"["host", "storagePool"] true"#)
        }
    }

    @Test(
        "are answered with only what they ask for, and with nothing where they are switched off",
        arguments: ["CATTLE_PING_ENABLED", "CATTLE_DOCKER_ENABLED"])
    func parts(name: String) async throws {
        func answer(_ parts: Parts, _ options: PingOptions) -> String {
            let report = parts.responder.report(options)
            #expect(report.digest.isEmpty == !options.resources || report.resources.isEmpty)
            return "\(report.resources.map { $0["type"].text ?? "" }) \(report.isComplete) \(report.digest.isEmpty)"
        }
        try await withParts { parts in
            parts.containers.replace(Self.containers(1))
            #expect(answer(parts, PingOptions()) == "[] false true")
            #expect(answer(parts, PingOptions(stats: true)) == "[] false true")
            #expect(answer(parts, PingOptions(instances: true)) == #"["instance"] true true"#)
            #expect(answer(parts, PingOptions(resources: true)) == #"["host", "storagePool"] false false"#)
        }
        try await withParts([name: "no"]) { parts in
            parts.containers.replace(Self.containers(1))
            #expect(answer(parts, Self.all) == "[] false true")
        }
    }
}
