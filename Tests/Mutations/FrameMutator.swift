internal import Foundation
internal import LosslessJSON
internal import SimulatedEngine

/// A copy of an event in which something is wrong.
package struct MutatedFrame: Sendable, CustomStringConvertible {
    /// What is sent.
    package let bytes: [UInt8]
    /// The seed of the generator, the number of the frame, the fixture and what was done to it.
    package let description: String

    /// The frame as it is read.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Makes mutated copies of all the events in `fixtures/` of one dialect or more, the same ones for the same seed.
package struct FrameMutator {
    private struct Fixture {
        let name: String
        let event: JSON
        /// The ways to all values in it.
        let ways: [[Int]]
    }

    private let seed: UInt64
    private let label: String
    private let fixtures: [Fixture]
    private var random: SeededGenerator
    private var number = 0
    private var lastIDs: [String] = []
    private var lastBytes: [UInt8] = Array("{}".utf8)
    private var done: [String] = []
    /// What stands in the text in place of bytes that no JSON value can hold.
    private var raw: [UInt8] = []

    /// - Parameters:
    ///   - label: Begins the ids of the events, so that they are nobody else's.
    ///   - dialects: Whose events, by the versions of Rancher: `2.0`, `1.6`.
    /// - Throws: if a fixture cannot be read.
    package init(seed: UInt64, label: String, dialects: [String] = ["2.0"]) throws {
        self.seed = seed
        self.label = label
        random = SeededGenerator(seed: seed)
        let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "fixtures")
        fixtures = try dialects.flatMap { dialect in
            let folder = dialect == "2.0" ? "" : dialect + "/"
            return try FileManager.default.contentsOfDirectory(atPath: directory.appending(path: folder).path)
                .filter { $0.hasSuffix(".json") }.sorted()
                .map { name in
                    let event = try JSON(parsing: Array(try Data(contentsOf: directory.appending(path: folder + name))))
                    return Fixture(name: folder + name, event: event, ways: event.ways)
                }
        }
    }

    /// The names of the files that the copies are made of.
    package var fixtureNames: [String] { fixtures.map(\.name) }

    /// The next copy: one in twelve is sound but for its own id and address.
    package mutating func next() -> MutatedFrame {
        number += 1
        done = []
        raw = []
        let fixture = fixtures[number % fixtures.count]
        let id = "\(label)-\(seed)-\(number)"
        var event = fixture.event
        event = event.with("id", .string(id)).with("replyTo", .string("reply.\(id)"))
        // Of several instances and volumes, so that not everything overtakes everything.
        let uuid = "\(Int.random(in: 0..<8, using: &random))0000000-0000-4000-8000-000000000000"
        event = event.changing(["data", "deploymentSyncRequest", "containers", "0", "uuid"], to: .string(uuid))
        let volume = "demo-data\(Int.random(in: 0..<8, using: &random))"
        event = event.changing(["data", "volume", "name"], to: .string(volume))
        event = event.changing(["data", "deploymentSyncRequest", "volumes", "0", "name"], to: .string(volume))
        event = event.changing(["data", "instanceHostMap", "instance", "uuid"], to: .string(uuid))
        event = event.changing(["data", "volumeStoragePoolMap", "volume", "name"], to: .string(volume))
        var bytes: [UInt8]
        switch Int.random(in: 0..<12, using: &random) {
        case 0: bytes = event.encoded
        case 1, 2:
            bytes = event.encoded
            for _ in 0..<Int.random(in: 1...3, using: &random) { spoil(&bytes) }
        default:
            for _ in 0..<Int.random(in: 1...3, using: &random) { event = changed(event, fixture.ways) }
            bytes = event.encoded
            if !raw.isEmpty { bytes.replace(Self.placeholder, with: raw) }
        }
        lastIDs.append(id)
        if lastIDs.count > 20 { lastIDs.removeFirst() }
        lastBytes = bytes
        return MutatedFrame(
            bytes: bytes, description: "seed \(seed), frame \(number), \(fixture.name): \(done.joined(separator: ", "))"
        )
    }
}

// MARK: Of the structure

extension FrameMutator {
    private static let strange: [JSON] = [
        nil, true, false, 0, -1, 5, "", "x", "true", "-7", "NaN", "class:java.lang.Error", [], [nil], [[]], [5, "x"],
        [:], ["a": 5], ["": nil], ["a": ["b": []]], "../../../etc/passwd", "a/../b", ":", "/", "@", "🐳", "a\u{0}b",
        "\u{1}\u{1F}\u{7F}\u{85}\u{2028}\u{FEFF}", "%00%2e%2e%2f", "x y\r\nX-Injected: 1",
    ]

    private static let numbers = [
        "1e308", "1e309", "-1e999", "99999999999999999999999999", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "18446744073709551616", "2147483648", "-2147483649", "4294967296", "-1", "-0", "0.1",
        "-0.5", "1E-400", "5e-324", "00", "01", ".5", "1.", "+1", "0x10", "1e", "Infinity", "NaN",
    ]

    /// What no JSON value can hold.
    private static let rawTexts: [[UInt8]] =
        [#"\ud800"#, #"\udc00\ud800"#, #"\ud83d\u0041"#, #"\u12"#, #"\uZZZZ"#, #"\x41"#, #"\"#, "\u{1}\n\t"].map {
            Array($0.utf8)
        } + [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82], [0x00]]

    private static let placeholder = Array("@raw@".utf8)

    private static let names = [
        "compute.instance.activate", "compute.instance.deactivate", "compute.instance.remove",
        "compute.instance.inspect", "compute.instance.pull", "storage.volume.remove", "ping",
        "compute.instance.force.stop", "logout",
    ]

    private mutating func changed(_ event: JSON, _ ways: [[Int]]) -> JSON {
        let way = ways.randomElement(using: &random) ?? []
        let place = event.place(way)
        func note(_ what: String) { done.append("\(what) at \(place)") }
        switch Int.random(in: 0..<14, using: &random) {
        case 0, 1, 2, 3:
            let value = Self.strange.randomElement(using: &random) ?? nil
            note("another value")
            return event.changing(way) { _ in value }
        case 4, 5:
            note("removed")
            return event.removing(way)
        case 6:
            note("a second member of the same name")
            let value = Self.strange.randomElement(using: &random) ?? nil
            return event.doubling(way, with: value)
        case 7, 8:
            let number = Self.numbers.randomElement(using: &random) ?? "0"
            note("the number \(number)")
            return event.changing(way) { _ in .number(number) }
        case 9:
            let depth = [3, 50, 250, 300, 5000].randomElement(using: &random) ?? 3
            let isArray = random.chance(50)
            note("\(depth) levels")
            return event.changing(way) { value in
                // The writer recurses as well: beyond its depth the text is made by hand.
                guard depth <= 300 else { return .number(String(repeating: isArray ? "[" : "{\"a\":", count: depth)) }
                return (0..<depth).reduce(value) { inner, _ in isArray ? [inner] : ["a": inner] }
            }
        case 10:
            let length = [200, 5_000, 70_000].randomElement(using: &random) ?? 200
            note("\(length) characters")
            return event.changing(way) { _ in .string(String(repeating: "Aä", count: length / 2)) }
        case 11:
            raw = Self.rawTexts.randomElement(using: &random) ?? []
            note("the bytes \(raw)")
            return event.changing(way) { _ in .string("x@raw@y") }
        case 12:
            done.append("another name")
            return event.with("name", .string(Self.names.randomElement(using: &random) ?? ""))
        default: return withOtherIDs(event)
        }
    }

    private mutating func withOtherIDs(_ event: JSON) -> JSON {
        let other = lastIDs.randomElement(using: &random) ?? "nobody"
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            done.append("the id of \(other)")
            return event.with("id", .string(other))
        case 1:
            done.append("the address of \(other)")
            return event.with("replyTo", .string("reply.\(other)"))
        case 2:
            done.append("id and address swapped")
            return event.with("id", event["replyTo"]).with("replyTo", event["id"])
        case 3:
            done.append("a number for an id")
            return event.with("id", .integer(Int.random(in: -9...999_999, using: &random)))
        case 4:
            done.append("no address")
            return event.with("replyTo", nil)
        default:
            done.append("the resource of another")
            return event.with("resourceId", .string("1i\(Int.random(in: 0..<5, using: &random))"))
                .with("resourceType", "volume")
        }
    }
}

// MARK: Of the text

extension FrameMutator {
    private mutating func spoil(_ bytes: inout [UInt8]) {
        if bytes.isEmpty { bytes = [0x20] }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, index + Int.random(in: 1...40, using: &random))
        switch Int.random(in: 0..<9, using: &random) {
        case 0:
            bytes.removeSubrange(index...)
            done.append("cut at \(index)")
        case 1:
            bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            done.append("a bit at \(index)")
        case 2:
            bytes[index] = UInt8.random(in: 0...255, using: &random)
            done.append("a byte at \(index)")
        case 3:
            bytes.removeSubrange(index..<end)
            done.append("\(index)..<\(end) removed")
        case 4:
            bytes.insert(contentsOf: bytes[index..<end], at: index)
            done.append("\(index)..<\(end) twice")
        case 5:
            bytes.insert(contentsOf: Array("{}[]\",:0\\e-".utf8).shuffled(using: &random).prefix(2), at: index)
            done.append("punctuation at \(index)")
        case 6:
            let tails = ["x", "{}", "]", "\u{0}", "\n{\"name\":\"ping\"}"]
            bytes += Array((tails.randomElement(using: &random) ?? "x").utf8)
            done.append("something after the end")
        case 7:
            bytes = bytes[..<index] + lastBytes.suffix(bytes.count - index)
            done.append("the frame before from \(index)")
        default:
            bytes = random.chance(50) ? [0xEF, 0xBB, 0xBF] + bytes : [0x5B] + bytes + [0x5D]
            done.append("a wrapping")
        }
    }
}

// MARK: Ways into a value

extension JSON {
    fileprivate var ways: [[Int]] {
        let children: [JSON] =
            switch self {
            case .object(let object): object.members.map(\.value)
            case .array(let elements): elements
            case .null, .bool, .number, .string: []
            }
        return [[]] + children.enumerated().flatMap { index, child in child.ways.map { [index] + $0 } }
    }

    /// Where a way leads, for people.
    fileprivate func place(_ way: [Int]) -> String {
        guard let first = way.first else { return "" }
        switch self {
        case .object(let object) where object.members.indices.contains(first):
            let member = object.members[first]
            return ".\(member.key)" + member.value.place(Array(way.dropFirst()))
        case .array(let elements) where elements.indices.contains(first):
            return "[\(first)]" + elements[first].place(Array(way.dropFirst()))
        case .object, .array, .null, .bool, .number, .string: return "…"
        }
    }

    /// Changes the value at the end of a way; one that leads nowhere any more changes nothing.
    fileprivate func changing(_ way: [Int], _ change: (JSON) -> JSON) -> JSON {
        guard let first = way.first else { return change(self) }
        let rest = Array(way.dropFirst())
        switch self {
        case .object(let object) where object.members.indices.contains(first):
            var members = object.members
            members[first].value = members[first].value.changing(rest, change)
            return .object(JSONObject(members))
        case .array(var elements) where elements.indices.contains(first):
            elements[first] = elements[first].changing(rest, change)
            return .array(elements)
        case .object, .array, .null, .bool, .number, .string: return self
        }
    }

    fileprivate func removing(_ way: [Int]) -> JSON {
        guard let last = way.last else { return .null }
        return changing(Array(way.dropLast())) { parent in
            switch parent {
            case .object(let object) where object.members.indices.contains(last):
                var members = object.members
                members.remove(at: last)
                return .object(JSONObject(members))
            case .array(var elements) where elements.indices.contains(last):
                elements.remove(at: last)
                return .array(elements)
            case .object, .array, .null, .bool, .number, .string: return parent
            }
        }
    }

    fileprivate func doubling(_ way: [Int], with value: JSON) -> JSON {
        guard let last = way.last else { return [self, value] }
        return changing(Array(way.dropLast())) { parent in
            switch parent {
            case .object(let object) where object.members.indices.contains(last):
                return .object(JSONObject(object.members + [.init(key: object.members[last].key, value: value)]))
            case .array(let elements): return .array(elements + [value])
            case .object, .null, .bool, .number, .string: return parent
            }
        }
    }

    /// Changes what is there under these keys, if it is there.
    fileprivate func changing(_ keys: [String], to value: JSON) -> JSON {
        guard let key = keys.first else { return value }
        switch self {
        case .object(let object):
            guard let member = object[key] else { return self }
            return with(key, member.changing(Array(keys.dropFirst()), to: value))
        case .array(var elements):
            guard let index = Int(key), elements.indices.contains(index) else { return self }
            elements[index] = elements[index].changing(Array(keys.dropFirst()), to: value)
            return .array(elements)
        case .null, .bool, .number, .string: return self
        }
    }

    fileprivate func with(_ key: String, _ value: JSON) -> JSON {
        guard case .object(var object) = self else { return self }
        object[key] = value
        return .object(object)
    }
}
