package import LosslessJSON
internal import Model
internal import Store

extension Dossier {
    /// All of it for programs, without secrets.
    ///
    /// - Parameters:
    ///   - why: What is told of it.
    ///   - showingEnvironment: With the values of the environment, which may be secret.
    package func json(why: Explanation, showingEnvironment: Bool = false) -> JSON {
        var object = row.jsonMembers
        object.append("why", why.json)
        object.append(
            "wantedBy", wish.map { ["event": .string($0.header.id), "name": .string($0.header.name)] } ?? .null)
        object.append("cause", JSON(wishCause.map { Redaction.redacted($0) }))
        object.append("phaseSince", JSON(phaseSince))
        object.append("requires", JSON(row.awaitedKeys.map(\.description)))
        object.append("neededBy", JSON(dependents.map(\.description)))
        object.append("specification", specification(showingEnvironment))
        object.append("events", .array(events.map(\.json)))
        object.append("history", .array(history.map { JSON($0) }))
        return .object(object)
    }

    /// Without secrets, but for an environment that was asked for.
    private func specification(_ showsEnvironment: Bool) -> JSON {
        guard let whole = StoredSpecification(row)?.json(showingEnvironment: showsEnvironment) else { return .null }
        guard showsEnvironment, let environment = whole.object?["environment"],
            var object = Redaction.redacted(whole).object
        else { return Redaction.redacted(whole) }
        object["environment"] = environment
        return .object(object)
    }
}

extension Dossier.Correspondence {
    fileprivate var json: JSON {
        [
            "id": .string(event.header.id),
            "name": .string(event.header.name),
            "state": .string(event.state.rawValue),
            "generation": .integer(event.generation),
            "receivedAt": JSON(event.receivedAt),
            "closedAt": JSON(event.closedAt),
            "reply": reply.map { JSON($0) } ?? .null,
        ]
    }
}

extension JSON {
    fileprivate init(_ reply: ReplyRow) {
        self = [
            "isFailure": .bool(reply.isFailure),
            "attempts": .integer(reply.attempts),
            "nextAttemptAt": JSON(reply.nextAttemptAt),
            "lastError": JSON(nonEmpty: Redaction.redacted(reply.lastError)),
            "createdAt": JSON(reply.createdAt),
            "deliveredAt": JSON(reply.deliveredAt),
        ]
    }

    fileprivate init(_ move: TransitionRow) {
        self = [
            "at": JSON(move.at),
            "from": JSON(nonEmpty: move.from),
            "to": .string(move.to),
            "generation": .integer(move.generation),
            "cause": .string(Redaction.redacted(move.cause)),
        ]
    }
}
