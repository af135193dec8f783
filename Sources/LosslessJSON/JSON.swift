/// A JSON value that keeps what it was given: numbers as their text, members in their order.
///
/// An inspection by the Docker Engine is handed to the Rancher server through this type, so nothing in it may be
/// rounded, reordered or dropped. Reading is lenient where the wire is: a missing member reads as `null`, a number is
/// readable as text and a numeric text as a number.
package enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The digits as they were written.
    case number(String)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    /// The member of an object; `null` for a missing member and for anything that is no object.
    package subscript(key: String) -> JSON {
        guard case .object(let object) = self else { return .null }
        return object[key] ?? .null
    }

    /// The element of an array; `null` beyond its end and for anything that is no array.
    package subscript(index: Int) -> JSON {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return .null }
        return elements[index]
    }

    package var isNull: Bool { self == .null }

    /// The text; numbers and booleans as they are written. `nil` for null, arrays and objects.
    package var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        case .bool(let value): value ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    /// The text, or `nil` where there is none or it is empty: on this wire both mean "not given".
    package var nonEmptyText: String? {
        guard let text, !text.isEmpty else { return nil }
        return text
    }

    /// The whole number, from a number or a numeric text; fractions are cut off. `nil` if it is neither or does not fit.
    package var integer: Int? {
        guard let text else { return nil }
        if let value = Int(text) { return value }
        guard let value = Double(text), value.isFinite, value > -9.2e18, value < 9.2e18 else { return nil }
        return Int(value)
    }

    /// The number, from a number or a numeric text.
    package var double: Double? { text.flatMap(Double.init) }

    /// The truth value; the texts `true` and `false` and numbers (0 is false) are understood too.
    package var boolean: Bool? {
        switch self {
        case .bool(let value): value
        case .string("true"): true
        case .string("false"): false
        case .number(let text): Double(text).map { $0 != 0 }
        case .null, .string, .array, .object: nil
        }
    }

    package var array: [JSON]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    package var object: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }

    package static func integer(_ value: some BinaryInteger) -> JSON { .number(String(value)) }
}

/// The members of a JSON object in the order in which they were written; of a repeated key the last counts.
package struct JSONObject: Sendable, Hashable, Sequence {
    package struct Member: Sendable, Hashable {
        package var key: String
        package var value: JSON

        package init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    package private(set) var members: [Member]

    package init(_ members: [Member] = []) { self.members = members }

    package var isEmpty: Bool { members.isEmpty }
    package var count: Int { members.count }
    package var keys: [String] { members.map(\.key) }

    package subscript(key: String) -> JSON? {
        get { members.last { $0.key == key }?.value }
        set {
            if let index = members.lastIndex(where: { $0.key == key }) {
                if let newValue { members[index].value = newValue } else { members.removeAll { $0.key == key } }
            } else if let newValue {
                members.append(Member(key: key, value: newValue))
            }
        }
    }

    /// Adds a member without looking whether the key is there already.
    package mutating func append(_ key: String, _ value: JSON) { members.append(Member(key: key, value: value)) }

    package func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .number(String(value)) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(nilLiteral: ()) { self = .null }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(JSONObject(elements.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}

extension JSON {
    /// A text, or null.
    package init(_ text: String?) { self = text.map(JSON.string) ?? .null }

    /// A list of texts.
    package init(_ texts: [String]) { self = .array(texts.map(JSON.string)) }

    /// A map of texts, sorted by key so that the same map is always written the same way.
    package init(_ map: [String: String]) {
        self = .object(JSONObject(map.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) }))
    }
}
