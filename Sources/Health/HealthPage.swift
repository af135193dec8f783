internal import NIOHTTP1

/// What is answered to whom.
struct HealthPage: Sendable, Hashable {
    var status: HTTPResponseStatus
    var body: String
    var type = "text/plain; charset=utf-8"

    /// - Parameters:
    ///   - method: All but GET and HEAD are refused.
    ///   - path: With or without a query.
    ///   - vitals: Asked for `/healthz` and `/readyz`.
    ///   - metrics: Shown at `/metrics`.
    static func of(_ method: HTTPMethod, _ path: String, _ vitals: Vitals, _ metrics: Metrics) -> HealthPage {
        guard method == .GET || method == .HEAD else {
            return HealthPage(status: .methodNotAllowed, body: "Only GET is answered.\n")
        }
        switch path.prefix(while: { $0 != "?" }) {
        case "/healthz": return health(vitals.report())
        case "/readyz": return readiness(vitals.report())
        case "/metrics":
            return HealthPage(status: .ok, body: metrics.text, type: "text/plain; version=0.0.4; charset=utf-8")
        default: return HealthPage(status: .notFound, body: "There are /healthz, /readyz and /metrics.\n")
        }
    }

    static func health(_ report: Vitals.Report) -> HealthPage {
        guard !report.complaints.isEmpty else { return HealthPage(status: .ok, body: "ok\n") }
        return HealthPage(
            status: .serviceUnavailable,
            body: report.complaints.map { "\($0.part) is stuck: \($0.reason)\n" }.joined())
    }

    static func readiness(_ report: Vitals.Report) -> HealthPage {
        let health = health(report)
        guard health.status == .ok, report.unready.isEmpty else {
            let waiting = report.unready.map { "\($0) is not ready\n" }.joined()
            return HealthPage(
                status: .serviceUnavailable, body: (health.status == .ok ? "" : health.body) + waiting)
        }
        return HealthPage(status: .ok, body: "ready\n")
    }
}
