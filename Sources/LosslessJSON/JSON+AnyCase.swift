extension JSON {
    /// The member whose name is this but for the case of its letters, for writers who take no care of that; the last
    /// one counts. `null` for a missing member and for anything that is no object.
    package subscript(anyCase key: String) -> JSON {
        guard case .object(let object) = self else { return .null }
        return object.members.last { Self.isSame($0.key, key) }?.value ?? .null
    }

    private static func isSame(_ one: String, _ other: String) -> Bool {
        one.utf8.elementsEqual(other.utf8) { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
