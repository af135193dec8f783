internal import Synchronization

/// The parts of the daemon, and whether each of them gets on.
package final class Vitals: Sendable {
    /// What was found at one moment.
    package struct Report: Sendable, Hashable {
        /// What keeps a part from getting on, by the part's name, in the order of the parts.
        package var complaints: [Complaint] = []
        /// The parts that cannot do yet, or not now, what they are there for.
        package var unready: [String] = []
    }

    /// A part that does not get on.
    package struct Complaint: Sendable, Hashable {
        package let part: String
        package let reason: String
    }

    package let parts: [Part]
    let lookInterval: Duration
    private let lastLook = Mutex<ContinuousClock.Instant?>(nil)

    /// - Parameters:
    ///   - parts: In the order in which reports name them.
    ///   - lookInterval: How often somebody looks at least. If nobody has for far longer, the whole process has not
    ///     run, and its parts are given their time anew.
    package init(_ parts: [Part], lookInterval: Duration = .seconds(5)) {
        self.parts = parts
        self.lookInterval = lookInterval
    }

    /// Looks at all parts.
    package func report(now: ContinuousClock.Instant = .now) -> Report {
        let slept = lastLook.withLock { last in
            defer { last = now }
            return last.map { now - $0 > lookInterval * 3 } ?? false
        }
        if slept { for part in parts { part.forgives(now: now) } }
        var report = Report()
        for part in parts {
            if let reason = part.complaint(now: now) {
                report.complaints.append(Complaint(part: part.name, reason: reason))
            }
            if !part.isReady { report.unready.append(part.name) }
        }
        return report
    }
}
