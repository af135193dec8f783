import FaultProxy
import LosslessJSON

/// Every call to the engine and everything that can become of it, with the end that each has to come to.
enum FaultMatrix {
    /// What the event that meets the fault is answered, and how often the call is made until then:
    ///
    /// - `ok 1`: success; what the call did was found out by looking, and nothing was done twice.
    /// - `ok 2`: success; the call was made again. With a `+` others make the call beside, and it may be more often. An
    ///   image that has to be pulled is looked at three times if all goes well.
    /// - `killed 1`: success; what could not be stopped was killed.
    /// - `error 1`: an error in the engine's words, the engine is as it was before the event, and the next event of the
    ///   same kind succeeds.
    /// - `–`: left out. Nobody can tell a read that was refused from one that was done and then refused; a subscriber
    ///   cannot tell a stream that hangs from one without events, and so everything is listed again each minute.
    static let expected = """
        calls         |cut before|cut after |hang      |500       |409       |half      |no JSON
        create        |ok 2      |ok 1      |ok 2      |error 1   |ok 2      |ok 1      |ok 1
        start         |ok 2      |ok 1      |ok 2      |error 1   |error 1   |ok 1      |ok 1
        stop          |ok 2      |ok 1      |ok 2      |killed 1  |killed 1  |ok 1      |ok 1
        kill          |ok 2      |ok 1      |ok 2      |error 1   |error 1   |ok 1      |ok 1
        remove        |ok 2      |ok 1      |ok 2      |ok 2      |ok 2      |ok 1      |ok 1
        inspect       |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2
        list          |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2
        pull          |ok 2      |ok 1      |ok 2      |error 1   |error 1   |ok 1      |ok 1
        events        |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2
        volume create |ok 2      |ok 1      |ok 2      |error 1   |error 1   |ok 1      |ok 1
        volume remove |ok 2      |ok 1      |ok 2      |ok 2      |ok 2      |ok 1      |ok 1
        volume inspect|ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2
        image inspect |ok 3      |ok 3      |ok 3      |ok 3      |ok 3      |ok 2      |ok 3
        image tag     |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 1
        image remove  |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 2      |ok 1
        list all      |ok 2+     |ok 2+     |ok 2+     |ok 2+     |ok 2+     |ok 2+     |ok 2+
        ping          |ok 2+     |ok 2+     |ok 2+     |ok 1+     |ok 1+     |ok 2+     |ok 1+
        """

    /// The same for further faults.
    static let expectedBesides = """
        calls         |hang after|500 after |409 after |empty     |3 cuts    |3 lost    |404 page  |304
        create        |ok 1      |ok 1      |ok 1      |ok 1      |ok 4      |ok 1      |ok 2      |ok 2
        start         |ok 1      |ok 1      |ok 1      |ok 1      |ok 4      |ok 1      |ok 2      |ok 2
        stop          |ok 1      |ok 1      |ok 1      |ok 1      |killed 2  |ok 1      |ok 2      |killed 1
        kill          |ok 1      |ok 1      |ok 1      |ok 1      |ok 4      |ok 1      |ok 2      |ok 2
        remove        |ok 1      |ok 1      |ok 1      |ok 1      |ok 4      |ok 1      |ok 2      |ok 2
        inspect       |ok 2      |–         |–         |ok 2      |ok 4      |ok 4      |ok 2      |ok 2
        list          |ok 2      |–         |–         |ok 2      |ok 4      |ok 4      |ok 2      |ok 2
        pull          |ok 1      |ok 1      |ok 1      |ok 1      |ok 4      |ok 1      |ok 2      |ok 2
        events        |–         |–         |–         |ok 1      |ok 4      |ok 4      |ok 2      |ok 2
        volume create |ok 1      |ok 1      |ok 1      |ok 1      |ok 4      |ok 1      |ok 2      |ok 2
        volume remove |ok 1      |ok 1      |ok 1      |ok 1      |ok 4      |ok 1      |ok 2      |ok 2
        volume inspect|ok 2      |–         |–         |ok 2      |ok 4      |ok 4      |ok 2      |ok 2
        image inspect |ok 3      |–         |–         |ok 3      |ok 5      |ok 5      |ok 3      |ok 3
        image tag     |ok 2      |ok 2      |ok 2      |ok 1      |ok 4      |ok 4      |ok 2      |ok 2
        image remove  |ok 2      |ok 2      |ok 2      |ok 1      |ok 4      |ok 4      |ok 2      |ok 2
        list all      |ok 2+     |–         |–         |ok 2+     |ok 4+     |ok 4+     |ok 2+     |ok 2+
        ping          |ok 2+     |–         |–         |ok 1+     |ok 4+     |ok 4+     |ok 1+     |ok 1+
        """

    enum Row: String, CaseIterable {
        case create, start, stop, kill, remove, inspect, list, pull, events
        case createVolume = "volume create"
        case removeVolume = "volume remove"
        case inspectVolume = "volume inspect"
        case inspectImage = "image inspect"
        case tagImage = "image tag"
        case removeImage = "image remove"
        case listAll = "list all"
        case ping

        var call: EngineCall {
            switch self {
            case .create: .create
            case .start: .start
            case .stop: .stop
            case .kill: .kill
            case .remove: .remove
            case .inspect: .inspect
            case .list: .list
            case .pull: .pull
            case .events: .events
            case .createVolume: .createVolume
            case .removeVolume: .removeVolume
            case .inspectVolume: .inspectVolume
            case .inspectImage: .inspectImage
            case .tagImage: .tagImage
            case .removeImage: .removeImage
            case .listAll: .listAll
            case .ping: .ping
            }
        }

        /// The call needs an image that only the registry has.
        var isAboutImage: Bool {
            switch self {
            case .pull, .inspectImage, .tagImage, .removeImage: true
            default: false
            }
        }

        /// The call is about no instance, volume or image: the whole agent meets the fault.
        var isShared: Bool { self == .events || self == .listAll || self == .ping }
    }

    enum Column: String, CaseIterable {
        case cutBefore = "cut before"
        case cutAfter = "cut after"
        case hang
        case failure = "500"
        case conflict = "409"
        case half
        case brokenJSON = "no JSON"
        case hangAfter = "hang after"
        case failureAfter = "500 after"
        case conflictAfter = "409 after"
        case emptyJSON = "empty"
        case threeCuts = "3 cuts"
        case threeLost = "3 lost"
        case page = "404 page"
        case notModified = "304"

        var fault: EngineFault {
            switch self {
            case .cutBefore, .threeCuts: .cutBefore
            case .cutAfter, .threeLost: .cutAfter
            case .hang: .hangBefore
            case .failure: .answer(500, FaultMatrix.words)
            case .conflict: .answer(409, FaultMatrix.words)
            case .half: .halfAnswer
            case .brokenJSON: .brokenJSON
            case .hangAfter: .hangAfter
            case .failureAfter: .answerAfter(500, FaultMatrix.words)
            case .conflictAfter: .answerAfter(409, FaultMatrix.words)
            case .emptyJSON: .emptyJSON
            case .page: .page(404)
            case .notModified: .answer(304, FaultMatrix.words)
            }
        }

        /// How many calls in a row it strikes.
        var count: Int { self == .threeCuts || self == .threeLost ? 3 : 1 }

        /// Only the deadline ends it.
        var hangs: Bool { self == .hang || self == .hangAfter }
    }

    /// What the engine says where it says anything.
    static let words = "simulated trouble"

    enum Word: String {
        case ok, killed, error
        /// Neither: the cell could not be brought to an end.
        case broken
    }

    /// What a cell comes to.
    struct End: CustomStringConvertible {
        let word: Word
        let calls: Int
        /// The number of calls is the least there has to be.
        var isLeast = false

        var description: String { "\(word) \(calls)" + (isLeast ? "+" : "") }

        /// Reads what stands in the table.
        init(_ text: some StringProtocol) throws {
            let parts = text.split(separator: " ")
            guard parts.count == 2, let word = Word(rawValue: String(parts[0])),
                let calls = Int(parts[1].prefix { $0 != "+" })
            else { throw HarnessError("'\(text)' is no end") }
            self.word = word
            self.calls = calls
            isLeast = parts[1].hasSuffix("+")
        }

        init(_ word: Word, calls: Int) {
            self.word = word
            self.calls = calls
        }

        func allows(_ seen: End) -> Bool {
            word == seen.word && (isLeast ? seen.calls >= calls : seen.calls == calls)
        }
    }

    struct Cell: Hashable, CustomStringConvertible {
        let row: Row
        let column: Column

        var description: String { "\(row.rawValue), \(column.rawValue)" }

        /// From a hang until its deadline, and for everything that follows, on a busy machine.
        func limit(deadline: Duration) -> Duration { .seconds(15) + (column.hangs ? deadline * 2 : .zero) }
    }

    /// The tables above; a cell that is left out has no entry.
    static func read() throws -> [Cell: End] {
        var ends: [Cell: End] = [:]
        let half = Column.allCases.firstIndex(of: .hangAfter) ?? 0
        for (text, columns) in [(expected, Column.allCases[..<half]), (expectedBesides, Column.allCases[half...])] {
            var lines = text.split(separator: "\n").map { line in
                line.split(separator: "|").map { String($0.reversed().drop { $0 == " " }.reversed()) }
            }
            guard lines.removeFirst().dropFirst().elementsEqual(columns.map(\.rawValue)),
                lines.map({ $0[0] }) == Row.allCases.map(\.rawValue),
                lines.allSatisfy({ $0.count == columns.count + 1 })
            else { throw HarnessError("a table does not have every call and every fault in order") }
            for (line, row) in zip(lines, Row.allCases) {
                for (text, column) in zip(line.dropFirst(), columns) where text != "–" {
                    ends[Cell(row: row, column: column)] = try End(text)
                }
            }
        }
        return ends
    }

    /// The table of what was seen, with what was expected beside where it is something else.
    static func table(_ seen: [Cell: End], _ expected: [Cell: End]) -> String {
        let lines = Row.allCases.map { row in
            [row.rawValue]
                + Column.allCases.map { column in
                    let cell = Cell(row: row, column: column)
                    guard let wanted = expected[cell] else { return "–" }
                    guard let end = seen[cell] else { return "not run" }
                    return wanted.allows(end) ? end.description : "\(end), not \(wanted)"
                }
        }
        let all = [["calls"] + Column.allCases.map(\.rawValue)] + lines
        let widths = all[0].indices.map { index in all.map { $0[index].count }.max() ?? 0 }
        return all.map { line in zip(line, widths).map { $0.padded($1) }.joined(separator: "  ") }
            .joined(separator: "\n")
    }
}
