// A specification is stored as JSON for as long as its instance lives, and a later version of the program has to read
// what an earlier one wrote: whatever is not in a record was not asked for.

extension KeyedDecodingContainer {
    /// Reads the value if there is one, and else leaves it as it is.
    func read<Value: Decodable>(_ key: Key, into value: inout Value) throws {
        if let found = try decodeIfPresent(Value.self, forKey: key) { value = found }
    }
}
