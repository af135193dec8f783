/// What a step of the examination came to.
package enum Verdict: String, Sendable, Hashable, CaseIterable {
    case ok
    /// It works, and may soon not, or not as somebody thinks.
    case warning
    /// This is why the agent cannot do its work.
    case failure
    /// An earlier step has failed, so that this one would say nothing of its own.
    case skipped
}

/// One step's result in words: what was found, and what to do about it.
package struct Diagnosis: Sendable, Hashable {
    package let verdict: Verdict
    /// What was found, in sentences.
    package let text: String
    /// What to do, in sentences; empty where nothing is to be done.
    package let advice: String

    static func ok(_ text: String) -> Diagnosis { Diagnosis(verdict: .ok, text: text, advice: "") }

    static func warning(_ text: String, _ advice: String) -> Diagnosis {
        Diagnosis(verdict: .warning, text: text, advice: advice)
    }

    static func failure(_ text: String, _ advice: String) -> Diagnosis {
        Diagnosis(verdict: .failure, text: text, advice: advice)
    }

    static func skipped(_ text: String) -> Diagnosis { Diagnosis(verdict: .skipped, text: text, advice: "") }
}

extension Duration {
    /// For sentences: `3 ms`, `12 s`.
    var words: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        if milliseconds < 1 { return "under 1 ms" }
        return milliseconds < 2000 ? "\(milliseconds) ms" : "\(milliseconds / 1000) s"
    }
}
