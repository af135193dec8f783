package import NIOCore
internal import Synchronization

/// One part of the daemon that has to get on, and what it has last been seen to do.
///
/// Three things tell that it does not: its thread does not come round, one piece of its work takes too long, or it has
/// not done anything at all for too long. All methods may be called from anywhere and cost next to nothing.
package final class Part: Sendable {
    /// How long each of these may take before the part counts as stuck.
    package struct Limits: Sendable, Hashable {
        /// The time in which its thread has to come round.
        package var echo = Duration.seconds(30)
        /// The time that one piece of its work may take; `nil` if its work has no end.
        package var work: Duration?
        /// The time between two signs of life; `nil` if it may have nothing to do for ever.
        package var silence: Duration?

        package init(work: Duration? = nil, silence: Duration? = nil) {
            self.work = work
            self.silence = silence
        }

        /// The same limits, those for the thread and for one piece of work no longer than `limit`.
        package func capped(at limit: Duration) -> Limits {
            var capped = self
            capped.echo = min(echo, limit)
            capped.work = work.map { min($0, limit) }
            return capped
        }
    }

    private struct State {
        /// When the part was last seen to do something; `nil` while it rests.
        var lastSign: ContinuousClock.Instant?
        var workBegan: [UInt64: ContinuousClock.Instant] = [:]
        var lastWork: UInt64 = 0
        /// Since when its thread is asked to come round.
        var askedAt: ContinuousClock.Instant?
        var isReady = false
    }

    /// As operators read it.
    package let name: String
    package let limits: Limits
    private let eventLoop: (any EventLoop)?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - name: As operators read it.
    ///   - limits: How long it may take before it counts as stuck.
    ///   - eventLoop: The thread on which the part runs.
    package init(_ name: String, limits: Limits, eventLoop: (any EventLoop)? = nil) {
        self.name = name
        self.limits = limits
        self.eventLoop = eventLoop
    }

    /// It has done something.
    package func showsLife(now: ContinuousClock.Instant = .now) { state.withLock { $0.lastSign = now } }

    /// It has nothing to do until further notice.
    package func rests() { state.withLock { $0.lastSign = nil } }

    /// Whether it can do what it is there for.
    package var isReady: Bool {
        get { state.withLock { $0.isReady } }
        set { state.withLock { $0.isReady = newValue } }
    }

    /// Begins one piece of work.
    ///
    /// - Returns: What to end it with.
    package func began(now: ContinuousClock.Instant = .now) -> UInt64 {
        state.withLock { state in
            state.lastWork &+= 1
            state.workBegan[state.lastWork] = now
            return state.lastWork
        }
    }

    /// The piece of work is over, in whatever way.
    package func ended(_ work: UInt64) { state.withLock { _ = $0.workBegan.removeValue(forKey: work) } }

    /// What keeps it from getting on, in a sentence; `nil` if nothing does. Asks its thread to come round.
    func complaint(now: ContinuousClock.Instant) -> String? {
        let (asks, found) = state.withLock { state -> (Bool, String?) in
            let asks = state.askedAt == nil && eventLoop != nil
            if asks { state.askedAt = now }
            return (asks, complaint(state, now))
        }
        if asks { eventLoop?.execute { self.state.withLock { $0.askedAt = nil } } }
        return found
    }

    private func complaint(_ state: State, _ now: ContinuousClock.Instant) -> String? {
        if let asked = state.askedAt, now - asked > limits.echo {
            return "its thread has not come round for \((now - asked).words), the limit is \(limits.echo.words)"
        }
        if let limit = limits.work, let oldest = state.workBegan.values.min(), now - oldest > limit {
            return "a piece of its work has taken \((now - oldest).words), the limit is \(limit.words)"
        }
        if let silence = limits.silence, let last = state.lastSign, now - last > silence {
            return "it has done nothing for \((now - last).words), the limit is \(silence.words)"
        }
        return nil
    }

    /// The time before counts no more: nobody has seen it pass.
    func forgives(now: ContinuousClock.Instant) {
        state.withLock { state in
            if state.lastSign != nil { state.lastSign = now }
            if state.askedAt != nil { state.askedAt = now }
            for work in state.workBegan.keys { state.workBegan[work] = now }
        }
    }
}

extension Duration {
    /// Whole seconds, for people.
    var words: String { "\(components.seconds) s" }
}
