/// Why something asked of the Rancher server was not had.
package struct RancherError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is: this decides, never the message.
    package enum Code: Sendable, Hashable {
        /// No connection, or one that broke.
        case unreachable
        case timedOut
        /// The server said no, with this HTTP status.
        case refused(status: Int)
        /// An answer that is not what PROTOCOL says, or too large.
        case badAnswer
        /// The server has no such type for these credentials.
        case noSchema
        case badURL
        /// A file or a trust root of this host.
        case local
    }

    /// The kind of failure.
    package let code: Code
    /// One line for people. Holds no secret.
    package let message: String
    /// Whether a Rancher server has answered, and not somebody on the way to it.
    package let isServers: Bool

    /// A failure in one line.
    package init(_ code: Code, _ message: String, isServers: Bool = false) {
        self.code = code
        self.message = message
        self.isServers = isServers
    }

    /// The message.
    package var description: String { message }

    /// Whether the same request may succeed later although nobody has changed anything.
    package var isRetryable: Bool {
        switch code {
        case .unreachable, .timedOut, .badAnswer, .noSchema: true
        case .refused(let status): status >= 500 || [408, 425, 429].contains(status)
        case .badURL, .local: false
        }
    }
}
