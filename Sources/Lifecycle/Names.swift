package import LosslessJSON
package import Model

/// A set of names that is always written in the same order: the same history leaves the same record.
package struct Names: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// In ascending order, each once.
    package private(set) var sorted: [String]

    package init(_ names: some Sequence<String>) { sorted = Set(names).sorted() }
    package init(arrayLiteral names: String...) { self.init(names) }

    package var isEmpty: Bool { sorted.isEmpty }

    func contains(_ name: String) -> Bool { sorted.contains(name) }

    mutating func insert(_ name: String) { self = Names(sorted + [name]) }
    mutating func remove(_ name: String) { sorted.removeAll { $0 == name } }

    func adding(_ others: Names) -> Names { Names(sorted + others.sorted) }
    func subtracting(_ others: Names) -> Names { Names(sorted.filter { !others.contains($0) }) }
    func keeping(_ others: Names) -> Names { Names(sorted.filter(others.contains)) }
}

extension Names: Recordable {
    package var recorded: JSON { sorted.recorded }
    package var saysNothing: Bool { isEmpty }
    package init(recorded: JSON) throws(RecordError) { self.init(try [String](recorded: recorded)) }
}
