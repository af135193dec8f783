/// Keeps new work on the engine back while events come in a flood: first they are all on the disk.
///
/// An accepted event outlives everything; one that waits in memory does not, and the work on those before it takes the
/// processors from it. Nothing is lost with what is kept back, as all of it was written down before.
///
/// The clock is the caller's.
package struct FloodGate<Instant: InstantProtocol> where Instant.Duration == Duration {
    /// Since the flood began, work is kept back no longer than this: it may never end.
    private let patience: Duration
    /// What waits for the end of the flood.
    package private(set) var keptBack: [Effect] = []
    private var since: Instant?

    /// - Parameter patience: How long it keeps work back since a flood began.
    package init(patience: Duration) { self.patience = patience }

    /// What is to be done now, of the given effects and of those that were kept back before, in their order.
    ///
    /// - Parameters:
    ///   - isFlooded: Whether more waits than a loop leaves behind that keeps up.
    ///   - now: Taken for the beginning of a flood if there was none.
    package mutating func pass(_ effects: [Effect], isFlooded: Bool, now: Instant) -> [Effect] {
        guard isFlooded else {
            since = nil
            guard !keptBack.isEmpty else { return effects }
            defer { keptBack = [] }
            return keptBack + effects
        }
        let began = since ?? now
        since = began
        guard began.duration(to: now) < patience else {
            defer { keptBack = [] }
            return keptBack + effects
        }
        var passed: [Effect] = []
        for effect in effects {
            if case .perform = effect { keptBack.append(effect) } else { passed.append(effect) }
        }
        return passed
    }
}
