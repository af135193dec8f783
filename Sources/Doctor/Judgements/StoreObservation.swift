internal import Inspection
internal import Model

/// The agent's database.
enum StoreObservation: Sendable, Hashable {
    case read(Contents)
    /// There is none yet.
    case missing(String)
    /// The finding of the check itself, a sentence.
    case damaged(String)
    /// A sentence, and who is to do something.
    case unreadable(String, Hindrance)
    case silent(Duration)

    /// Why it was not read.
    enum Hindrance: Sendable, Hashable {
        case noRight
        case locked
        case empty
        case ofAnotherProgram
        case unknown
    }

    struct Contents: Sendable, Hashable {
        var resources = 0
        var openEvents = 0
        var oldestOpenEvent: Timestamp?
        var undeliveredAnswers = 0
        var quarantined = 0
        var lastEvent: Timestamp?
    }

    func finding(path: String) -> Diagnosis {
        switch self {
        case .read(let contents):
            let text =
                "\(path) is sound: \(contents.resources) resources, \(contents.openEvents) events under way, "
                + "\(contents.undeliveredAnswers) answers that the server has not taken yet"
            if contents.quarantined > 0 {
                return .warning(
                    "\(text), \(contents.quarantined) in quarantine.",
                    "Something could not be read: rancher-agent state shows it.")
            }
            return .ok(text + ".")
        case .missing:
            return .warning(
                "There is no database at \(path).",
                "Start the agent, which makes it; or name the right state directory with --state-dir.")
        case .damaged(let reason):
            return .failure(
                "\(path) is damaged: \(reason)",
                "Start the agent anew: it moves a damaged database aside, and finds the containers again by their labels. "
                    + "Look at the disk (dmesg, smartctl).")
        case .unreadable(let reason, let hindrance):
            switch hindrance {
            case .noRight: return .failure(reason, "Run this as root, or as the user of the agent.")
            case .locked: return .warning(reason, "Look which process holds it: fuser -v \(path).")
            case .empty:
                return .warning(
                    reason,
                    "Start the agent, which sets it up; or name the right state directory with --state-dir.")
            case .ofAnotherProgram:
                return .failure(
                    reason,
                    "Run the doctor of the agent that runs here: docker exec rancher-agent rancher-agent doctor.")
            case .unknown:
                return .failure(reason, "Look at the disk (dmesg, smartctl), and whether that is the agent's database.")
            }
        case .silent(let deadline):
            return .warning(
                "\(path) was not read through within \(deadline.words).",
                "The disk is slow, or the database very large: look at the load of the disk.")
        }
    }

    /// An event that waits for longer than this is stuck, or about something that takes long.
    static let patience = Duration.seconds(900)

    /// What is known of the last event.
    func lastEventFinding(now: Timestamp) -> Diagnosis? {
        guard case .read(let contents) = self else { return nil }
        if let oldest = contents.oldestOpenEvent, now - oldest > Self.patience {
            return .warning(
                "\(contents.openEvents) events wait for their end, the oldest since \(oldest.iso8601), for "
                    + "\(Self.span(now - oldest)).",
                "rancher-agent state shows what each resource waits for.")
        }
        guard let last = contents.lastEvent else {
            return .ok("No event is remembered: none has come, or all were answered more than an hour ago.")
        }
        return .ok("The last event came \(Self.span(now - last)) ago, at \(last.iso8601).")
    }

    static func span(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(seconds / 86_400) d"
        }
    }
}
