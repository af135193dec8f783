import Foundation
import Testing

/// The changes that `make mutants` makes.
@Suite("The mutants")
struct MutantTests {
    private struct Mutant {
        var name: String
        var file = ""
        var old: [String] = []
        var new: [String] = []
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func read() throws -> [Mutant] {
        var mutants: [Mutant] = []
        let text = try String(contentsOf: root.appending(path: "fixtures/mutants.txt"), encoding: .utf8)
        for line in text.split(separator: "\n") {
            if line.hasPrefix("== ") {
                mutants.append(Mutant(name: String(line.dropFirst(3))))
            } else if line.hasPrefix("#") {
                continue
            } else if let last = mutants.indices.last {
                switch line.first {
                case "i": mutants[last].file = String(line.dropFirst(3))
                case "-": mutants[last].old.append(String(line.dropFirst()))
                case "+": mutants[last].new.append(String(line.dropFirst()))
                default: Issue.record("fixtures/mutants.txt: \(line)")
                }
            }
        }
        return mutants
    }

    @Test("change lines that are there, exactly once")
    func current() throws {
        let mutants = try Self.read()
        #expect(mutants.count >= 15)
        #expect(Set(mutants.map(\.name)).count == mutants.count)
        for mutant in mutants {
            let url = Self.root.appending(path: mutant.file)
            guard FileManager.default.fileExists(atPath: url.path) else {
                Issue.record("\(mutant.name): there is no \(mutant.file)")
                continue
            }
            let text = try String(contentsOf: url, encoding: .utf8)
            let parts = text.components(separatedBy: mutant.old.joined(separator: "\n"))
            #expect(parts.count == 2, "\(mutant.name): \(mutant.file) has it \(parts.count - 1) times")
            #expect(mutant.old != mutant.new && !mutant.new.isEmpty, "\(mutant.name)")
        }
    }
}
