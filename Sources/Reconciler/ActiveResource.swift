internal import Lifecycle
internal import LosslessJSON
internal import Model
internal import Store

/// A resource on its way to what is wanted of it.
struct ActiveResource {
    var row: ResourceRow
    var machine: ResourceMachine
    /// The one piece of work in flight.
    var work: WorkID?
    /// The work in flight was begun for an older wish.
    var isOvertaken = false
    /// The resources that have to settle first.
    var awaiting: Set<ResourceKey> = []
    /// Counts the times that others had to settle first, so that late news of an earlier time is not taken for new.
    var requirement = 0
    var isWaitingForTime = false
    /// After a start, the engine's first list is about to tell what would otherwise have to be asked for each alone.
    var isWaitingForList = false
    /// The events that will be answered when it settles.
    var events: [String] = []
    /// What the engine showed last, in full, for the answer.
    var inspection: JSON?
    /// What the image of a container that does not run exposes, if that was looked at.
    var imagePorts: [String]?

    var key: ResourceKey { row.key }

    /// The row as it has to be written. A specification that was written once is not coded again.
    func row(updatedAt now: Timestamp) -> ResourceRow {
        var row = row
        row.name = machine.name
        row.rancherID = machine.rancherID
        row.externalID = machine.externalID
        row.desired = machine.desired
        row.phase = machine.phase
        row.attempts = machine.attempts
        row.lastError = machine.lastError
        row.machine = MachineCoding.encode(machine)
        if row.specification.isEmpty { row.specification = MachineCoding.encodeSpecification(of: machine) }
        row.updatedAt = now
        return row
    }
}

/// What has become of a resource, for one that waits for it.
struct Tiding {
    let to: ResourceKey
    /// The time of waiting that it ends.
    let requirement: Int
    let of: ResourceKey
    /// `nil` if it is as it was required.
    let failure: String?
    /// Of a volume that is active now; empty unless a storage plug-in has mounted it.
    let mountpoint: String?
}

/// An event without an answer.
struct OpenEvent {
    let header: EventHeader
    /// The resource that it is about; `nil` for a mere question.
    let key: ResourceKey?
    var generation: Int
    let receivedAt: Timestamp
    /// The work that will answer a question.
    var question: Operation?
    var work: WorkID?
    var tries = 0
    // Progress
    var text = ""
    var sentText = ""
    var sentAt: Timestamp?
}

/// Work in flight, and for whom.
struct Work {
    enum Purpose: Hashable {
        case resource(ResourceKey)
        case question(eventID: String)
    }

    let purpose: Purpose
    let operation: Operation
    /// Of the wish that it serves; 0 for questions.
    let generation: Int
}
