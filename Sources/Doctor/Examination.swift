package import Agent
internal import Deadline
internal import FoundationEssentials
internal import Model
internal import RancherAPI

/// Walks the way from this host to its server and to its engine, and says of each step what was found.
///
/// Nothing is changed: no file is written, nothing is registered, and what is subscribed to is nothing. Every step ends
/// within its time.
package struct Examination {
    let configuration: AgentConfiguration
    let limits: DoctorLimits
    let calls = BlockingCalls(limit: 64)
    private let start = ContinuousClock.now
    private let secrets: Secrets
    private let onReport: (StepReport) -> Void
    /// All so far, in order.
    package private(set) var reports: [StepReport] = []

    /// - Parameters:
    ///   - configuration: As the daemon has it.
    ///   - onReport: Called after each step.
    package init(
        of configuration: AgentConfiguration, limits: DoctorLimits = DoctorLimits(),
        onReport: @escaping (StepReport) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.limits = limits
        self.onReport = onReport
        secrets = Secrets(of: configuration)
    }

    /// Takes all steps.
    package mutating func run() async {
        await examineServer()
        await examineHost()
    }

    /// The worst of all.
    package var verdict: Verdict {
        for verdict in [Verdict.failure, .warning] where reports.contains(where: { $0.finding.verdict == verdict }) {
            return verdict
        }
        return .ok
    }

    /// The moment, by the clock of this host.
    var now: Timestamp { Timestamp(milliseconds: Int(Date().timeIntervalSince1970 * 1000)) }

    /// How long a look on the way to the server may take now.
    func time(for limit: Duration) -> Duration { limits.time(for: limit, spent: .now - start) }

    /// Notes what came of a step.
    ///
    /// - Returns: Whether the steps behind it have a sense.
    @discardableResult
    mutating func note(
        _ step: Step, at place: String? = nil, since start: ContinuousClock.Instant = .now, _ finding: Diagnosis
    ) -> Bool {
        let report = StepReport(
            step: step, place: place, finding: secrets.removed(from: finding), took: .now - start)
        reports.append(report)
        onReport(report)
        return finding.verdict != .failure
    }

    /// Notes that steps were not taken.
    mutating func skip(_ steps: [Step], because reason: Step) {
        for step in steps { note(step, .skipped("Not looked at: \(reason.title) has to be put right first.")) }
    }
}

/// What must not be shown, wherever it may have got into a text.
struct Secrets: Sendable {
    private let words: [String]

    init(of configuration: AgentConfiguration) {
        var words = [configuration.secretKey]
        if let url = configuration.registrationURL.flatMap({ try? APIURL($0) }),
            let token = url.path.split(separator: "/").last
        {
            words.append(String(token))
        }
        for proxy in [configuration.proxies.plain, configuration.proxies.encrypted] {
            if let authorization = proxy?.authorization {
                words.append(String(authorization.dropFirst("Basic ".count)))
            }
        }
        // A short word is a part of others.
        self.words = words.filter { $0.count >= 8 }
    }

    func removed(from finding: Diagnosis) -> Diagnosis {
        Diagnosis(verdict: finding.verdict, text: removed(from: finding.text), advice: removed(from: finding.advice))
    }

    private func removed(from text: String) -> String {
        words.reduce(text) { $0.replacing($1, with: "…") }
    }
}
