import Lifecycle
import LosslessJSON
import Model
import Testing

@Suite("The record of a machine")
struct MachineRecordTests {
    /// A member that is not known is ignored, one with a value of no use is refused.
    @Test("knows every property of the machine, at every depth")
    func everyProperty() throws {
        let instance = InstanceMachine(InstanceSpecification(uuid: "u"), desired: .running)
        // It is stored beside the machine.
        #expect(forgotten(in: instance) == ["specification"])
        #expect(forgotten(in: instance.specification) == [])
        #expect(forgotten(in: VolumeMachine(VolumeSpecification(name: "v", driver: "d"), desired: .active)) == [])
        #expect(forgotten(in: ImageMachine(ImageSpecification(reference: "i"), desired: .present)) == [])
    }

    @Test("holds nothing but what there is to say")
    func short() {
        let machine = InstanceMachine(InstanceSpecification(uuid: "u"), desired: .stopped)
        #expect(machine.recordedText == #"{"desired":"stopped","phase":"requested"}"#)
    }

    @Test(
        "is refused with the member that is to blame",
        arguments: [
            (#"{"phase":"running"}"#, "desired is missing"),
            (#"{"desired":"running","phase":"sleeping"}"#, #"phase: "sleeping" is not known here"#),
            (#"{"desired":"running","phase":"running","attempts":"1"}"#, "attempts: no whole number"),
            (#"{"desired":"running","phase":"running","story":{"pause":5}}"#, "story: pause: none of the alternatives"),
            (#"{"desired":"running""#, "',' or '}' expected at byte 20"),
        ])
    func refused(_ text: String, _ reason: String) {
        #expect(throws: RecordError(reason)) { try InstanceMachine(recordedText: text) }
    }

    /// The properties, also of the parts, that the record knows nothing of.
    private func forgotten<Value: Recorded>(in value: Value) -> [String] {
        forgotten(value, [], of: Value.self, within: value.recorded)
    }

    private func forgotten<Value: Recorded>(
        _ part: Any, _ path: [String], of type: Value.Type, within whole: JSON
    ) -> [String] {
        Mirror(reflecting: part).children.flatMap { child -> [String] in
            var child = child
            if let name = child.label, name.hasPrefix("_") {
                child = (String(name.dropFirst()), apart(child.value))
            }
            let way = path + [child.label ?? "?"]
            let isKnown = ["5", #"{"a":1,"b":2}"#].contains { nonsense in
                (try? Value(recorded: whole.replacing(way[...], by: .stored(nonsense)))) == nil
            }
            guard isKnown else { return [way.joined(separator: ".")] }
            return child.value is any Recorded ? forgotten(child.value, way, of: type, within: whole) : []
        }
    }
}

/// The value of a property that is kept apart from the others.
private func apart(_ value: Any) -> Any {
    let box = Mirror(reflecting: value).children.first?.value ?? value
    return Mirror(reflecting: box).children.first?.value ?? value
}

extension JSON {
    fileprivate func replacing(_ path: ArraySlice<String>, by value: JSON) -> JSON {
        guard let name = path.first else { return value }
        var object = object ?? JSONObject()
        object[name] = (object[name] ?? [:]).replacing(path.dropFirst(), by: value)
        return .object(object)
    }
}
