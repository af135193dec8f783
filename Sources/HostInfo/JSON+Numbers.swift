package import LosslessJSON

extension JSON {
    /// A number as the shortest text that reads back as the same: 2300 and not 2300.0. What is no number is 0.
    package static func decimal(_ value: Double) -> JSON { .number(shortText(value)) }

    static func shortText(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
        return String(value)
    }
}

extension JSONObject {
    /// Adds the member if there is something to say.
    mutating func add(_ key: String, _ value: JSON?) {
        if let value { append(key, value) }
    }
}
