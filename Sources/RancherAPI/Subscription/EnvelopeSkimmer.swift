import LosslessJSON
import Model

/// Finds out whom to answer in a message that is too large to be read: it looks at the members of the outermost object
/// only and keeps a few short ones, however long the rest is. Pure.
struct EnvelopeSkimmer {
    private static let wanted: Set<String> = ["id", "name", "replyTo", "resourceId", "resourceType"]
    /// Beyond this a name or value is none that we want.
    private static let captureLimitBytes = 1024

    private var fields: [String: String] = [:]
    private var depth = 0
    private var inString = false
    private var escaped = false
    private var expectsName = true
    private var name = ""
    /// The bytes of the name or value that is being read; `nil` while nothing is to be kept.
    private var capture: [UInt8]?
    private var isObject = true

    mutating func append(_ chunk: some Sequence<UInt8>) {
        guard isObject else { return }
        for byte in chunk { take(byte) }
    }

    /// Whom to answer; `nil` if that did not come to light.
    var header: EventHeader? {
        guard isObject, let id = fields["id"], let name = fields["name"] else { return nil }
        return EventHeader(
            id: id, name: name, replyTo: fields["replyTo"], resourceID: fields["resourceId"],
            resourceType: fields["resourceType"])
    }

    private mutating func take(_ byte: UInt8) {
        if inString {
            keep(byte)
            if escaped {
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                inString = false
                if depth == 1, expectsName { finishName() }
            }
            return
        }
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D: break
        case UInt8(ascii: "\""):
            inString = true
            if depth == 1, expectsName { capture = [] }
            keep(byte)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            if depth == 0, byte == UInt8(ascii: "[") { isObject = false }
            capture = nil
            depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            if depth == 1 { finishValue() }
            depth -= 1
        case UInt8(ascii: ":") where depth == 1:
            expectsName = false
            capture = Self.wanted.contains(name) ? [] : nil
        case UInt8(ascii: ",") where depth == 1:
            finishValue()
            expectsName = true
        default:
            if depth == 0 { isObject = false }
            keep(byte)
        }
    }

    private mutating func keep(_ byte: UInt8) {
        guard let count = capture?.count else { return }
        if count < Self.captureLimitBytes { capture?.append(byte) } else { capture = nil }
    }

    private mutating func finishName() {
        name = capture.flatMap { try? JSON(parsing: $0) }?.text ?? ""
        capture = nil
    }

    private mutating func finishValue() {
        if let capture { fields[name] = (try? JSON(parsing: capture))?.nonEmptyText }
        capture = nil
    }
}
