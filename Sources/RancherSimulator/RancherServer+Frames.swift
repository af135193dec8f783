package import LosslessJSON

extension RancherServer {
    /// The event with a new id, reply address and time: another event with the same content.
    package static func renewed(_ event: JSON) -> JSON {
        guard var object = event.object else { return event }
        object["id"] = .string(Identity.uuid())
        object["replyTo"] = .string(Identity.replyAddress())
        object["time"] = .integer(Identity.nowMilliseconds())
        return .object(object)
    }

    /// Reads the frame of an event from a file.
    ///
    /// - Throws: ``SimulatorError/badFile(_:)``.
    package static func readEvent(path: String) throws(SimulatorError) -> JSON {
        let bytes = try Files.read(path)
        let event: JSON
        do {
            event = try JSON(parsing: bytes)
        } catch {
            throw .badFile("\(path): \(error)")
        }
        guard event["name"].nonEmptyText != nil else { throw .badFile("\(path): no event, it has no name") }
        return event
    }

    /// Reads a text file.
    ///
    /// - Throws: ``SimulatorError/badFile(_:)``.
    package static func readText(path: String) throws(SimulatorError) -> String {
        String(decoding: try Files.read(path), as: UTF8.self)
    }

    /// The frame that says the server is alive. It needs no answer and has no reply address.
    static func heartbeat() -> JSON {
        [
            "id": .string(Identity.uuid()), "name": "ping", "replyTo": nil, "resourceId": nil, "resourceType": nil,
            "previousIds": nil, "time": .integer(Identity.nowMilliseconds()), "transitioning": nil, "data": [:],
        ]
    }
}
