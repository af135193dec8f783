import ArgumentParser
import Inspection
import Store

extension CompletionKind {
    /// The resources that are known where the command line says that the state is.
    static var resource: CompletionKind { .custom { words, _, prefix in names(words, prefix, events: false) } }

    /// The same, and events.
    static var resourceOrEvent: CompletionKind { .custom { words, _, prefix in names(words, prefix, events: true) } }

    /// A shell that completes has nobody to tell of an error.
    private static func names(_ words: [String], _ prefix: String, events: Bool) -> [String] {
        let location = StateLocation(option: directory(in: words), environment: StatePlace.environment)
        let names = try? location.read { store throws(StoreError) in
            try NameCompletion.names(beginningWith: prefix, events: events, in: store)
        }
        guard CompletionShell.requesting == .zsh else { return names ?? [] }
        // There a colon ends the name, and what follows describes it.
        return (names ?? []).map { $0.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "\\:") }
    }

    private static func directory(in words: [String]) -> String? {
        for (index, word) in words.enumerated() {
            if word == "--state-dir" { return words.dropFirst(index + 1).first }
            if word.hasPrefix("--state-dir=") { return String(word.dropFirst("--state-dir=".count)) }
        }
        return nil
    }
}
