internal import HeapModule
internal import Model

/// What has to be looked at again at some time.
enum WakeUp: Hashable {
    case resource(ResourceKey)
    case question(eventID: String)
    case reply(eventID: String)
    case progress(eventID: String)
    case housekeeping
}

/// The agenda: who has to be woken, and when. Of several times for the same one the last set counts.
struct WakeUps {
    private struct Entry: Comparable {
        let at: Timestamp
        /// Keeps the order of setting among equal times, so that a history can be replayed.
        let number: Int
        let target: WakeUp

        static func < (left: Self, right: Self) -> Bool { (left.at, left.number) < (right.at, right.number) }
    }

    private var heap = Heap<Entry>()
    private var times: [WakeUp: Timestamp] = [:]
    private var count = 0

    mutating func set(_ target: WakeUp, at time: Timestamp) {
        guard times[target] != time else { return }
        times[target] = time
        count += 1
        heap.insert(Entry(at: time, number: count, target: target))
    }

    mutating func cancel(_ target: WakeUp) { times[target] = nil }

    /// The earliest time, if anybody waits.
    mutating func next() -> Timestamp? {
        dropStale()
        return heap.min?.at
    }

    /// Takes out the next one whose time has come.
    mutating func popDue(_ now: Timestamp) -> WakeUp? {
        dropStale()
        guard let first = heap.min, first.at <= now else { return nil }
        heap.removeMin()
        times[first.target] = nil
        return first.target
    }

    /// Takes out what was cancelled, too, and would stay until its time.
    mutating func giveRoomBack() {
        let entries = heap.unordered.filter { times[$0.target] == $0.at }
        times = times.inLittleRoom
        heap = Heap(entries)
    }

    private mutating func dropStale() {
        while let first = heap.min, times[first.target] != first.at { heap.removeMin() }
    }
}
