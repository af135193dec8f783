import Health
import Testing

@Suite("What is counted")
struct MetricsTests {
    private func lines(_ metrics: Metrics, _ prefix: String) -> [String] {
        metrics.text.split(separator: "\n").filter { $0.hasPrefix(prefix) }.map(String.init)
    }

    @Test("is shown with its labels, escaped and in order")
    func counters() {
        let metrics = Metrics()
        metrics.count(.events, ["name": "b\"\u{301}\\\r\n"])
        for _ in 1...3 { metrics.count(.events, ["name": "a"]) }
        metrics.count(.pings)
        #expect(
            lines(metrics, "rancher_agent_events_total") == [
                #"rancher_agent_events_total{name="a"} 3"#,
                "rancher_agent_events_total{name=\"b\\\"\u{301}\\\\\r\\n\"} 1",
            ])
        #expect(lines(metrics, "rancher_agent_pings_total") == ["rancher_agent_pings_total 1"])
        #expect(metrics.text.hasSuffix("\n"))
    }

    @Test("is nothing where nobody may ask for it")
    func unkept() {
        let metrics = Metrics(isKept: false)
        metrics.count(.pings)
        metrics.time(.calls, .seconds(1))
        #expect(lines(metrics, "rancher_agent").isEmpty)
    }

    @Test("durations are shown as a cumulative histogram")
    func timers() {
        let metrics = Metrics()
        for duration in [Duration.milliseconds(5), .milliseconds(6), .seconds(2), .seconds(1000)] {
            metrics.time(.calls, duration, ["call": "GET version"])
        }
        let shown = lines(metrics, "rancher_agent_docker_call_seconds")
        #expect(shown.first == #"rancher_agent_docker_call_seconds_bucket{call="GET version",le="0.005"} 1"#)
        #expect(shown.contains(#"rancher_agent_docker_call_seconds_bucket{call="GET version",le="0.01"} 2"#))
        #expect(shown.contains(#"rancher_agent_docker_call_seconds_bucket{call="GET version",le="2.5"} 3"#))
        #expect(shown.contains(#"rancher_agent_docker_call_seconds_bucket{call="GET version",le="300"} 3"#))
        #expect(shown.contains(#"rancher_agent_docker_call_seconds_bucket{call="GET version",le="+Inf"} 4"#))
        #expect(shown.contains(#"rancher_agent_docker_call_seconds_count{call="GET version"} 4"#))
        #expect(shown.contains { $0.hasPrefix(#"rancher_agent_docker_call_seconds_sum{call="GET version"} 1002.01"#) })
    }

    @Test("what is what it is when it is asked for is asked for then")
    func gauges() {
        let metrics = Metrics()
        metrics.show(Metrics.Gauge("x_up", "Up.") { 1 })
        metrics.show(Metrics.Gauge("x_part", "Parts.") { [(["part": "a"], 0.5), (["part": "b"], 0)] })
        #expect(
            metrics.text.hasPrefix(
                """
                # HELP x_up Up.
                # TYPE x_up gauge
                x_up 1
                # HELP x_part Parts.
                # TYPE x_part gauge
                x_part{part="a"} 0.5
                x_part{part="b"} 0

                """))
    }

    @Test("has a help and a type for everything, each once, as the format wants it")
    func format() {
        let metrics = Metrics()
        for counter in Metrics.Counter.allCases { metrics.count(counter, ["a": "b"]) }
        for timer in Metrics.Timer.allCases { metrics.time(timer, .seconds(1)) }
        let text = metrics.text.split(separator: "\n")
        for name in Metrics.Counter.allCases.map(\.rawValue) + Metrics.Timer.allCases.map(\.rawValue) {
            #expect(text.count { $0.hasPrefix("# HELP \(name) ") && $0.hasSuffix(".") } == 1, "\(name)")
            #expect(text.count { $0.hasPrefix("# TYPE \(name) ") } == 1, "\(name)")
        }
        let sample = #/[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+/#
        for line in text where !line.hasPrefix("#") { #expect(line.wholeMatch(of: sample) != nil, "\(line)") }
    }
}
