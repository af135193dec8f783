package import LosslessJSON
internal import Model
internal import Store

extension Snapshot {
    /// All of it for programs. Specifications, messages and what is in quarantine are not in it: they hold secrets.
    package var json: JSON {
        func rows(_ kind: ResourceKind) -> JSON {
            .array(resources.filter { $0.key.kind == kind }.map { .object($0.jsonMembers) })
        }
        return [
            "instances": rows(.instance),
            "volumes": rows(.volume),
            "images": rows(.image),
            "newestChangeAt": JSON(newestChangeAt),
            "pending": .integer(pendingCount),
            "events": [
                "open": .integer(openEventCount),
                "oldest": JSON(openEventCount == 0 ? nil : oldestOpenEventAt),
            ],
            "replies": [
                "undelivered": .integer(undelivered.count),
                "oldest": JSON(undelivered.map(\.waitingSince).min()),
            ],
            "quarantine": .array(
                quarantine.map { row in
                    [
                        "source": .string(row.source), "name": .string(row.name),
                        "error": .string(Redaction.redacted(row.error)),
                        "at": JSON(row.at),
                    ]
                }),
        ]
    }
}

extension ResourceRow {
    /// What both commands say of a resource.
    var jsonMembers: JSONObject {
        var object = JSONObject()
        object.append("key", .string(key.description))
        object.append("id", .string(key.id))
        object.append("rancherId", JSON(nonEmpty: rancherID))
        object.append("name", JSON(nonEmpty: name))
        object.append("desired", .string(desired))
        object.append("phase", .string(phase))
        object.append("isSettled", .bool(isSettled))
        object.append("container", JSON(nonEmpty: externalID))
        object.append("generation", .integer(generation))
        object.append("settledGeneration", .integer(settledGeneration))
        object.append("activity", JSON(nonEmpty: Redaction.redacted(activity)))
        object.append("attempts", .integer(attempts))
        object.append("nextAttemptAt", JSON(nextAttemptAt))
        object.append("lastError", JSON(nonEmpty: Redaction.redacted(lastError)))
        object.append("createdAt", JSON(createdAt))
        object.append("updatedAt", JSON(updatedAt))
        return object
    }
}

extension JSON {
    /// ISO 8601 in UTC with milliseconds, or null.
    init(_ time: Timestamp?) { self.init(time?.iso8601) }

    /// Null for the empty text, which means "none" in the store.
    init(nonEmpty text: String) { self = text.isEmpty ? .null : .string(text) }
}
