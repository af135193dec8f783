package import LosslessJSON

/// A point in time as the Docker Engine writes it.
package struct EngineTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Nanoseconds since the beginning of 1970, by the engine's clock.
    package let nanoseconds: Int

    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    /// Seconds and nine digits of nanoseconds, as the engine takes it for `since`.
    package var description: String {
        let digits = String(max(0, nanoseconds) % 1_000_000_000)
        return "\(max(0, nanoseconds) / 1_000_000_000)." + String(repeating: "0", count: 9 - digits.count) + digits
    }

    package static func < (left: EngineTime, right: EngineTime) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// Something that happened in the Docker Engine.
package struct EngineEvent: Sendable, Hashable {
    /// `container` for all that ``EngineClient/withContainerEvents(_:since:bufferLimit:onOpen:onEvent:)`` delivers.
    package let type: String
    /// `start`, `die` and so on, in Docker's words; some have an appendix, such as `exec_create: sh`.
    package let action: String
    /// The id of the container.
    package let actorID: String
    /// Labels and `image`, `name`, `exitCode`.
    package let attributes: [String: String]
    /// Nanoseconds since the beginning of 1970, by the engine's clock; 0 if the engine did not say.
    package let timeNano: Int

    package init(type: String, action: String, actorID: String, attributes: [String: String], timeNano: Int) {
        self.type = type
        self.action = action
        self.actorID = actorID
        self.attributes = attributes
        self.timeNano = timeNano
    }

    /// Reads an event of any API version; `nil` if it names no action or nobody to whom it happened.
    package init?(_ json: JSON) {
        guard let action = json["Action"].nonEmptyText ?? json["status"].nonEmptyText,
            let actorID = json["Actor"]["ID"].nonEmptyText ?? json["id"].nonEmptyText
        else { return nil }
        var attributes: [String: String] = [:]
        for member in json["Actor"]["Attributes"].object ?? JSONObject() {
            attributes[member.key] = member.value.text
        }
        if attributes["image"] == nil { attributes["image"] = json["from"].nonEmptyText }
        let seconds = json["time"].integer.map { $0.multipliedReportingOverflow(by: 1_000_000_000) }
        let type = json["Type"].nonEmptyText ?? "container"
        self.init(
            type: type, action: type == "container" ? Self.podmanWords[action] ?? action : action, actorID: actorID,
            attributes: attributes,
            timeNano: json["timeNano"].integer ?? seconds.flatMap { $0.overflow ? nil : $0.partialValue } ?? 0)
    }

    /// Words of Podman's own API, some of which come as they are, and what Docker says.
    private static let podmanWords = ["remove": "destroy", "died": "die"]

    /// When it happened: the `since` of a subscription that continues here. It repeats this very event.
    package var time: EngineTime { EngineTime(nanoseconds: timeNano) }
}
