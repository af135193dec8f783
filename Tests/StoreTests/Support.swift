import Model
import Store

func at(_ milliseconds: Int) -> Timestamp { Timestamp(milliseconds: milliseconds) }

func event(
    _ id: String, key: String? = "instance:u-1", state: EventRow.State = .open, receivedAt: Int = 1,
    closedAt: Int? = nil, replyTo: String? = "reply.1"
) -> EventRow {
    EventRow(
        header: EventHeader(
            id: id, name: "compute.instance.activate", replyTo: replyTo, resourceID: "1i1", resourceType: "instance"),
        key: key, generation: 1, frame: "{\"id\":\"\(id)\"}", state: state, receivedAt: at(receivedAt),
        closedAt: closedAt.map(at))
}

func resource(
    _ kind: ResourceKind = .instance, _ id: String = "u-1", phase: String = "requested", generation: Int = 1,
    settled: Int = 0, updatedAt: Int = 1
) -> ResourceRow {
    ResourceRow(
        key: ResourceKey(kind, id), name: "web", rancherID: "1i1", externalID: "c1", desired: "running", phase: phase,
        generation: generation, settledGeneration: settled, attempts: 2, nextAttemptAt: at(77), lastError: "no",
        activity: "Looking", machine: "{}", createdAt: at(1), updatedAt: at(updatedAt))
}

func kind(_ body: () throws -> Void) -> StoreError.Kind? {
    do {
        try body()
        return nil
    } catch {
        return (error as? StoreError)?.kind
    }
}
