/// A moment in whole milliseconds since the Unix epoch, as the Rancher wire and the store write it.
///
/// It is reckoned with so that no moment is too far away: the result is the last, or the first, that there is.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var milliseconds: Int

    package init(milliseconds: Int) { self.milliseconds = milliseconds }

    package static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
    package static func + (left: Self, right: Duration) -> Self {
        let (sum, isTooFar) = left.milliseconds.addingReportingOverflow(right.inMilliseconds)
        return Timestamp(milliseconds: isTooFar ? (right < .zero ? .min : .max) : sum)
    }
    package static func - (left: Self, right: Duration) -> Self {
        let (difference, isTooFar) = left.milliseconds.subtractingReportingOverflow(right.inMilliseconds)
        return Timestamp(milliseconds: isTooFar ? (right < .zero ? .max : .min) : difference)
    }
    package static func - (left: Self, right: Self) -> Duration {
        .milliseconds(left.milliseconds) - .milliseconds(right.milliseconds)
    }

    package var description: String { "\(milliseconds) ms" }
}

extension Duration {
    /// The duration in whole milliseconds, cut off; the longest that can be counted where it is longer.
    package var inMilliseconds: Int {
        let (whole, isTooLong) = Int(components.seconds).multipliedReportingOverflow(by: 1000)
        let (sum, isAlsoTooLong) = whole.addingReportingOverflow(Int(components.attoseconds / 1_000_000_000_000_000))
        return isTooLong || isAlsoTooLong ? (self < .zero ? .min : .max) : sum
    }

    /// The duration in seconds.
    package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
