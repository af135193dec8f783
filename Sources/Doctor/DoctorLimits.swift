/// How long each look may take. What answers at all answers well within these.
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

    /// For all of the way to the server: what is beyond that has a second each, so that the whole has an end that is near
    /// also where everything is as slow as it may be.
    package var server = Duration.seconds(60)

    package init() {}

    /// The time for a look on the way to the server.
    ///
    /// - Parameters:
    ///   - limit: The most that such a look may take.
    ///   - spent: How long that way has taken so far.
    func time(for limit: Duration, spent: Duration) -> Duration {
        min(limit, max(.seconds(1), server - spent))
    }
}
