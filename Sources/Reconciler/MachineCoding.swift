internal import Lifecycle
internal import LosslessJSON
internal import Model

/// The text forms in which a machine is stored: the machine itself, and what the server said about the resource where
/// that is long.
package enum MachineCoding {
    static func encode(_ machine: ResourceMachine) -> String { machine.recorded.encodedText }

    /// The specification of an instance; empty for anything else, whose specification is a part of the machine.
    static func encodeSpecification(of machine: ResourceMachine) -> String {
        guard case .instance(let instance) = machine else { return "" }
        return instance.specification.recordedText
    }

    /// Reads what this version of the program has written, or an earlier one, whose machines knew less.
    ///
    /// - Parameter specification: Empty in the records of versions that wrote it as a part of the machine.
    /// - Throws: ``RecordError``.
    static func decode(_ text: String, specification: String) throws(RecordError) -> ResourceMachine {
        let stored = try JSON.stored(text)
        let machine = try ResourceMachine(recorded: stored)
        guard case .instance(let instance) = machine else { return machine }
        let own = stored[ResourceKind.instance.rawValue]["_0"]["specification"]
        return .instance(
            instance.with(try InstanceSpecification(recorded: specification.isEmpty ? own : .stored(specification))))
    }

    /// Reads the machine of an instance that has got another specification since.
    ///
    /// - Throws: ``RecordError``.
    static func decode(
        _ text: String, with specification: InstanceSpecification
    ) throws(RecordError) -> ResourceMachine {
        let machine = try ResourceMachine(recorded: .stored(text))
        guard case .instance(let instance) = machine else { return machine }
        return .instance(instance.with(specification))
    }
}
