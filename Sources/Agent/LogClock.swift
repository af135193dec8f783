internal import Glibc
internal import Synchronization

/// Tells the time in front of the lines of the log, which is the same for all of one second.
final class LogClock: Sendable {
    static let shared = LogClock()

    private let last = Mutex<(second: time_t, text: String)>((.min, ""))

    /// A time by this host's time zone, with the difference to UTC: `2026-11-30T12:00:00+0100`.
    func text(at second: time_t = time(nil)) -> String {
        last.withLock { last in
            if last.second != second { last = (second, Self.text(of: second)) }
            return last.text
        }
    }

    private static func text(of second: time_t) -> String {
        var second = second
        var parts = tm()
        // Unlike `localtime` the other does not look whether the time zone has changed.
        tzset()
        guard localtime_r(&second, &parts) != nil else { return "<unknown>" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let text = buffer.baseAddress, strftime(text, buffer.count, "%Y-%m-%dT%H:%M:%S%z", &parts) > 0 else {
                return "<unknown>"
            }
            return String(cString: text)
        }
    }
}
