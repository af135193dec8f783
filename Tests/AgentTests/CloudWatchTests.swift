import AsyncHTTPClient
import FakeHost
import Foundation
import HostInfo
import Logging
import Synchronization
import Testing

@testable import Agent

@Suite("The cloud")
struct CloudWatchTests {
    private static let document = #"{"region":"eu-west-1","availabilityZone":"eu-west-1b"}"#
    private static let labels = [
        "io.rancher.host.provider": "aws", "io.rancher.host.region": "eu-west-1",
        "io.rancher.host.zone": "eu-west-1b",
    ]

    /// The lines that were logged.
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
        var logger: Logger {
            var logger = Logger(label: "tests") { _ in Handler(lines: self) }
            logger.logLevel = .info
            return logger
        }

        private struct Handler: LogHandler {
            let lines: Lines
            var metadata = Logger.Metadata()
            var logLevel = Logger.Level.info

            func log(event: LogEvent) { lines.all.withLock { $0.append("\(event.message)") } }

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
        }
    }

    private func watch(
        _ host: FakeHost, _ url: String, detect: String = "true", interval: Duration = .milliseconds(20),
        patience: Duration = .seconds(60), deadline: Duration = .seconds(2), lines: Lines = Lines()
    ) -> CloudWatch {
        let configuration = AgentConfiguration(environment: [
            "CATTLE_STATE_DIR": host.state, "CATTLE_CLOUD_METADATA_URL": url, "CATTLE_DETECT_CLOUD_PROVIDER": detect,
        ])
        return CloudWatch(
            configuration: configuration, httpClient: .shared,
            limits: CloudLimits(interval: interval, patience: patience, deadline: deadline), logger: lines.logger)
    }

    @Test("is found at once, and kept for the next start (defect 15)", .timeLimit(.minutes(1)))
    func found() async throws {
        let host = try FakeHost()
        try await MetadataServer.with { server in
            await server.answer { $0 == "GET /document" ? .ok(Self.document) : .status(404) }
            let start = ContinuousClock.now
            let watch = watch(host, server.url("/document"), interval: .seconds(10))
            #expect(watch.labels == [:])
            try await running(watch) { try await waitFor { CloudLabels(stateDirectory: host.state) != nil } }
            #expect(.now - start < .seconds(5))
            #expect(watch.labels == Self.labels)
            #expect(CloudLabels(stateDirectory: host.state)?.labels == Self.labels)
            #expect(try host.names(in: "state") == ["info.json"])
            #expect(await server.requests == ["GET /document"])
        }
    }

    @Test("is what it was at the last start until it says otherwise (defect 15)", .timeLimit(.minutes(1)))
    func refreshed() async throws {
        let host = try FakeHost()
        try host.write("state/info.json", #"{"label":{"io.rancher.host.zone":"old","own":"x"}}"#)
        try await MetadataServer.with { server in
            await server.answer { _ in .ok(Self.document) }
            let watch = watch(host, server.url("/document"))
            #expect(watch.labels == ["io.rancher.host.zone": "old", "own": "x"])
            try await running(watch) { try await waitFor { watch.labels.count == 4 } }
            #expect(watch.labels == Self.labels.merging(["own": "x"]) { $1 })
        }
    }

    @Test("may be slow to come up: it is asked again, whatever it said", .timeLimit(.minutes(1)))
    func retried() async throws {
        let host = try FakeHost()
        try await MetadataServer.with { server in
            let answers = Mutex<[MetadataServer.Answer]>([
                .status(404), .ok("<html>Log in</html>"), .status(500), .ok(String(repeating: "x", count: 1 << 20)),
                .silence, .close, .ok(Self.document),
            ])
            await server.answer { _ in answers.withLock { $0.removeFirst() } }
            let watch = watch(host, server.url("/document"), deadline: .milliseconds(500))
            try await running(watch) { try await waitFor { watch.labels == Self.labels } }
            #expect(await server.requests.count == 7)
        }
    }

    @Test("may want a token first", .timeLimit(.minutes(1)))
    func token() async throws {
        let host = try FakeHost()
        try await MetadataServer.with { server in
            await server.answer { request in
                switch request {
                case "PUT /latest/api/token": .ok("secret")
                case "GET /document secret": .ok(Self.document)
                default: .status(401)
                }
            }
            let watch = watch(host, server.url("/document"))
            try await running(watch) { try await waitFor { watch.labels == Self.labels } }
            #expect(await server.requests == ["GET /document", "PUT /latest/api/token", "GET /document secret"])
        }
    }

    @Test(
        "of the other kind is asked where that is, and only if it is not said to be elsewhere", .timeLimit(.minutes(1)))
    func aliyun() async throws {
        let host = try FakeHost()
        try await MetadataServer.with { server in
            await server.answer { request in
                switch request {
                case "GET /meta/region-id": .ok("cn-hangzhou")
                case "GET /meta/zone-id": .ok("cn-hangzhou-b")
                default: .status(404)
                }
            }
            let configuration = AgentConfiguration(environment: [
                "CATTLE_STATE_DIR": host.state, "CATTLE_CLOUD_METADATA_URL": server.url("/document"),
                "CATTLE_ALIYUN_METADATA_URL": server.url("/meta"),
            ])
            let watch = CloudWatch(
                configuration: configuration, httpClient: .shared,
                limits: CloudLimits(interval: .milliseconds(20), patience: .seconds(60), deadline: .seconds(2)),
                logger: Lines().logger)
            try await running(watch) { try await waitFor { watch.labels.count == 3 } }
            #expect(
                watch.labels == [
                    "io.rancher.host.provider": "aliyun", "io.rancher.host.region": "cn-hangzhou",
                    "io.rancher.host.zone": "cn-hangzhou-b",
                ])
            #expect(await server.requests == ["GET /document", "GET /meta/region-id", "GET /meta/zone-id"])
        }
        let moved = AgentConfiguration(environment: ["CATTLE_CLOUD_METADATA_URL": "http://127.0.0.1:1/x"])
        #expect(moved.aliyunMetadataURL == nil)
        #expect(AgentConfiguration(environment: [:]).aliyunMetadataURL == AgentConfiguration.defaultAliyunMetadataURL)
        #expect(AgentConfiguration(environment: ["CATTLE_DETECT_CLOUD_PROVIDER": "no"]).aliyunMetadataURL == nil)
    }

    @Test("that is none costs one line of the log, and nothing after that", .timeLimit(.minutes(1)))
    func none() async throws {
        let host = try FakeHost()
        let lines = Lines()
        // Nobody listens there.
        let watch = watch(
            host, "http://127.0.0.1:1/document", interval: .milliseconds(10), patience: .milliseconds(55), lines: lines)
        try await running(watch) {
            try await waitFor { lines.all.withLock { !$0.isEmpty } }
            #expect(lines.all.withLock { $0 } == ["no cloud found"])
        }
        #expect(try host.names(in: "state") == [])
    }

    @Test("that does not answer holds nobody up who stops the agent", .timeLimit(.minutes(1)))
    func stop() async throws {
        let host = try FakeHost()
        try await MetadataServer.with { server in
            await server.answer { _ in .silence }
            let lines = Lines()
            let watch = watch(host, server.url("/document"), deadline: .seconds(600), lines: lines)
            var start = ContinuousClock.now
            try await running(watch) {
                while await server.requests.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
                start = .now
            }
            #expect(.now - start < .seconds(1))
            #expect(lines.all.withLock { $0 } == [])
        }
    }

    @Test("is not asked for where it is switched off, and its labels are not read", .timeLimit(.minutes(1)))
    func off() async throws {
        let host = try FakeHost()
        try host.write("state/info.json", #"{"label":{"own":"x"}}"#)
        try await MetadataServer.with { server in
            await server.answer { _ in .ok(Self.document) }
            for (url, detect) in [(server.url("/document"), "false"), ("ftp://127.0.0.1/", "true")] {
                let watch = watch(host, url, detect: detect)
                #expect(watch.labels == [:])
                // It returns only when it is told to.
                try await running(watch) { await Task.yield() }
            }
            #expect(await server.requests == [])
        }
    }
}
