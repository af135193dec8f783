internal import AsyncHTTPClient
internal import HostInfo
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import ServiceLifecycle
internal import Synchronization

/// Asks once at each start what cloud this host is in, and keeps that for the next (PROTOCOL 10.9). Where there is no
/// cloud nobody answers: that is the usual case, and not worth more than a line in the log.
final class CloudWatch: Service {
    private let url: String?
    private let aliyunURL: String?
    private let stateDirectory: String
    private let httpClient: HTTPClient
    private let limits: CloudLimits
    private let logger: Logger
    private let known: Mutex<[String: String]>

    init(
        configuration: AgentConfiguration, httpClient: HTTPClient, limits: CloudLimits = CloudLimits(), logger: Logger
    ) {
        url = configuration.cloudMetadataURL
        aliyunURL = configuration.aliyunMetadataURL
        stateDirectory = configuration.stateDirectory
        self.httpClient = httpClient
        self.limits = limits
        self.logger = logger
        let isAsked = url != nil || aliyunURL != nil
        known = Mutex(!isAsked ? [:] : CloudLabels(stateDirectory: configuration.stateDirectory)?.labels ?? [:])
    }

    /// From an earlier start until the cloud has answered in this one.
    var labels: [String: String] { known.withLock { $0 } }

    func run() async throws {
        if url != nil || aliyunURL != nil {
            await ServiceLifecycle.cancelWhenGracefulShutdown { await self.detect() }
        }
        // A service that ends takes the others with it.
        try? await gracefulShutdown()
    }

    private func detect() async {
        let start = ContinuousClock.now
        while !Task.isCancelled {
            let attempt = ContinuousClock.now
            do {
                let found = try await ask()
                // What else an operator has put there stays.
                let all = CloudLabels(labels: labels.merging(found.labels) { _, new in new })
                known.withLock { $0 = all.labels }
                logger.info("cloud found", metadata: ["labels": "\(found.labels)"])
                keep(all)
                return
            } catch {
                logger.debug("cloud not found yet", metadata: ["error": "\(error)"])
            }
            guard attempt - start + limits.interval <= limits.patience else { break }
            try? await Task.sleep(until: attempt + limits.interval, clock: .continuous)
        }
        if !Task.isCancelled { logger.info("no cloud found") }
    }

    /// One cloud after the other: a machine is in one of them at most.
    private func ask() async throws -> CloudLabels {
        var failure: any Error = CloudFault(description: "no cloud is asked")
        if let url {
            do { return try CloudLabels(identityDocument: try await document(url)) } catch { failure = error }
        }
        if let aliyunURL {
            do {
                let region = try await document(aliyunURL + "/region-id")
                let zone = try await document(aliyunURL + "/zone-id")
                return try CloudLabels(
                    aliyunRegion: String(decoding: region, as: UTF8.self), zone: String(decoding: zone, as: UTF8.self))
            } catch {
                if url == nil { failure = error }
            }
        }
        throw failure
    }

    /// The next start asks again, so one that cannot be kept costs little.
    private func keep(_ labels: CloudLabels) {
        do {
            try labels.store(stateDirectory: stateDirectory)
        } catch {
            logger.warning("cloud's labels not stored", metadata: ["error": "\(error)"])
        }
    }

    /// The identity document. Machines that want a token for it refuse the first call.
    private func document(_ url: String) async throws -> [UInt8] {
        let (httpClient, limits) = (httpClient, limits)
        return try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask {
                let first = try await Self.call(HTTPClientRequest(url: url), httpClient, limits)
                guard first.status == .unauthorized, let token = Self.tokenRequest(url) else {
                    return try first.content
                }
                let answer = try await Self.call(token, httpClient, limits).content
                var second = HTTPClientRequest(url: url)
                second.headers.add(name: "X-aws-ec2-metadata-token", value: String(decoding: answer, as: UTF8.self))
                return try await Self.call(second, httpClient, limits).content
            }
            // The client's own deadline ends with the head of an answer.
            group.addTask {
                try await Task.sleep(for: limits.deadline)
                throw CloudFault(description: "no answer within \(limits.deadline)")
            }
            defer { group.cancelAll() }
            guard let document = try await group.next() else { throw CancellationError() }
            return document
        }
    }

    private struct Answer {
        let status: HTTPResponseStatus
        let body: [UInt8]

        var content: [UInt8] {
            get throws {
                guard status == .ok else { throw CloudFault(description: "the answer was \(status.code)") }
                return body
            }
        }
    }

    private static func call(
        _ request: HTTPClientRequest, _ client: HTTPClient, _ limits: CloudLimits
    ) async throws -> Answer {
        let timeout = TimeAmount(limits.deadline)
        let response = try await client.execute(request, timeout: timeout)
        let body = try await response.body.collect(upTo: limits.documentBytes)
        return Answer(status: response.status, body: Array(body.readableBytesView))
    }

    /// On the same host as the document.
    private static func tokenRequest(_ url: String) -> HTTPClientRequest? {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3 else { return nil }
        var request = HTTPClientRequest(url: "\(parts[0])//\(parts[2])/latest/api/token")
        request.method = .PUT
        request.headers.add(name: "X-aws-ec2-metadata-token-ttl-seconds", value: "60")
        return request
    }
}

private struct CloudFault: Error, CustomStringConvertible {
    let description: String
}

/// How long the cloud is asked for, each with its reason.
struct CloudLimits: Sendable {
    /// From one try to the next.
    var interval = Duration.seconds(10)
    /// After which no more tries are made: the address answers within seconds of a machine's start, or never.
    var patience = Duration.seconds(300)
    /// For a whole try: the address is in the same machine.
    var deadline = Duration.seconds(2)
    /// The document has some 500 bytes.
    var documentBytes = 64 << 10
}
