package import NIOCore

/// The limits of the connections to one server.
package struct HTTPTransportLimits: Sendable {
    /// How long connecting may take, and again the TLS handshake.
    package var connect = TimeAmount.seconds(10)
    /// How many connections there may be besides those of streams. A call beyond waits for one.
    package var connections = 512
    /// After how long a connection that is not used is closed.
    package var idle = TimeAmount.seconds(1)
    /// How long it may have been unused for a call that changes something.
    package var idleBeforeChange = TimeAmount.seconds(1)

    package init() {}
}
