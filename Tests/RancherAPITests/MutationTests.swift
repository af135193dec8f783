import Foundation
import LosslessJSON
import Model
import RancherAPI
import Testing

/// A small generator, so that a failing seed can be run again.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite("A mutated frame")
struct MutationTests {
    private static let strange: [JSON] = [
        nil, true, false, 0, -1, 5, .number("1e308"), .number("99999999999999999999"), .number("-0.5"), "", "x", "true",
        "-7", "NaN", "class:java.lang.Error", "\u{0}", [], [nil], [[]], [5, "x"], [:], ["a": 5], ["": nil],
        ["a": ["b": []]],
    ]

    @Test("with other values in it is always answered (defects 24, 25, 87a)", arguments: 0..<4)
    func values(seed: UInt64) throws {
        var random = SeededRandom(state: seed)
        let codec = RancherCodec()
        let event = try JSON(parsing: activateFrame)
        let names = [
            "compute.instance.activate", "compute.instance.deactivate", "compute.instance.remove",
            "compute.instance.inspect", "compute.instance.pull", "storage.volume.remove", "ping",
        ]
        for _ in 0..<600 {
            var data = event["data"]
            for _ in 0..<Int.random(in: 1...4, using: &random) { data = mutated(data, &random) }
            let frame = event.setting(["data"], to: data)
                .setting(["name"], to: .string(names.randomElement(using: &random) ?? "ping")).encodedText
            guard case .event(let incoming) = codec.read(frame: frame) else {
                Issue.record("seed \(seed): \(frame)")
                return
            }
            guard case .unusable(let reason) = incoming.request else { continue }
            #expect(!reason.isEmpty)
            let reply = codec.reply(
                to: incoming.header, .failure(reason), messageID: "m", at: Timestamp(milliseconds: 1))
            #expect(try JSON(parsing: reply)["transitioningMessage"].text?.hasPrefix("class:") == false)
        }
    }

    @Test("of dialect B is always answered, too (defects 79, 87a)", arguments: 0..<4)
    func valuesOfDialectB(seed: UInt64) throws {
        var random = SeededRandom(state: seed &+ 2000)
        let codec = RancherCodec()
        let path = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/fixtures/specification/b"
        let instance = try JSON(parsing: String(contentsOfFile: path + "/links.json", encoding: .utf8))
        let others = try JSON(
            parsing: #"""
                {"volumeStoragePoolMap":{"volume":{"name":"v","deviceNumber":0,"instance":{"uuid":"u","externalId":"c"},
                "data":{"fields":{"driver":"local","driverOpts":{"a":"b"}}}}},"instanceForceStop":{"id":"c"},
                "imageStoragePoolMap":{"image":{"name":"x","data":{"fields":{"build":{"remote":"r","tag":"t"}}}}},
                "items":[{"name":"a"}],"processData":{"containerNoOpEvent":false,"timeout":3}}
                """#)
        let names = RancherCodec.eventNames(for: .b)
        for number in 0..<600 {
            var data = number % 2 == 0 ? instance["data"] : others
            for _ in 0..<Int.random(in: 1...4, using: &random) { data = mutated(data, &random) }
            let frame = instance.setting(["data"], to: data)
                .setting(["name"], to: .string(names.randomElement(using: &random) ?? "ping")).encodedText
            guard case .event(let incoming) = codec.read(frame: frame) else {
                Issue.record("seed \(seed): \(frame)")
                return
            }
            var answer = Answer.instance(uuid: "u", inspection: data, address: "")
            if case .unusable(let reason) = incoming.request { answer = .failure(reason) }
            let reply = codec.reply(to: incoming.header, answer, messageID: "m", at: Timestamp(milliseconds: 1))
            #expect(try JSON(parsing: reply)["previousIds"][0].text == incoming.header.id)
        }
    }

    @Test("with other bytes in it never brings the agent down (defect 24)", arguments: 0..<4)
    func bytes(seed: UInt64) {
        var random = SeededRandom(state: seed &+ 1000)
        let codec = RancherCodec()
        let whole = Array(activateFrame.utf8)
        for _ in 0..<600 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2:
                    bytes.insert(contentsOf: Array("{}[]\",:0\\".utf8).shuffled(using: &random).prefix(2), at: index)
                default: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...40, using: &random)))
                }
                if bytes.isEmpty { bytes = [0x20] }
            }
            switch codec.read(frame: String(decoding: bytes, as: UTF8.self)) {
            case .event(let event): #expect(!event.header.id.isEmpty)
            case .malformed(let reason): #expect(!reason.isEmpty)
            case .blank, .heartbeat: break
            }
        }
    }

    private func mutated(_ value: JSON, _ random: inout SeededRandom) -> JSON {
        // Deeper is likelier: that is where the fields are.
        let strange = Self.strange.randomElement(using: &random) ?? nil
        switch value {
        case .object(let object):
            guard let member = object.members.randomElement(using: &random), Int.random(in: 0..<10, using: &random) > 0
            else { return strange }
            switch Int.random(in: 0..<10, using: &random) {
            case 0: return value.setting([.key(member.key)], to: nil)
            case 1:
                var doubled = object
                doubled.append(member.key, strange)
                return .object(doubled)
            default: return value.setting([.key(member.key)], to: mutated(member.value, &random))
            }
        case .array(let elements):
            guard let index = elements.indices.randomElement(using: &random), Int.random(in: 0..<10, using: &random) > 0
            else { return strange }
            return value.setting([.index(index)], to: mutated(elements[index], &random))
        case .null, .bool, .number, .string: return strange
        }
    }
}
