import Model
import SimulatedEngine
import Store

@testable import Reconciler

/// What is looked at when everything has come to rest.
extension World {
    func checkAnswers() throws {
        for errand in errands {
            if errand.wantsAnswer, !errand.wasTurnedAway {
                try laws.hold(.oneAnswer, errand.left.count == 1, "\(errand.id) \(errand.wish.title): \(errand.left)")
                try laws.hold(
                    .delivered, errand.isRefusedForGood || errand.taken.keys.first == errand.left.first,
                    "\(errand.id) \(errand.wish.title)")
            }
            if !errand.wantsAnswer { try laws.hold(.noneUnasked, errand.left.isEmpty, "\(errand.id)") }
        }
        try laws.hold(.delivered, try disk.store.openEvents().isEmpty, "events stay open")
        try laws.hold(.delivered, try disk.store.undeliveredReplies().isEmpty, "answers stay undelivered")
        let strange = try disk.store.quarantined().filter { $0.source != "frame" }
        try laws.hold(.readable, strange.isEmpty, "\(strange.first?.source ?? "") \(strange.first?.error ?? "")")
    }

    /// For each resource the last wish: if it was answered with success, it is so. For each record: it shows what is.
    func checkWishes() throws {
        for row in try disk.store.allResources() {
            let events = try disk.store.events(about: row.key, limit: 200)
            if Set(events.map(\.generation)).count < events.count { meet(.joinedWish) }
            if row.key.kind == .instance, row.phase == "running" || row.phase == "stopped" {
                let isAlive = engine.containers[row.externalID]?.state.isAlive == true
                try laws.hold(
                    .shownAsIs, (row.phase == "running") == isAlive,
                    "\(row.key) is shown as \(row.phase), the container \(isAlive ? "runs" : "does not run")")
            }
            let last = try events.filter { $0.generation == row.generation }.map { try errand($0.header.id) }
            for number in last where errands[number].answer != nil && errands[number].answer?.failure == nil {
                guard !isChangedByOthers(since: errands[number]) else { continue }
                try laws.hold(
                    .wishHolds, isSo(errands[number].wish),
                    "\(errands[number].id) \(errands[number].wish.title) was answered with success")
            }
        }
        guard !scenario.hasHands, !scenario.hasOutages else { return }
        for id in engine.containers.keys.sorted() {
            guard let container = engine.containers[id], uuids.contains(container.uuid) else { continue }
            let wishes = errands.filter { errand in
                if case .activate(let instance) = errand.wish { instance.uuid == container.uuid } else { false }
            }
            try laws.hold(.startedOnce, container.starts <= wishes.count, "\(id) was started \(container.starts) times")
        }
    }

    private func isChangedByOthers(since errand: Errand) -> Bool {
        if let instance = errand.wish.instance { return touched[instance.uuid, default: -1] >= errand.firstSent }
        return met.contains(.handRemovesImage) || met.contains(.handRemovesVolume)
    }

    /// Whether the engine shows what was wished for.
    func isSo(_ wish: Wish) -> Bool {
        switch wish {
        case .activate(let instance):
            if instance.isNoop { return true }
            let container = engine.containers(of: instance.uuid).first
            return container.map { $0.state.isAlive || scenario.containersEndAtOnce } ?? false
        case .deactivate(let instance):
            return instance.isNoop || engine.containers(of: instance.uuid).allSatisfy { !$0.state.isAlive }
        case .remove(let instance): return engine.containers(of: instance.uuid).isEmpty
        case .removeVolume(let name, _):
            return engine.volumes[name] == nil && !engine.kept.contains(name) && !engine.mounted.contains(name)
        case .pull(let mark, false): return engine.images.contains(Frames.image + mark)
        case .pull(let mark, true): return mark.isEmpty || !engine.images.contains(Frames.image + mark)
        case .lookForImage, .inspect, .unknownName, .unreadableField, .unreadableFrame: return true
        }
    }

    /// All that is kept in memory is in the store, and nothing else.
    func checkMemory() throws {
        let fresh = Reconciler(store: disk.store, codec: codec, limits: limits, random: SeededGenerator(seed: 0))
        fresh.now = clock.wall
        try disk.store.transaction { try fresh.load() }
        try laws.hold(.memoryIsStore, fresh.active.keys.sorted() == reconciler.active.keys.sorted(), "resources")
        try laws.hold(.memoryIsStore, fresh.open.keys.sorted() == reconciler.open.keys.sorted(), "events")
        try laws.hold(
            .memoryIsStore, fresh.outbox.letters.keys.sorted() == reconciler.outbox.letters.keys.sorted(), "answers")
        for key in reconciler.active.keys.sorted() {
            guard let resource = reconciler.active[key] else { continue }
            let row = try disk.store.resource(key)
            let kept = resource.row(updatedAt: row?.updatedAt ?? clock.wall)
            // What was loaded and has not moved since is not written again.
            let loaded = fresh.active[key]?.row(updatedAt: kept.updatedAt)
            try laws.hold(.memoryIsStore, kept == row || kept == loaded, "\(key)")
            try laws.hold(
                .memoryIsStore, fresh.active[key]?.events.sorted() == resource.events.sorted(), "events of \(key)")
        }
    }
}
