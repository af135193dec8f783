internal import Synchronization

/// Counts and durations of what the daemon does, in the text form that Prometheus reads.
///
/// Names and labels come from a few lists of this program's own, never from the outside: there are only so many of them.
package final class Metrics: Sendable {
    /// What is counted, and how it is called.
    package enum Counter: String, Sendable, CaseIterable {
        case events = "rancher_agent_events_total"
        case answers = "rancher_agent_answers_total"
        case deliveries = "rancher_agent_answer_deliveries_total"
        case pings = "rancher_agent_pings_total"
        case quarantined = "rancher_agent_quarantined_total"
        case transitions = "rancher_agent_transitions_total"
        case storeFailures = "rancher_agent_store_failures_total"
        case subscriptions = "rancher_agent_subscriptions_total"
        case engineLosses = "rancher_agent_engine_losses_total"
        case callErrors = "rancher_agent_docker_call_errors_total"

        var help: String {
            switch self {
            case .events: "Events that were accepted, by name."
            case .answers: "Answers that were decided, by result."
            case .deliveries: "Tries to deliver an answer, by result."
            case .pings: "Pings that were answered."
            case .quarantined: "What could not be read, by source."
            case .transitions: "Changes of phase, by kind of resource and new phase."
            case .storeFailures: "Transactions that the store has refused."
            case .subscriptions: "Connections of the event stream that were opened."
            case .engineLosses: "Times that the engine's events could not be watched any more."
            case .callErrors: "Calls to the engine that failed, by call and kind of failure."
            }
        }
    }

    /// What is timed, in seconds.
    package enum Timer: String, Sendable, CaseIterable {
        case steps = "rancher_agent_step_seconds"
        case calls = "rancher_agent_docker_call_seconds"

        var help: String {
            switch self {
            case .steps: "How long the steps of resources have taken."
            case .calls: "How long calls to the engine have taken."
            }
        }
    }

    /// What is what it is at the moment it is asked for.
    package struct Gauge: Sendable {
        let name: String
        let help: String
        let values: @Sendable () -> [(labels: Labels, value: Double)]

        package init(
            _ name: String, _ help: String, _ values: @escaping @Sendable () -> [(labels: Labels, value: Double)]
        ) {
            self.name = name
            self.help = help
            self.values = values
        }

        /// One without labels.
        package init(_ name: String, _ help: String, value: @escaping @Sendable () -> Double) {
            self.init(name, help) { [(Labels(), value())] }
        }
    }

    /// Names and values, in the order in which they are given.
    package struct Labels: Sendable, Hashable, ExpressibleByDictionaryLiteral {
        private struct Label: Hashable {
            let name: String
            let value: String
        }

        private let labels: [Label]

        package init(dictionaryLiteral labels: (String, String)...) {
            self.labels = labels.map { Label(name: $0, value: $1) }
        }

        fileprivate var text: String {
            labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        }

        private static func escaped(_ value: String) -> String {
            var text = ""
            // Scalar by scalar: a line's end may be half of a character, and a quote the beginning of one.
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\\": text += "\\\\"
                case "\"": text += "\\\""
                case "\n": text += "\\n"
                default: text.unicodeScalars.append(scalar)
                }
            }
            return text
        }
    }

    /// The upper ends of the classes of durations, in seconds; the last class has none.
    static let bounds: [Double] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

    private struct Histogram {
        var counts = [Int](repeating: 0, count: Metrics.bounds.count + 1)
        var sum = 0.0
    }

    private struct State {
        var counters: [Counter: [Labels: Int]] = [:]
        var timers: [Timer: [Labels: Histogram]] = [:]
        var gauges: [Gauge] = []
    }

    private let state = Mutex(State())
    /// Whether anything is counted and timed: somebody may ask for it.
    package let isKept: Bool

    /// - Parameter isKept: Without it, counting costs nothing and shows nothing.
    package init(isKept: Bool = true) { self.isKept = isKept }

    /// One more.
    package func count(_ counter: Counter, _ labels: @autoclosure () -> Labels = [:]) {
        guard isKept else { return }
        let labels = labels()
        state.withLock { $0.counters[counter, default: [:]][labels, default: 0] += 1 }
    }

    /// It has taken so long.
    package func time(_ timer: Timer, _ duration: Duration, _ labels: @autoclosure () -> Labels = [:]) {
        guard isKept else { return }
        let labels = labels()
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        let index = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        state.withLock { state in
            state.timers[timer, default: [:]][labels, default: Histogram()].counts[index] += 1
            state.timers[timer]?[labels]?.sum += seconds
        }
    }

    /// Shows something else as well.
    package func show(_ gauge: Gauge) { state.withLock { $0.gauges.append(gauge) } }

    /// All of it, in the exposition format 0.0.4.
    package var text: String {
        let (counters, timers, gauges) = state.withLock { ($0.counters, $0.timers, $0.gauges) }
        var lines: [String] = []
        func head(_ name: String, _ help: String, _ type: String) {
            lines.append("# HELP \(name) \(help)")
            lines.append("# TYPE \(name) \(type)")
        }
        func line(_ name: String, _ labels: [String], _ value: String) {
            let labels = labels.filter { !$0.isEmpty }.joined(separator: ",")
            lines.append(labels.isEmpty ? "\(name) \(value)" : "\(name){\(labels)} \(value)")
        }
        for gauge in gauges {
            head(gauge.name, gauge.help, "gauge")
            for (labels, value) in gauge.values() { line(gauge.name, [labels.text], Self.number(value)) }
        }
        for counter in Counter.allCases {
            head(counter.rawValue, counter.help, "counter")
            for (labels, count) in Self.sorted(counters[counter]) { line(counter.rawValue, [labels], String(count)) }
        }
        for timer in Timer.allCases {
            head(timer.rawValue, timer.help, "histogram")
            for (labels, histogram) in Self.sorted(timers[timer]) {
                var total = 0
                for (index, count) in histogram.counts.enumerated() {
                    total += count
                    let bound = index < Self.bounds.count ? Self.number(Self.bounds[index]) : "+Inf"
                    line(timer.rawValue + "_bucket", [labels, "le=\"\(bound)\""], String(total))
                }
                line(timer.rawValue + "_sum", [labels], Self.number(histogram.sum))
                line(timer.rawValue + "_count", [labels], String(total))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func sorted<Value>(_ series: [Labels: Value]?) -> [(labels: String, value: Value)] {
        (series ?? [:]).map { (labels: $0.key.text, value: $0.value) }.sorted { $0.labels < $1.labels }
    }

    private static func number(_ value: Double) -> String {
        guard let whole = Int(exactly: value) else { return String(value) }
        return String(whole)
    }
}
