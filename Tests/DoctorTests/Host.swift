import Agent
import Doctor
import Foundation
import Inspection
import Logging
import Model
import PaperEngine
import RancherAPI
import RancherSimulator
import SimulatedEngine
import Store
import Testing

/// A host as the agent has left it, in a directory of its own, with an engine that does nothing.
struct Host {
    let directory: String
    /// What the daemon has; without a server so far.
    var environment: [String: String]

    var state: String { directory + "/state" }
    var engineSocket: String { directory + "/docker.sock" }
    var plugins: String { directory + "/storage" }

    /// Runs the body with a host that has everything but a server.
    static func play(withEngine: Bool = true, _ body: (Host) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let path = directory.path
        let host = Host(
            directory: path,
            environment: [
                "CATTLE_STATE_DIR": path + "/state", "DOCKER_HOST": "unix://\(path)/docker.sock",
                "CATTLE_STORAGE_PLUGIN_DIR": path + "/storage",
            ])
        try FileManager.default.createDirectory(atPath: host.state, withIntermediateDirectories: true)
        _ = try Store.open(path: "\(host.state)/\(Store.fileName)")
        guard withEngine else { return try await body(host) }
        try await PaperEngine.play(socket: host.engineSocket) { _ in try await body(host) }
    }

    /// Registers this host as the daemon does.
    @discardableResult
    func register(
        at url: String, _ proxies: ProxySettings = .none, trusting roots: String? = nil
    ) async throws -> Credentials {
        let http = try ServerHTTP(proxies: proxies, extraTrustRoots: roots)
        let registration = Registration(
            registrationURL: try APIURL(url), token: try RegistrationToken.load(directory: state))
        let credentials = try await registration.run(
            httpClient: http, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await http.shutdown()
        return credentials
    }

    /// Examines it with some more settings.
    func examine(
        _ more: [String: String] = [:], url: String? = nil, change: (inout DoctorLimits) -> Void = { _ in }
    ) async -> Examination {
        var limits = DoctorLimits()
        change(&limits)
        var examination = Examination(
            of: AgentConfiguration(
                environment: environment.merging(more) { $1 }, registrationURL: url),
            limits: limits)
        await examination.run()
        return examination
    }
}

extension Examination {
    /// What came of a step; of one that was taken twice, the last time.
    subscript(_ step: Step) -> Diagnosis? { reports.last { $0.step == step }?.finding }

    /// Which steps came to this.
    func steps(_ verdict: Verdict) -> [Step] { reports.filter { $0.finding.verdict == verdict }.map(\.step) }

    /// Expects that one step alone is to blame, in these words, and with advice.
    func expectCulprit(
        _ step: Step, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(steps(.failure) == [step], "\(dossier)", sourceLocation: sourceLocation)
        let finding = self[step]
        for word in words {
            #expect(finding?.text.contains(word) == true, "\(word): \(dossier)", sourceLocation: sourceLocation)
        }
        #expect(finding?.advice.isEmpty == false, sourceLocation: sourceLocation)
        #expect(verdict == .failure, sourceLocation: sourceLocation)
    }

    var dossier: String { reports.map { $0.text(style: .init()) }.joined(separator: "\n") }
}
