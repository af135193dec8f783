import LosslessJSON

/// A resource type of the API (PROTOCOL.md 2.2).
struct Schema: Sendable {
    let id: String
    let pluralName: String
    var collectionMethods = ["GET", "POST"]
    var resourceMethods = ["GET"]

    /// What a registration token sees.
    static let registration = [
        Schema(id: "apiVersion", pluralName: "apiVersions", collectionMethods: [], resourceMethods: ["GET"]),
        Schema(id: "register", pluralName: "registers"),
        Schema(id: "schema", pluralName: "schemas", collectionMethods: ["GET"]),
    ]

    /// What an agent sees.
    static let agent = [
        Schema(id: "apiVersion", pluralName: "apiVersions", collectionMethods: [], resourceMethods: ["GET"]),
        Schema(id: "containerEvent", pluralName: "containerEvents"),
        Schema(id: "hostApiProxyToken", pluralName: "hostApiProxyTokens", collectionMethods: ["POST"]),
        Schema(id: "publish", pluralName: "publish", collectionMethods: ["POST"]),
        Schema(id: "schema", pluralName: "schemas", collectionMethods: ["GET"]),
        Schema(id: "subscribe", pluralName: "subscribe", collectionMethods: ["GET"], resourceMethods: []),
    ]

    func json(apiURL: String, withCollectionLink: Bool) -> JSON {
        var links = JSONObject()
        links.append("self", .string("\(apiURL)/schemas/\(id)"))
        if withCollectionLink, !collectionMethods.isEmpty {
            links.append("collection", .string("\(apiURL)/\(pluralName.lowercased())"))
        }
        return [
            "id": .string(id), "type": "schema", "links": .object(links), "pluralName": .string(pluralName),
            "collectionMethods": JSON(collectionMethods), "resourceMethods": JSON(resourceMethods),
            "resourceFields": [:], "resourceActions": [:], "collectionFilters": [:], "actions": [:],
        ]
    }
}
