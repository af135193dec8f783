import LosslessJSON

/// What the server lets these credentials do, and where (PROTOCOL 2.2).
package struct Schemas: Sendable, Hashable {
    /// One type of the API.
    package struct Schema: Sendable, Hashable {
        /// The type's name.
        package let id: String
        /// The tail of the collection's URL; empty where the server does not say.
        package let pluralName: String
        /// `nil` where the server does not say.
        package let collectionMethods: [String]?
        /// `links.collection`.
        package let collection: APIURL?
        /// `links.self`: where the schema itself is.
        package let location: APIURL?

        init?(_ json: JSON) {
            guard let id = json["id"].nonEmptyText else { return nil }
            self.id = id
            pluralName = json["pluralName"].text ?? ""
            collectionMethods = json["collectionMethods"].array?.compactMap { $0.text?.uppercased() }
            collection = json["links"]["collection"].text.flatMap { try? APIURL($0) }
            location = json["links"]["self"].text.flatMap { try? APIURL($0) }
        }
    }

    private let byID: [String: Schema]

    /// Reads a schema collection.
    ///
    /// - Throws: ``RancherError`` of the code `badAnswer`.
    init(parsing body: [UInt8], from url: APIURL) throws(RancherError) {
        guard let list = (try? JSON(parsing: body))?["data"].array else {
            throw RancherError(.badAnswer, "\(url) answered with no collection of schemas")
        }
        byID = Dictionary(list.compactMap { Schema($0) }.map { ($0.id, $0) }) { first, _ in first }
    }

    package subscript(type: String) -> Schema? { byID[type] }

    /// Where items of a type are listed.
    ///
    /// - Throws: ``RancherError`` of the code `noSchema`.
    package func listURL(_ type: String) throws(RancherError) -> APIURL {
        let schema = try schema(type, for: "GET")
        guard let url = schema.collection else {
            throw RancherError(.noSchema, "the schema of \(type) has no link to its collection")
        }
        return url
    }

    /// Where items of a type are created.
    ///
    /// - Throws: ``RancherError`` of the code `noSchema`.
    package func createURL(_ type: String) throws(RancherError) -> APIURL {
        let schema = try schema(type, for: "POST")
        if let url = schema.collection { return url }
        // .../v3/schemas/publish -> .../v3/publishes
        if var url = schema.location, !schema.pluralName.isEmpty,
            let tail = url.path.ranges(of: "schemas").last
        {
            url.path = url.path[..<tail.lowerBound] + schema.pluralName
            return url
        }
        throw RancherError(.noSchema, "the schema of \(type) has no link to its collection")
    }

    private func schema(_ type: String, for method: String) throws(RancherError) -> Schema {
        guard let schema = byID[type] else { throw RancherError(.noSchema, "Unknown schema type [\(type)]") }
        if let methods = schema.collectionMethods, !methods.contains(method) {
            throw RancherError(.noSchema, "the schema of \(type) does not allow \(method)")
        }
        return schema
    }
}
