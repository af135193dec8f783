package import Store

/// Why nothing can be shown: one sentence for whoever asked, which says what to do where that is known.
package struct InspectionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The sentence.
    package let description: String

    /// What the store said it is; `nil` where it was not the store. This decides, never the sentence.
    package let kind: StoreError.Kind?

    /// Takes the sentence, and the kind of failure where there is one.
    package init(_ sentence: String, kind: StoreError.Kind? = nil) {
        description = sentence
        self.kind = kind
    }
}

extension InspectionError {
    static func missing(_ path: String) -> InspectionError {
        InspectionError(
            "No state at \(path). Is the agent installed here? Use --state-dir or CATTLE_STATE_DIR to say where its "
                + "state directory is.", kind: .missing)
    }

    static func notPermitted(_ path: String) -> InspectionError {
        InspectionError(
            "\(path) may not be read by this user. Try again as root or as the user of the agent.", kind: .notPermitted)
    }

    /// What the store said, in a sentence.
    static func of(_ error: StoreError, path: String) -> InspectionError {
        func sentence(_ text: String) -> InspectionError { InspectionError(text, kind: error.kind) }
        return switch error.kind {
        case .missing: missing(path)
        case .notPermitted: notPermitted(path)
        case .unreadable: sentence("\(path) is no database, or it is damaged (\(reason(error, path))).")
        case .otherSchema(version: 0): sentence("\(path) is empty: no agent has set it up yet.")
        case .otherSchema(let version):
            sentence(
                "\(path) has schema version \(version) and this program knows \(Migrator.currentVersion): use the "
                    + "`state` command of the agent that wrote it.")
        case .busy: sentence("\(path) is locked by another process. Try again in a moment.")
        case .full: sentence("\(path) cannot be read: \(reason(error, path)).")
        // SQLITE_ERROR: a table or a column is not there.
        case .other(let code) where code & 0xFF == 1:
            sentence("\(path) is a database, but not one of this agent (\(reason(error, path))).")
        case .other: sentence("\(path) cannot be shown: \(reason(error, path)).")
        }
    }

    private static func reason(_ error: StoreError, _ path: String) -> String {
        let prefix = path + ": "
        return error.message.hasPrefix(prefix) ? String(error.message.dropFirst(prefix.count)) : error.message
    }
}
