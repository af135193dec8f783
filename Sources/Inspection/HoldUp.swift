internal import Model
internal import Store

/// What keeps a resource from what is wanted of it, told from its row.
struct HoldUp: Hashable {
    /// The resource that is held up itself: perhaps one that others wait for.
    let row: ResourceRow
    let reason: Explanation.Reason

    /// - Parameters:
    ///   - row: The resource that is on its way.
    ///   - requirements: What it waits for, as far as it is known.
    init(of row: ResourceRow, requirements: [ResourceRow]) {
        if !row.awaitedKeys.isEmpty {
            // Of several that are held up themselves, the worst is what it waits for.
            let below = requirements.filter { !$0.isSettled }.map { HoldUp(of: $0, requirements: []) }
            let worst = below.compactMap { holdUp in Self.worstFirst.firstIndex(of: holdUp.reason).map { ($0, holdUp) }
            }
            .min { $0.0 < $1.0 }
            self = worst?.1 ?? HoldUp(row: row, reason: .waitingForOther)
            return
        }
        self.init(row: row, reason: Self.reason(row))
    }

    /// What keeps others waiting for longer than the work itself takes.
    private static let worstFirst: [Explanation.Reason] = [
        .engineUnreachable, .imagePullFailing, .volumeInUse, .engineSilent, .backOff,
    ]

    private init(row: ResourceRow, reason: Explanation.Reason) {
        self.row = row
        self.reason = reason
    }

    private static func reason(_ row: ResourceRow) -> Explanation.Reason {
        // A refused removal is repeated without being counted as a try without a result.
        let isRefusedRemoval = row.phase == "removing" && !row.lastError.isEmpty
        guard row.nextAttemptAt != nil || row.attempts > 0 || isRefusedRemoval else { return .working }
        // A look that succeeds leaves tries and error as they are. A step that is more than a look proves that there was
        // one, and that the engine has answered it.
        let isPast = row.nextAttemptAt == nil && !row.activity.hasPrefix(Self.lookingAt)
        if !isPast, row.lastError.saysEngineIsAway { return .engineUnreachable }
        if row.isVolumeInUse { return .volumeInUse }
        if isPast { return .working }
        if row.key.kind == .image, row.phase == "pulling" { return .imagePullFailing }
        if row.lastError.saysEngineIsSilent { return .engineSilent }
        return .backOff
    }

    /// How the agent calls every step that only looks.
    private static let lookingAt = "Looking at "
}

extension ResourceRow {
    var isVolumeInUse: Bool {
        key.kind == .volume && desired == "removed" && lastError.lowercased().contains("in use")
    }
}

extension String {
    /// The words of a call for which there was no connection to the engine. They are the Docker command's own, so that
    /// people find them.
    var saysEngineIsAway: Bool { lowercased().hasPrefix("cannot connect to the docker daemon") }

    /// A call whose end is unknown is told with its method.
    var saysEngineIsSilent: Bool {
        ["GET /", "POST /", "DELETE /", "PUT /", "HEAD /"].contains { hasPrefix($0) }
    }
}
