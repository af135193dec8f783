/// Why a request got no whole answer, and how far it had come.
package struct TransportFailure: Error {
    package enum Stage: Sendable {
        /// Not a whole head of a request was given to a connection, and none will be: it did not happen.
        case notSent
        /// The request was sent; no answer had begun.
        case sent
        /// The head of the answer was there.
        case answering
    }

    package enum Cause: Sendable {
        /// The deadline passed.
        case expired
        /// The task was cancelled, or the transport was shut down.
        case cancelled
        case error(any Error)
    }

    package let stage: Stage
    package let cause: Cause
}

/// What goes wrong with an answer besides what NIO has an error for.
package enum HTTPTransportError: Error, CustomStringConvertible {
    case bodyTooLong(limit: Int)
    case connectionClosed

    package var description: String {
        switch self {
        case .bodyTooLong(let limit): "a body of more than \(limit) bytes"
        case .connectionClosed: "the connection was closed"
        }
    }
}
