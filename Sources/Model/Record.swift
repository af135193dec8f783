package import LosslessJSON

// Specifications and state machines are stored as JSON for as long as what they are about lives, and a later version of
// the program has to read what an earlier one wrote. So a record holds only what differs from nothing said, and
// whatever is not in it was not said. What a missing member stands for can never be changed.

/// One stored object, while it is being written or read.
///
/// A type goes through its members once, in ``Recorded/exchange(with:)``, for both directions: none can be written and
/// not be read again.
package struct Record {
    private enum Direction {
        case writing
        case reading
    }

    private let direction: Direction
    /// What has been written so far, or all there is to read.
    private var object: JSONObject

    fileprivate init(reading object: JSONObject) {
        direction = .reading
        self.object = object
    }

    fileprivate init() {
        direction = .writing
        object = JSONObject()
    }

    fileprivate var written: JSON { .object(object) }

    /// A member that is left out where it says nothing.
    ///
    /// - Throws: ``RecordError`` for a stored value that is none of this type.
    package mutating func member<Value: Recordable>(_ name: String, _ value: inout Value) throws(RecordError) {
        switch direction {
        case .writing: if !value.saysNothing { object.append(name, value.recorded) }
        case .reading: if let stored = object[name] { value = try Self.read(stored, name) }
        }
    }

    /// A part that is left out where nothing is said in it.
    ///
    /// - Throws: ``RecordError`` for a stored value that is none of this type.
    package mutating func member<Part: Recorded>(_ name: String, _ part: inout Part) throws(RecordError) {
        switch direction {
        case .writing:
            let recorded = part.recorded
            if recorded.object?.isEmpty == false { object.append(name, recorded) }
        case .reading: if let stored = object[name] { part = try Self.read(stored, name) }
        }
    }

    /// A member that is left out where it has the given value.
    ///
    /// - Throws: ``RecordError`` for a stored value that is none of this type.
    package mutating func member<Value: Recordable & Equatable>(
        _ name: String, _ value: inout Value, unless usual: Value
    ) throws(RecordError) {
        switch direction {
        case .writing: if value != usual { object.append(name, value.recorded) }
        case .reading:
            value = try object[name].map { stored throws(RecordError) in try Self.read(stored, name) } ?? usual
        }
    }

    /// A member without which the record is none.
    ///
    /// - Throws: ``RecordError`` for a missing value, and for one that is none of this type.
    package mutating func required<Value: Recordable>(_ name: String, _ value: inout Value) throws(RecordError) {
        switch direction {
        case .writing: object.append(name, value.recorded)
        case .reading:
            guard let stored = object[name] else { throw RecordError("\(name) is missing") }
            value = try Self.read(stored, name)
        }
    }

    private static func read<Value: Recordable>(_ stored: JSON, _ name: String) throws(RecordError) -> Value {
        do {
            return try Value(recorded: stored)
        } catch {
            throw RecordError("\(name): \(error.reason)")
        }
    }
}

/// Why a stored text is no record of what it should be one of.
package struct RecordError: Error, Hashable, CustomStringConvertible {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }

    package var description: String { reason }
}

/// What can be a member of a record.
package protocol Recordable: Sendable {
    /// Its stored form.
    var recorded: JSON { get }
    /// Whether its absence from a record means the same.
    var saysNothing: Bool { get }
    /// - Throws: ``RecordError`` for what is no stored form of this type.
    init(recorded: JSON) throws(RecordError)
}

/// What is stored as an object, member by member.
package protocol Recorded: Recordable {
    /// What an empty record stands for.
    init()
    /// Goes through all members.
    mutating func exchange(with record: inout Record) throws(RecordError)
}

extension Recorded {
    package var recorded: JSON {
        var record = Record()
        var copy = self
        // What is written cannot fail to be of its type.
        try? copy.exchange(with: &record)
        return record.written
    }

    package var saysNothing: Bool { recorded.object?.isEmpty == true }

    package init(recorded: JSON) throws(RecordError) {
        guard case .object(let object) = recorded else { throw RecordError("no object") }
        var record = Record(reading: object)
        self.init()
        try exchange(with: &record)
    }

    /// The text that is stored.
    package var recordedText: String { recorded.encodedText }

    /// - Throws: ``RecordError`` for a text that is no JSON, or no record of this type.
    package init(recordedText: String) throws(RecordError) { try self.init(recorded: .stored(recordedText)) }
}

extension JSON {
    /// The JSON of a stored text.
    ///
    /// - Throws: ``RecordError`` for a text that is none.
    package static func stored(_ text: String) throws(RecordError) -> JSON {
        do {
            return try JSON(parsing: text)
        } catch {
            throw RecordError("\(error)")
        }
    }
}

// MARK: The simple values

extension String: Recordable {
    package var recorded: JSON { .string(self) }
    package var saysNothing: Bool { isEmpty }

    package init(recorded: JSON) throws(RecordError) {
        guard case .string(let text) = recorded else { throw RecordError("no text") }
        self = text
    }
}

extension Int: Recordable {
    package var recorded: JSON { .integer(self) }
    package var saysNothing: Bool { self == 0 }

    package init(recorded: JSON) throws(RecordError) {
        guard case .number(let digits) = recorded, let number = Int(digits) else {
            throw RecordError("no whole number")
        }
        self = number
    }
}

extension Bool: Recordable {
    package var recorded: JSON { .bool(self) }
    package var saysNothing: Bool { !self }

    package init(recorded: JSON) throws(RecordError) {
        guard case .bool(let value) = recorded else { throw RecordError("neither true nor false") }
        self = value
    }
}

extension Optional: Recordable where Wrapped: Recordable {
    package var recorded: JSON { map(\.recorded) ?? .null }
    package var saysNothing: Bool { self == nil }

    package init(recorded: JSON) throws(RecordError) {
        self = recorded.isNull ? nil : try Wrapped(recorded: recorded)
    }
}

extension Array: Recordable where Element: Recordable {
    package var recorded: JSON { .array(map(\.recorded)) }
    package var saysNothing: Bool { isEmpty }

    package init(recorded: JSON) throws(RecordError) {
        guard case .array(let elements) = recorded else { throw RecordError("no list") }
        self = try elements.map { element throws(RecordError) in try Element(recorded: element) }
    }
}

extension Dictionary: Recordable where Key == String, Value: Recordable {
    /// By key in ascending order: the same map always leaves the same record.
    package var recorded: JSON {
        .object(JSONObject(sorted { $0.key < $1.key }.map { .init(key: $0.key, value: $0.value.recorded) }))
    }
    package var saysNothing: Bool { isEmpty }

    package init(recorded: JSON) throws(RecordError) {
        guard case .object(let object) = recorded else { throw RecordError("no object") }
        self.init(minimumCapacity: object.count)
        for member in object { self[member.key] = try Value(recorded: member.value) }
    }
}

/// An enum of names.
extension Recordable where Self: RawRepresentable, RawValue == String {
    package var recorded: JSON { .string(rawValue) }
    /// A name always says something.
    package var saysNothing: Bool { false }

    package init(recorded: JSON) throws(RecordError) {
        guard case .string(let name) = recorded, let value = Self(rawValue: name) else {
            throw RecordError("\(recorded.encodedText) is not known here")
        }
        self = value
    }
}

// MARK: Alternatives

extension JSON {
    /// The stored form of one of several alternatives: an object with its name, and in it what it carries.
    package static func alternative(_ name: String, _ content: JSONObject = JSONObject()) -> JSON {
        .object(JSONObject([.init(key: name, value: .object(content))]))
    }

    /// The name and the content of what was stored as one of several alternatives.
    ///
    /// - Throws: ``RecordError`` for anything else.
    package var alternative: (name: String, content: JSON) {
        get throws(RecordError) {
            guard let object, object.count == 1, let member = object.members.first else {
                throw RecordError("none of the alternatives")
            }
            return (member.key, member.value)
        }
    }
}

/// An enum of alternatives that carry nothing.
package protocol NamedAlternative: Recordable, RawRepresentable where RawValue == String {}

extension NamedAlternative {
    package var recorded: JSON { .alternative(rawValue) }

    package init(recorded: JSON) throws(RecordError) {
        let (name, _) = try recorded.alternative
        guard let value = Self(rawValue: name) else { throw RecordError("\(name) is not known here") }
        self = value
    }
}
