import Foundation
import LosslessJSON
import Testing

/// All commands about the state, as they are given on a command line.
enum StateCommands {
    static let all = [
        "list", "instances", "volumes", "images", "events", "replies", "quarantine", "show", "history", "why", "check",
        "export", "watch",
    ]

    /// Each in a form that prints something about the host of the fixture and ends by itself.
    static let readings = [
        [], ["list"], ["instances"], ["volumes"], ["images"], ["events"], ["replies"], ["quarantine"], ["show", "web"],
        ["history", "web"], ["why", "web"], ["check"], ["export"],
    ]

    /// Runs each, for people and for programs, and expects it to find what the fixture has put there.
    static func expectAll(
        in directory: String, as user: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for command in readings {
            for form in [[], ["--json"]] {
                let outcome = try runAgent(["state"] + command + ["--state-dir", directory] + form, as: user)
                let isCheck = command == ["check"]
                #expect(
                    isCheck ? outcome.code < 2 : outcome.code == 0, "\(command): \(outcome)",
                    sourceLocation: sourceLocation)
                #expect(!outcome.output.isEmpty && outcome.errors.isEmpty, "\(command)", sourceLocation: sourceLocation)
                for secret in Fixture.secrets {
                    #expect(!outcome.output.contains(secret), "\(command)", sourceLocation: sourceLocation)
                }
                guard !form.isEmpty else { continue }
                if command == ["export"] {
                    let lines = outcome.output.split(separator: "\n")
                    #expect(lines.count == 18, sourceLocation: sourceLocation)
                    for line in lines {
                        #expect(try JSON(parsing: String(line))["kind"].text != nil, sourceLocation: sourceLocation)
                    }
                } else {
                    _ = try JSON(parsing: outcome.output)
                }
            }
        }
    }

    /// Runs each, and expects the same sentence, and an exit code that is not 0.
    static func expectRefusals(
        in directory: String, _ sentence: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for command in readings {
            let outcome = try runAgent(["state"] + command + ["--state-dir", directory])
            let isCheck = command == ["check"]
            #expect(outcome.code == (isCheck ? 2 : 1), "\(command): \(outcome)", sourceLocation: sourceLocation)
            #expect(
                (isCheck ? outcome.output : outcome.errors).contains(sentence), "\(command): \(outcome)",
                sourceLocation: sourceLocation)
        }
    }
}
