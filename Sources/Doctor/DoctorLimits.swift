/// How long each look may take. What answers at all answers well within these, and the sum of all, as long as no step
/// fails, which spares those behind it, bounds the whole examination.
package struct DoctorLimits: Sendable, Hashable {
    /// The resolver asks each of its servers for a few seconds.
    package var name = Duration.seconds(6)
    /// Each address, all of them at a time.
    package var connection = Duration.seconds(5)
    /// One handshake; a second one is made to read a certificate that was not accepted.
    package var tls = Duration.seconds(8)
    /// One request.
    package var request = Duration.seconds(10)
    /// From the connection to the open websocket.
    package var websocket = Duration.seconds(10)
    /// From a ping to its pong.
    package var ping = Duration.seconds(5)
    /// A socket of this host connects at once or not at all.
    package var socket = Duration.seconds(2)
    /// Calls to the engine; more than these are shortened already.
    package var engine = Duration.seconds(5)
    /// Looks at files of this host, which may be on a network.
    package var files = Duration.seconds(3)
    /// Reads the whole database.
    package var database = Duration.seconds(10)

    package init() {}
}
