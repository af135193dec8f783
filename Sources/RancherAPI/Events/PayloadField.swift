import LosslessJSON

/// A field that is used but cannot be understood; the text names it and says what was expected.
struct UnusablePayload: Error, Hashable {
    let reason: String
}

/// A value inside an event's payload together with the way to it, so that an error can name it.
///
/// Reading is lenient (PROTOCOL 0.2, 12.3 no. 87a): null is absent, numbers are readable as texts and numeric texts as
/// numbers. Only a value of a hopeless type is an error, and only when somebody asks for it.
struct PayloadField {
    let path: String
    let value: JSON

    subscript(key: String) -> PayloadField {
        PayloadField(path: path.isEmpty ? key : "\(path).\(key)", value: value[key])
    }

    var isAbsent: Bool { value.isNull }

    func unusable(_ expected: String) -> UnusablePayload {
        UnusablePayload(reason: "\(path): \(expected) expected, found \(Self.kind(of: value))")
    }

    /// The text; empty if absent.
    func text() throws(UnusablePayload) -> String {
        if isAbsent { return "" }
        guard let text = value.text else { throw unusable("a text") }
        return text
    }

    /// The whole number, fractions cut off; 0 if absent or an empty text. A number outside of the range is an error: to
    /// the engine it would be another one, or none.
    func integer(in range: ClosedRange<Int> = .min ... .max) throws(UnusablePayload) -> Int {
        try optionalInteger(in: range) ?? 0
    }

    /// The same, but `nil` if absent or an empty text.
    func optionalInteger(in range: ClosedRange<Int> = .min ... .max) throws(UnusablePayload) -> Int? {
        if isAbsent || value == "" { return nil }
        switch value {
        case .number(let digits), .string(let digits):
            guard let number = value.integer else {
                guard value.double?.isNaN == false else { throw unusable("a number") }
                throw UnusablePayload(
                    reason: "\(path): a number of at most 64 bits expected, found \(digits.prefix(40))")
            }
            guard range.contains(number) else {
                let bounds =
                    range.upperBound == .max
                    ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
                throw UnusablePayload(reason: "\(path): a number \(bounds) expected, found \(digits.prefix(40))")
            }
            return number
        case .null, .bool, .array, .object: throw unusable("a number")
        }
    }

    /// A port number; 0 if absent.
    func port() throws(UnusablePayload) -> Int { try integer(in: 0...65535) }

    /// The truth value; false if absent or an empty text.
    func boolean() throws(UnusablePayload) -> Bool { try optionalBoolean() ?? false }

    /// The truth value; `nil` if absent or an empty text.
    func optionalBoolean() throws(UnusablePayload) -> Bool? {
        if isAbsent || value == "" { return nil }
        guard let truth = value.boolean else { throw unusable("true or false") }
        return truth
    }

    /// An object, which may be absent.
    func object() throws(UnusablePayload) -> PayloadField {
        guard isAbsent || value.object != nil else { throw unusable("an object") }
        return self
    }

    /// The members; none if absent.
    func members() throws(UnusablePayload) -> [(key: String, field: PayloadField)] {
        if isAbsent { return [] }
        guard let object = value.object else { throw unusable("an object") }
        try checkCount(object.count, atMost: Self.longest)
        return object.map { ($0.key, PayloadField(path: "\(path).\($0.key)", value: $0.value)) }
    }

    /// The elements that are not null; `nil` if the whole is absent.
    func elements(atMost longest: Int = Self.longest) throws(UnusablePayload) -> [PayloadField]? {
        if isAbsent { return nil }
        guard let array = value.array else { throw unusable("an array") }
        try checkCount(array.count, atMost: longest)
        return array.enumerated().compactMap { index, element in
            element.isNull ? nil : PayloadField(path: "\(path)[\(index)]", value: element)
        }
    }

    /// More than anybody needs, and few enough to compare each with each.
    static let longest = 4096

    private func checkCount(_ count: Int, atMost longest: Int) throws(UnusablePayload) {
        guard count <= longest else {
            throw UnusablePayload(reason: "\(path): \(count) elements, more than \(longest)")
        }
    }

    /// The texts; `nil` if absent, which is not the same as an empty list to everybody.
    func texts() throws(UnusablePayload) -> [String]? {
        guard let elements = try elements() else { return nil }
        var texts: [String] = []
        for element in elements { texts.append(try element.text()) }
        return texts
    }

    /// The texts by name; a null reads as an empty text.
    func textMap() throws(UnusablePayload) -> [String: String] {
        var map: [String: String] = [:]
        for (key, field) in try members() { map[key] = try field.text() }
        return map
    }

    /// The texts by name; what is no text reads as an empty one (PROTOCOL 7.1).
    func lenientTextMap() throws(UnusablePayload) -> [String: String] {
        var map: [String: String] = [:]
        for (key, field) in try members() { map[key] = field.value.text ?? "" }
        return map
    }

    private static func kind(of value: JSON) -> String {
        switch value {
        case .null: "nothing"
        case .bool(let truth): truth ? "true" : "false"
        case .number: "a number"
        case .string: "a text"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
