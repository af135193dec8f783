internal import CAllocator

/// Gives memory back to the system.
///
/// The allocator keeps what a burst of events has needed, for the next one. An agent is one of many processes of its
/// host, and idle most of the time: some seconds after the last thing has happened it gives back what it holds.
struct MemoryTrim {
    /// How long nothing may have happened: longer than unused connections are kept.
    static let quiet = Duration.seconds(12)

    /// When to give back; `nil` if that was done after the last thing that happened.
    private(set) var due: ContinuousClock.Instant?

    /// Something has happened.
    mutating func postpone(at now: ContinuousClock.Instant = .now) { due = now + Self.quiet }

    /// Gives back what is free, if it is time.
    ///
    /// - Parameters:
    ///   - now: The moment of the call; before `due` nothing is given back.
    ///   - release: Frees what others keep for quicker work.
    mutating func trimIfDue(at now: ContinuousClock.Instant = .now, _ release: () -> Void) {
        guard let due, due <= now else { return }
        self.due = nil
        release()
        allocator_trim()
    }

    /// Keeps the threads from having heaps of their own, of which each would hold on to what it once needed.
    static func configureAllocator() { allocator_limit_heaps(2) }
}
