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
    private var secrets: Secrets
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

    /// When a look that takes several requests has to be over: with the time for the way to the server, or soon if that
    /// is over.
    var end: ContinuousClock.Instant { max(start + limits.server, .now + .seconds(1)) }

    /// Keeps words out of all reports from now on.
    mutating func hide(_ words: String...) { for word in words { secrets.add(word) } }

    /// Keeps a key out of all reports from now on.
    mutating func hide(_ key: APIKey) { secrets.add(key) }

    /// Notes what came of a step.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - place: The host that it was about, where the way leads to more than one.
    ///   - start: When it began.
    ///   - finding: What came of it.
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
