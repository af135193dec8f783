internal import Model
internal import Store

/// What keeps a resource from what is wanted of it, told from its row.
struct HoldUp: Hashable {
    /// The resource that is held up itself: perhaps one that others wait for.
    let row: ResourceRow
    let reason: Explanation.Reason

    /// - Parameter requirements: What it waits for, as far as it is known.
    init(of row: ResourceRow, requirements: [ResourceRow]) {
        if !row.awaitedKeys.isEmpty {
            // The worst of what it waits for is what it waits for.
            let below = requirements.filter { !$0.isSettled }.map { HoldUp(of: $0, requirements: []) }
            let worst = below.first { $0.reason != .working && $0.reason != .waitingForOther }
            self = worst ?? HoldUp(row: row, reason: .waitingForOther)
            return
        }
        self.init(row: row, reason: Self.reason(row))
    }

    private init(row: ResourceRow, reason: Explanation.Reason) {
        self.row = row
        self.reason = reason
    }

    private static func reason(_ row: ResourceRow) -> Explanation.Reason {
        // A refused removal is repeated without being counted as a try without a result.
        let isRefusedRemoval = row.phase == "removing" && !row.lastError.isEmpty
        guard row.nextAttemptAt != nil || row.attempts > 0 || isRefusedRemoval else { return .working }
        if row.lastError.saysEngineIsAway { return .engineUnreachable }
        if row.isVolumeInUse { return .volumeInUse }
        if row.key.kind == .image, row.phase == "pulling" { return .imagePullFailing }
        if row.lastError.saysEngineIsSilent { return .engineSilent }
        return .backOff
    }
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
