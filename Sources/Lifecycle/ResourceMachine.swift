package import LosslessJSON
package import Model

/// The machine of one resource, whichever kind it is of: what the reconciler drives and the store keeps.
package enum ResourceMachine: Sendable, Hashable {
    case instance(InstanceMachine)
    case volume(VolumeMachine)
    case image(ImageMachine)

    /// The one thing to do now; the same until something happens.
    package var next: Step {
        switch self {
        case .instance(let machine): machine.next
        case .volume(let machine): machine.next
        case .image(let machine): machine.next
        }
    }

    package var kind: ResourceKind {
        switch self {
        case .instance: .instance
        case .volume: .volume
        case .image: .image
        }
    }

    package var desired: String {
        switch self {
        case .instance(let machine): machine.desired.rawValue
        case .volume(let machine): machine.desired.rawValue
        case .image(let machine): machine.desired.rawValue
        }
    }

    package var phase: String {
        switch self {
        case .instance(let machine): machine.phase.rawValue
        case .volume(let machine): machine.phase.rawValue
        case .image(let machine): machine.phase.rawValue
        }
    }

    package var isSettled: Bool {
        switch self {
        case .instance(let machine): machine.phase.isSettled
        case .volume(let machine): machine.phase.isSettled
        case .image(let machine): machine.phase.isSettled
        }
    }

    package var attempts: Int {
        switch self {
        case .instance(let machine): machine.attempts
        case .volume(let machine): machine.attempts
        case .image(let machine): machine.attempts
        }
    }

    package var lastError: String {
        switch self {
        case .instance(let machine): machine.lastError
        case .volume(let machine): machine.lastError
        case .image(let machine): machine.lastError
        }
    }

    /// The container; empty where there is none.
    package var externalID: String {
        guard case .instance(let machine) = self else { return "" }
        return machine.containerID
    }

    /// A name for people.
    package var name: String {
        switch self {
        case .instance(let machine): machine.specification.name
        case .volume(let machine): machine.specification.name
        case .image(let machine): machine.specification.taggedReference
        }
    }

    /// The id under which the server knows the resource; empty where it was not told.
    package var rancherID: String {
        guard case .instance(let machine) = self else { return "" }
        return machine.specification.rancherID
    }

    /// Somebody wants what the given fresh machine wants. If the work in flight serves that as well, joins it.
    ///
    /// - Returns: false if the wish is another one and has to take over.
    package mutating func joined(by wish: ResourceMachine) -> Bool {
        switch (self, wish) {
        case (.instance(let machine), .instance(let wish)):
            return machine.desired == wish.desired && machine.specification == wish.specification
        case (.volume(var machine), .volume(let wish)):
            guard machine.serves(wish) else { return false }
            machine.joined(by: wish)
            self = .volume(machine)
            return true
        case (.image(var machine), .image(let wish)):
            guard machine.desired == wish.desired else { return false }
            machine.joined(by: wish.specification)
            self = .image(machine)
            return true
        case (.instance, _), (.volume, _), (.image, _): return false
        }
    }

    // MARK: Events, handed on

    /// Somebody wants what the given fresh machine wants.
    package mutating func wished(_ wish: ResourceMachine) {
        switch (self, wish) {
        case (.instance(var machine), .instance(let wish)):
            machine.wished(wish.specification, desired: wish.desired)
            self = .instance(machine)
        case (.volume(var machine), .volume(let wish)):
            machine.wished(wish)
            self = .volume(machine)
        case (.image(var machine), .image(let wish)):
            machine.wished(wish.specification, desired: wish.desired)
            self = .image(machine)
        case (.instance, _), (.volume, _), (.image, _):
            preconditionFailure("a record never changes its kind: the kind is part of its key")
        }
    }

    package mutating func resumed() {
        change({ $0.resumed() }, { $0.resumed() }, { $0.resumed() })
    }

    package mutating func overtaken() {
        change({ $0.overtaken() }, { $0.overtaken() }, { $0.overtaken() })
    }

    package mutating func overtaken(_ operation: Operation, _ outcome: OperationOutcome) {
        change({ $0.overtaken(operation, outcome) }, { $0.overtaken() }, { $0.overtaken() })
    }

    package mutating func waited() {
        change({ $0.waited() }, { $0.waited() }, { $0.waited() })
    }

    package mutating func began(_ step: Step) {
        change({ $0.began(step) }, { $0.began(step) }, { $0.began(step) })
    }

    package mutating func ended(_ operation: Operation, _ outcome: OperationOutcome) {
        change({ $0.ended(operation, outcome) }, { $0.ended(operation, outcome) }, { $0.ended(operation, outcome) })
    }

    package mutating func volumeActive(_ name: String, mountpoint: String) {
        change({ $0.volumeActive(name, mountpoint: mountpoint) }, { _ in }, { _ in })
    }

    package mutating func requirementMet() {
        change({ $0.requirementMet() }, { _ in }, { _ in })
    }

    package mutating func requirementFailed(_ reason: String) {
        change({ $0.requirementFailed(reason) }, { _ in }, { _ in })
    }

    package mutating func hinted(_ summary: ContainerSummary?, isOnly: Bool) {
        change({ $0.hinted(summary, isOnly: isOnly) }, { _ in }, { _ in })
    }

    package mutating func listed(_ summary: ContainerSummary?, isOnly: Bool) {
        change({ $0.listed(summary, isOnly: isOnly) }, { _ in }, { _ in })
    }

    package mutating func drifted(to summary: ContainerSummary?) {
        change({ $0.drifted(to: summary) }, { _ in }, { _ in })
    }

    private mutating func change(
        _ instance: (inout InstanceMachine) -> Void, _ volume: (inout VolumeMachine) -> Void,
        _ image: (inout ImageMachine) -> Void
    ) {
        switch self {
        case .instance(var machine):
            instance(&machine)
            self = .instance(machine)
        case .volume(var machine):
            volume(&machine)
            self = .volume(machine)
        case .image(var machine):
            image(&machine)
            self = .image(machine)
        }
    }
}

// MARK: The record

extension ResourceMachine: Recordable {
    package var recorded: JSON {
        let machine =
            switch self {
            case .instance(let machine): machine.recorded
            case .volume(let machine): machine.recorded
            case .image(let machine): machine.recorded
            }
        return .alternative(kind.rawValue, JSONObject([.init(key: "_0", value: machine)]))
    }

    /// A machine always says what is wanted.
    package var saysNothing: Bool { false }

    package init(recorded: JSON) throws(RecordError) {
        let (name, content) = try recorded.alternative
        let machine = content["_0"]
        switch ResourceKind(rawValue: name) {
        case .instance: self = .instance(try InstanceMachine(recorded: machine))
        case .volume: self = .volume(try VolumeMachine(recorded: machine))
        case .image: self = .image(try ImageMachine(recorded: machine))
        case nil: throw RecordError("\(name) is not known here")
        }
    }
}
