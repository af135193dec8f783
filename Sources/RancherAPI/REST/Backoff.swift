/// How long to wait before the next try: doubling from ``base`` up to ``cap``, half of it left to chance so that many
/// hosts do not come back at the same moment. Pure.
package struct Backoff: Sendable, Hashable {
    /// The longest first wait.
    package var base: Duration
    /// The longest wait of all.
    package var cap: Duration

    /// Waits nothing yet.
    package init(base: Duration, cap: Duration) {
        self.base = base
        self.cap = cap
    }

    /// The wait after the given number of failures before this one, counted from 0: between half and the whole of
    /// `min(cap, base * 2^attempt)`.
    package func delay(attempt: Int, using random: inout some RandomNumberGenerator) -> Duration {
        // Beyond 32 doublings any pause is longer than any cap.
        let whole = base * (1 << min(max(0, attempt), 32))
        return min(whole, cap) * Double.random(in: 0.5...1, using: &random)
    }
}
