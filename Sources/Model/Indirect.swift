/// Keeps a large value apart from the one that it is a part of, which then is copied as fast as a reference, and often
/// is: a batch of events copies its instances many times and changes little in them.
@propertyWrapper
package struct Indirect<Value> {
    fileprivate indirect enum Box {
        case value(Value)
    }

    private var box: Box

    package init(wrappedValue: Value) { box = .value(wrappedValue) }

    package var wrappedValue: Value {
        get {
            switch box {
            case .value(let value): value
            }
        }
        set { box = .value(newValue) }
    }
}

extension Indirect.Box: Sendable where Value: Sendable {}
extension Indirect: Sendable where Value: Sendable {}

extension Indirect: Equatable where Value: Equatable {
    package static func == (left: Self, right: Self) -> Bool { left.wrappedValue == right.wrappedValue }
}

extension Indirect: Hashable where Value: Hashable {
    package func hash(into hasher: inout Hasher) { wrappedValue.hash(into: &hasher) }
}
