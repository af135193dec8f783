package import Inspection
package import LosslessJSON
internal import Model

extension StepReport {
    /// The report on lines: verdict, step, what was found, and what to do. Without a line break at the end.
    package func text(style: ReportStyle) -> String {
        let indent = Self.verdictColumns + Self.titleColumns
        let width = max(20, (style.width ?? Int.max) - indent)
        let about = place.map { $0.isEmpty || finding.text.contains($0) ? "" : "\($0): " } ?? ""
        let found = (about + finding.text.onOneLine).wrapped(to: width)
        let advice = finding.advice.isEmpty ? [] : ("-> " + finding.advice.onOneLine).wrapped(to: width)
        let gap = String(repeating: " ", count: indent)
        let head =
            style.painted(finding.verdict.rawValue.padded(to: Self.verdictColumns), finding.verdict.tint)
            + style.painted(step.title.padded(to: Self.titleColumns), .heading)
        return ([head + found[0]] + found.dropFirst().map { gap + $0 } + advice.map { gap + style.painted($0, .busy) })
            .joined(separator: "\n")
    }

    private static let verdictColumns = 9
    private static let titleColumns = 18

    fileprivate var json: JSON {
        [
            "step": .string(step.rawValue), "title": .string(step.title), "place": JSON(place),
            "verdict": .string(finding.verdict.rawValue), "finding": .string(finding.text),
            "advice": JSON(finding.advice.isEmpty ? nil : finding.advice),
            "milliseconds": .integer(took.inMilliseconds),
        ]
    }
}

extension Examination {
    /// All of it, for programs.
    package var json: JSON {
        ["verdict": .string(verdict.rawValue), "steps": .array(reports.map(\.json))]
    }

    /// The last line for people.
    package var summary: String {
        let failures = reports.filter { $0.finding.verdict == .failure }.map(\.step.title)
        let warnings = reports.count { $0.finding.verdict == .warning }
        let tail = warnings == 0 ? "" : " \(warnings) \(warnings == 1 ? "warning" : "warnings")."
        guard failures.isEmpty else { return "Not well: \(failures.joined(separator: ", ")).\(tail)" }
        return warnings == 0 ? "All is well." : "Well, with\(tail)"
    }
}

extension Verdict {
    fileprivate var tint: Tint {
        switch self {
        case .ok: .good
        case .warning: .busy
        case .failure: .bad
        case .skipped: .faint
        }
    }
}
