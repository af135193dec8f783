package import LosslessJSON
package import Model
package import Store

/// All that is stored, as one JSON object after the other, without secrets.
///
/// It is read and written piece by piece, so that it takes no more memory than a piece, however much is stored. Between
/// two pieces nothing is held, so that whoever takes the objects may take any time: the log of a running agent is not
/// kept from being taken back. So it is not the state of one moment.
package enum StateExport {
    /// So many rows are read at a time.
    private static let piece = 100

    /// Reads everything.
    ///
    /// - Parameters:
    ///   - store: Where it is; not within a transaction.
    ///   - now: When that is.
    ///   - write: Takes each object. It returns false to end it: nobody reads any more.
    /// - Throws: ``StoreError``.
    package static func run(of store: Store, now: Timestamp, _ write: (JSON) -> Bool) throws(StoreError) {
        let header = JSONObject([
            .init(key: "kind", value: "store"), .init(key: "exportedAt", value: JSON(now)),
            .init(key: "isOneMoment", value: false),
            .init(key: "schemaVersion", value: .integer(store.foundVersion)),
            .init(key: "agentVersion", value: .string(AgentVersion.current)),
        ])
        guard write(.object(header)),
            try walk("resource", store.resources, object, write),
            try walk("transition", store.transitions, object, write),
            try walk("event", store.events, object, write),
            try walk("reply", store.replies, object, write)
        else { return }
        _ = try walk("quarantine", store.quarantineEntries, object, write)
    }

    /// Goes through a table to its end.
    ///
    /// - Returns: false if nobody reads any more.
    private static func walk<Content>(
        _ kind: String, _ read: (RowCursor, Int) throws(StoreError) -> [StoredRow<Content>],
        _ object: (Content, RowCursor) -> JSONObject, _ write: (JSON) -> Bool
    ) throws(StoreError) -> Bool {
        var last = RowCursor.start
        while true {
            let rows = try read(last, piece)
            for row in rows {
                last = row.cursor
                let members = row.content.map { object($0, row.cursor) } ?? JSONObject([row.cursor.unreadable])
                guard write(line(kind, members)) else { return false }
            }
            if rows.count < piece { return true }
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

    // MARK: One row

    private static func object(_ row: ResourceRow, _: RowCursor) -> JSONObject {
        var object = row.jsonMembers
        object.append("resource", .string(row.key.kind.rawValue))
        object.append("machine", Redaction.redactedRecord(row.machine))
        object.append("specification", row.specification.isEmpty ? .null : Redaction.redactedRecord(row.specification))
        return object
    }

    private static func object(_ move: TransitionRow, _ cursor: RowCursor) -> JSONObject {
        JSONObject([
            .init(key: "key", value: .string(move.key.description)),
            .init(key: "number", value: .integer(cursor.number)),
            .init(key: "generation", value: .integer(move.generation)),
            .init(key: "from", value: JSON(nonEmpty: move.from)), .init(key: "to", value: .string(move.to)),
            .init(key: "cause", value: .string(move.cause)), .init(key: "at", value: JSON(move.at)),
        ])
    }

    private static func object(_ row: EventRow, _: RowCursor) -> JSONObject {
        var object = row.json.object ?? JSONObject()
        object.append("replyTo", JSON(row.header.replyTo))
        object.append("dialect", .string(row.header.dialect.rawValue))
        object.append("frame", Redaction.redactedRecord(row.frame))
        object.append("frameBytes", .integer(row.frame.utf8.count))
        return object
    }

    private static func object(_ row: ReplyEntry, _: RowCursor) -> JSONObject {
        var object = row.json.object ?? JSONObject()
        object.append("body", Redaction.redactedRecord(row.body))
        object.append("bodyBytes", .integer(row.body.utf8.count))
        return object
    }

    private static func object(_ entry: QuarantineEntry, _: RowCursor) -> JSONObject {
        var object = entry.json.object ?? JSONObject()
        object.append("raw", Redaction.redactedRecord(entry.row.raw))
        return object
    }
}

extension RowCursor {
    /// Stands for a row of which only its place in the table can be told.
    fileprivate var unreadable: JSONObject.Member {
        let text = String(decoding: key, as: UTF8.self)
        let place: JSON = number == 0 ? .string(text) : ["key": .string(text), "number": .integer(number)]
        return .init(key: "unreadable", value: place)
    }
}
