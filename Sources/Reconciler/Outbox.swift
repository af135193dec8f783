internal import DequeModule
internal import Model

/// The answers that the server has not taken yet.
struct Outbox {
    struct Letter {
        let writtenAt: Timestamp
        var attempts = 0
        var isOnItsWay = false
        /// Its time has come, and it waits for a place.
        var isReady = false
        /// The event came again while it was on its way: the server may have taken it before it asked anew.
        var isAskedAgain = false
    }

    var letters: [String: Letter] = [:]
    /// Those whose time has come, in order.
    var ready: Deque<String> = []
    var onTheirWay = 0

    mutating func giveRoomBack() {
        letters = letters.inLittleRoom
        ready = Deque(Array(ready))
    }
}
