internal import Deadline
internal import Glibc
internal import Inspection
internal import Store

/// Reads the agent's database through, beside the running daemon or without one, and writes nothing.
struct StoreProbe: Sendable {
    let location: StateLocation
    let calls: BlockingCalls
    let deadline: Duration

    func read() async -> StoreObservation {
        let location = location
        do throws(BlockingCallError) {
            return try await calls.run(within: deadline) { Self.read(location) }
        } catch {
            return .silent(deadline)
        }
    }

    private static func read(_ location: StateLocation) -> StoreObservation {
        var status = stat()
        if stat(location.databasePath, &status) != 0, errno == ENOENT { return .missing(location.databasePath) }
        do throws(InspectionError) {
            let health = try location.read { store throws(StoreError) in try store.health() }
            if let damage = health.damage { return .damaged(damage + ".") }
            return .read(
                .init(
                    resources: health.resources, openEvents: health.openEvents,
                    oldestOpenEvent: health.oldestOpenEvent, undeliveredAnswers: health.undeliveredAnswers,
                    quarantined: health.quarantined, lastEvent: health.lastEvent))
        } catch {
            return .init(error, path: location.databasePath)
        }
    }
}

extension StoreObservation {
    init(_ error: InspectionError, path: String) {
        self =
            switch error.kind {
            case .missing: .missing(path)
            case .unreadable: .damaged(error.description)
            case .notPermitted: .unreadable(error.description, .noRight)
            case .busy: .unreadable(error.description, .locked)
            case .otherSchema(version: 0): .unreadable(error.description, .empty)
            case .otherSchema: .unreadable(error.description, .ofAnotherProgram)
            case .full, .other, nil: .unreadable(error.description, .unknown)
            }
    }
}
