package import LosslessJSON
package import Model
package import Store

/// All that is stored, as one JSON object after the other, without secrets.
///
/// It is read and written piece by piece, so that it takes no more memory than a piece, however much is stored.
package enum StateExport {
    /// So many rows are read at a time.
    private static let piece = 100

    /// Reads everything.
    ///
    /// - Parameters:
    ///   - now: When that is.
    ///   - write: Takes each object. It returns false to end it: nobody reads any more.
    /// - Throws: ``StoreError``.
    package static func run(of store: Store, now: Timestamp, _ write: (JSON) -> Bool) throws(StoreError) {
        let header = JSONObject([
            .init(key: "kind", value: "store"), .init(key: "exportedAt", value: JSON(now)),
            .init(key: "schemaVersion", value: .integer(store.foundVersion)),
            .init(key: "agentVersion", value: .string(AgentVersion.current)),
        ])
        guard write(.object(header)) else { return }
        guard try resources(of: store, write), try transitions(of: store, write), try events(of: store, write),
            try replies(of: store, write)
        else { return }
        for entry in try store.quarantineEntries(limit: .max) {
            var object = entry.json.object ?? JSONObject()
            object.append("raw", Redaction.redactedRecord(entry.row.raw))
            guard write(line("quarantine", object)) else { return }
        }
    }

    private static func line(_ kind: String, _ object: JSONObject) -> JSON {
        var members = [JSONObject.Member(key: "kind", value: .string(kind))]
        for member in object where member.key != "kind" {
            // What stands in columns of its own was written by this program, or comes from outside as a sentence.
            var value = member.value
            if case .string(let text) = value { value = .string(Redaction.redacted(text)) }
            members.append(.init(key: member.key, value: value))
        }
        return .object(JSONObject(members))
    }

    private static func resources(of store: Store, _ write: (JSON) -> Bool) throws(StoreError) -> Bool {
        var last = ""
        while true {
            let rows = try store.resources(after: last, limit: piece)
            for row in rows {
                last = row.key.description
                var object = row.jsonMembers
                object.append("resource", .string(row.key.kind.rawValue))
                object.append("machine", Redaction.redactedRecord(row.machine))
                object.append(
                    "specification", row.specification.isEmpty ? .null : Redaction.redactedRecord(row.specification))
                guard write(line("resource", object)) else { return false }
            }
            if rows.count < piece { return true }
        }
    }

    private static func transitions(of store: Store, _ write: (JSON) -> Bool) throws(StoreError) -> Bool {
        var last = (key: "", number: 0)
        while true {
            let rows = try store.transitions(after: last.key, number: last.number, limit: piece)
            for (move, number) in rows {
                last = (move.key.description, number)
                let object = JSONObject([
                    .init(key: "key", value: .string(move.key.description)),
                    .init(key: "number", value: .integer(number)),
                    .init(key: "generation", value: .integer(move.generation)),
                    .init(key: "from", value: JSON(nonEmpty: move.from)), .init(key: "to", value: .string(move.to)),
                    .init(key: "cause", value: .string(move.cause)), .init(key: "at", value: JSON(move.at)),
                ])
                guard write(line("transition", object)) else { return false }
            }
            if rows.count < piece { return true }
        }
    }

    private static func events(of store: Store, _ write: (JSON) -> Bool) throws(StoreError) -> Bool {
        var last = ""
        while true {
            let rows = try store.events(after: last, limit: piece)
            for row in rows {
                last = row.header.id
                var object = row.json.object ?? JSONObject()
                object.append("replyTo", JSON(row.header.replyTo))
                object.append("dialect", .string(row.header.dialect.rawValue))
                object.append("frame", Redaction.redactedRecord(row.frame))
                object.append("frameBytes", .integer(row.frame.utf8.count))
                guard write(line("event", object)) else { return false }
            }
            if rows.count < piece { return true }
        }
    }

    private static func replies(of store: Store, _ write: (JSON) -> Bool) throws(StoreError) -> Bool {
        var last = ""
        while true {
            let rows = try store.replies(after: last, limit: piece)
            for row in rows {
                last = row.reply.eventID
                var object = row.json.object ?? JSONObject()
                object.append("body", Redaction.redactedRecord(row.body))
                object.append("bodyBytes", .integer(row.body.utf8.count))
                guard write(line("reply", object)) else { return false }
            }
            if rows.count < piece { return true }
        }
    }
}
