/// Why a call to the Docker Engine failed, and whether it may have taken effect all the same.
package struct EngineError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, and what is certain all the same.
    package enum Kind: Sendable, Hashable {
        /// The request never left this process, as there was no connection to the engine: the call did not happen.
        case unreachable
        /// The connection was lost after the request had been sent and before it was answered: unknown.
        case cut
        /// The deadline passed after the request had been sent: unknown.
        case timedOut
        /// The engine answered with an error status: the call was refused.
        case refused(status: Int)
        /// The engine accepted the call and reported its failure in the stream of the answer.
        case failedInStream
        /// The engine answered, but the answer could not be read: unknown.
        case badAnswer
        /// The caller gave up, or the client was shut down.
        case cancelled
        /// The address, the certificates or an argument are unusable: the call did not happen and never will.
        case configuration
    }

    package let kind: Kind
    /// For people. With ``Kind/refused(status:)`` and ``Kind/failedInStream`` it is the engine's own text.
    package let message: String
    /// Method and path without version and query, such as `POST /containers/create`; empty outside of a call.
    package let call: String
    /// What lies beneath, such as the text of an I/O error.
    package let cause: String?

    package init(_ kind: Kind, _ message: String, call: String = "", cause: String? = nil) {
        self.kind = kind
        self.message = message
        self.call = call
        self.cause = cause
    }

    /// The text that the Docker command would print, where it has one.
    package var description: String {
        switch kind {
        case .refused: "Error response from daemon: \(message)"
        case .unreachable, .failedInStream, .configuration: message
        case .cut, .timedOut, .badAnswer, .cancelled:
            (call.isEmpty ? "" : "\(call): ") + message + (cause.map { " (\($0))" } ?? "")
        }
    }

    /// The status of a refusal.
    package var status: Int? {
        guard case .refused(let status) = kind else { return nil }
        return status
    }

    /// The engine said that there is no such thing.
    package var isNotFound: Bool { status == 404 }

    /// The engine said that the state of the thing does not allow the call.
    package var isConflict: Bool { status == 409 }

    /// True if the call may or may not have taken effect: only an inspection can tell.
    package var isUnknown: Bool {
        switch kind {
        case .cut, .timedOut, .badAnswer: true
        case .unreachable, .refused, .failedInStream, .cancelled, .configuration: false
        }
    }
}
