package import Model

extension Timestamp {
    /// The moment as `2026-01-31T23:59:59.123Z`.
    package var iso8601: String {
        let (days, millisecondsOfDay) = Self.dividing(milliseconds, by: 86_400_000)
        let (year, month, day) = Self.civilDate(daysSince1970: days)
        let seconds = millisecondsOfDay / 1000
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(digits(seconds / 3600, 2)):"
            + "\(digits(seconds / 60 % 60, 2)):\(digits(seconds % 60, 2)).\(digits(millisecondsOfDay % 1000, 3))Z"
    }

    /// The Gregorian date, counted in years that begin with March so that the leap day comes last.
    private static func civilDate(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = dividing(daysSince1970 + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func dividing(_ value: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// A span of time in its largest unit, for people: `3 s`, `12 min`, `5 h`, `2 d`.
struct Span: Hashable {
    private let value: Int
    private let unit: Unit

    private enum Unit: Hashable { case second, minute, hour, day }

    /// Rounds up, so that what is yet to come is never `0 s`.
    init(until moment: Timestamp, from now: Timestamp) {
        self.init(moment - now + .milliseconds(999))
    }

    /// Rounds down.
    init(since moment: Timestamp, to now: Timestamp) {
        self.init(now - moment)
    }

    private init(_ duration: Duration) {
        let seconds = Int(max(duration, .zero).components.seconds)
        switch seconds {
        case ..<120: (value, unit) = (seconds, .second)
        case ..<7200: (value, unit) = (seconds / 60, .minute)
        case ..<172_800: (value, unit) = (seconds / 3600, .hour)
        default: (value, unit) = (seconds / 86_400, .day)
        }
    }

    /// In a sentence: `12 min`.
    var words: String {
        switch unit {
        case .second: "\(value) s"
        case .minute: "\(value) min"
        case .hour: "\(value) h"
        case .day: "\(value) d"
        }
    }

    /// In a table: `12m`.
    var short: String {
        switch unit {
        case .second: "\(value)s"
        case .minute: "\(value)m"
        case .hour: "\(value)h"
        case .day: "\(value)d"
        }
    }
}
