internal import FoundationEssentials
internal import Lifecycle
internal import LosslessJSON
internal import Model

/// The text forms in which a machine is stored: the machine itself, and what the server said about the resource where
/// that is long.
package enum MachineCoding {
    static func encode(_ machine: ResourceMachine) throws -> String { try text(of: machine) }

    /// The specification of an instance; empty for anything else, whose specification is a part of the machine.
    static func encodeSpecification(of machine: ResourceMachine) throws -> String {
        guard case .instance(let instance) = machine else { return "" }
        return try text(of: instance.specification)
    }

    private static func text(of value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Reads what this version of the program has written, or an earlier one, whose machines knew less.
    ///
    /// - Parameter specification: Empty in the records of versions that wrote it as a part of the machine.
    static func decode(_ text: String, specification: String) throws -> ResourceMachine {
        let machine = try decode(text)
        guard case .instance(let instance) = machine else { return machine }
        var specification = specification
        if specification.isEmpty {
            specification = try JSON(parsing: text)[ResourceKind.instance.rawValue]["_0"]["specification"].encodedText
        }
        return .instance(
            instance.with(try JSONDecoder().decode(InstanceSpecification.self, from: Data(specification.utf8))))
    }

    /// Reads the machine of an instance that has got another specification since.
    static func decode(_ text: String, with specification: InstanceSpecification) throws -> ResourceMachine {
        let machine = try decode(text)
        guard case .instance(let instance) = machine else { return machine }
        return .instance(instance.with(specification))
    }

    private static func decode(_ text: String) throws -> ResourceMachine {
        do {
            return try decodeExactly(text)
        } catch {
            guard let completed = completed(text), let machine = try? decodeExactly(completed) else { throw error }
            return machine
        }
    }

    private static func decodeExactly(_ text: String) throws -> ResourceMachine {
        try JSONDecoder().decode(ResourceMachine.self, from: Data(text.utf8))
    }

    /// The text with what is missing in it taken from a fresh machine.
    private static func completed(_ text: String) -> String? {
        guard let stored = try? JSON(parsing: text), let kind = stored.object?.keys.first.flatMap(ResourceKind.init)
        else { return nil }
        let fresh: ResourceMachine =
            switch kind {
            case .instance: .instance(InstanceMachine(InstanceSpecification(uuid: ""), desired: .running))
            case .volume: .volume(VolumeMachine(VolumeSpecification(name: "", driver: ""), desired: .active))
            case .image: .image(ImageMachine(ImageSpecification(reference: ""), desired: .present))
            }
        guard let pattern = try? encode(fresh), let whole = try? JSON(parsing: pattern) else { return nil }
        return whole.overlaid(with: stored).encodedText
    }
}

extension JSON {
    /// The value with the members of the other in the place of its own, at every depth. Objects that have nothing in
    /// common are alternatives, of which there is only one.
    fileprivate func overlaid(with other: JSON) -> JSON {
        guard case .object(var object) = self, case .object(let others) = other,
            object.isEmpty || others.contains(where: { object[$0.key] != nil })
        else { return other }
        for member in others { object[member.key] = object[member.key]?.overlaid(with: member.value) ?? member.value }
        return .object(object)
    }
}
