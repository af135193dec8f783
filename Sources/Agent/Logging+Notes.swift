internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Model
internal import Reconciler

extension Timestamp {
    /// The time of this host's clock.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
    }
}

extension Logger {
    /// Writes what the reconciler wants operators to know. Messages are constants; all that varies is metadata.
    func log(_ note: Note) {
        switch note {
        case .accepted(let event, let key):
            info(
                "event accepted",
                metadata: ["event": "\(event.id)", "name": "\(event.name)", "about": "\(key?.description ?? "-")"])
        case .repeated(let id): info("event repeated", metadata: ["event": "\(id)"])
        case .moved(let key, let generation, let from, let to, let cause):
            info(
                "phase changed",
                metadata: [
                    "about": "\(key)", "generation": "\(generation)", "from": "\(from.isEmpty ? "-" : from)",
                    "to": "\(to)", "cause": "\(cause)",
                ])
        case .answered(let event, nil):
            info("event answered", metadata: ["event": "\(event.id)", "name": "\(event.name)"])
        case .answered(let event, let failure?):
            warning(
                "event answered with an error",
                metadata: ["event": "\(event.id)", "name": "\(event.name)", "error": "\(failure)"])
        case .answerRefused(let id, let reason):
            error("answer refused by the server for good", metadata: ["event": "\(id)", "error": "\(reason)"])
        case .quarantined(let source, let name, let reason):
            warning(
                "put into quarantine", metadata: ["source": "\(source)", "name": "\(name)", "error": "\(reason)"])
        case .storeFailed(let reason): error("the store failed", metadata: ["error": "\(reason)"])
        case .storeReopened: error("the store had become unreadable and was opened again")
        }
    }
}
