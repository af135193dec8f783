/// One figure: what was measured, how often, and what it has to reach.
struct Figure {
    /// What is required of the median.
    enum Limit {
        case atMost(Double)
        case atLeast(Double)
        case exactly(Double)

        func isMet(by value: Double) -> Bool {
            switch self {
            case .atMost(let limit): value <= limit
            case .atLeast(let limit): value >= limit
            case .exactly(let wanted): value == wanted
            }
        }
    }

    let name: String
    let unit: String
    let values: [Double]
    var limit: Limit?

    var median: Double { Self.quantile(0.5, of: values) }
    var isMet: Bool { values.isEmpty ? false : limit?.isMet(by: median) ?? true }

    /// The value below which that part of all values lies; 0 without any.
    static func quantile(_ part: Double, of values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let position = part * Double(sorted.count - 1)
        let lower = Int(position)
        let upper = min(lower + 1, sorted.count - 1)
        return sorted[lower] + (sorted[upper] - sorted[lower]) * (position - Double(lower))
    }
}

/// All figures as one table.
struct Page {
    private(set) var figures: [Figure] = []

    var isMet: Bool { figures.allSatisfy(\.isMet) }

    mutating func add(_ name: String, _ unit: String, _ values: [Double], _ limit: Figure.Limit? = nil) {
        figures.append(Figure(name: name, unit: unit, values: values, limit: limit))
    }

    var text: String {
        let rows = figures.map { figure in
            [
                figure.name, Self.number(figure.median),
                Self.number(figure.values.min() ?? 0) + " … "
                    + Self.number(figure.values.max() ?? 0), "\(figure.values.count)", figure.unit,
                Self.text(figure.limit), figure.limit == nil ? "" : figure.isMet ? "ok" : "MISSED",
            ]
        }
        let head = ["figure", "median", "least … most", "n", "unit", "wanted", ""]
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            row.indices.map { column in
                let gap = String(repeating: " ", count: widths[column] - row[column].count)
                return (1...3).contains(column) ? gap + row[column] : row[column] + gap
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private static func text(_ limit: Figure.Limit?) -> String {
        switch limit {
        case .atMost(let value): "≤ \(number(value))"
        case .atLeast(let value): "≥ \(number(value))"
        case .exactly(let value): "= \(number(value))"
        case nil: ""
        }
    }

    private static func number(_ value: Double) -> String {
        let digits = value.magnitude >= 100 ? 0 : value.magnitude >= 10 ? 1 : 2
        let scale = [1.0, 10, 100][digits]
        let whole = Int((value * scale).rounded())
        guard digits > 0, whole % Int(scale) != 0 else { return "\(whole / Int(scale))" }
        let rest = "\(whole.magnitude % UInt(scale))"
        let sign = value < 0 ? "-" : ""
        return "\(sign)\(whole.magnitude / UInt(scale)).\(String(repeating: "0", count: digits - rest.count))\(rest)"
    }
}
