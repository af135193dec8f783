/// What the reconciler may hold and how long it waits, each with its reason.
package struct ReconcilerLimits: Sendable {
    /// Events being worked on at a time. A server has at most a few per resource of the host; beyond this number
    /// something is wrong, and an event is better answered with an error than kept.
    package var openEvents = 20_000
    /// Answers on their way at a time: enough to fill the connection, few enough to hold their bodies in memory.
    package var publishesInFlight = 32
    /// Between two progress messages of an event (PROTOCOL 8): each is a request to the server.
    package var progressInterval = Duration.seconds(1)
    /// After how much silence an event is reported to be still alive. The server's shortest wait is 15 s (3.5).
    package var keepAliveInterval = Duration.seconds(5)
    /// How long the first list of containers is waited for after a start. Beyond this the engine is slow or away, and
    /// each instance finds that out for itself.
    package var listPatience = Duration.seconds(3)
    /// The first pause between two tries to deliver an answer; it doubles up to the longest.
    package var firstDeliveryPause = Duration.milliseconds(500)
    package var longestDeliveryPause = Duration.seconds(30)
    /// After which an answer that the server does not take is given up. The server has given up after minutes.
    package var answerAge = Duration.seconds(86_400)
    /// The tries that it takes besides: a clock that jumps makes everything old at once.
    package var answerTries = 1000
    /// How long a delivered answer is kept for the case that its event is sent again; the server gives up after minutes.
    package var closedEventAge = Duration.seconds(3600)
    /// With frame and answer each takes some ten kilobytes.
    package var closedEvents = 5_000
    /// How long the history of a removed resource can be looked at.
    package var removedResourceAge = Duration.seconds(86_400)
    package var removedResources = 2_000
    /// How long a failed wish, or an image that was pulled, is remembered without anybody asking again.
    package var settledResourceAge = Duration.seconds(7 * 86_400)
    /// Changes of phase kept of a resource: a dozen lives.
    package var historyLength = 100
    /// Unreadable things kept to be looked at.
    package var quarantined = 200
    /// Bytes of an unreadable frame that are kept.
    package var quarantinedBytes = 65_536
    /// Between two rounds of forgetting.
    package var housekeepingInterval = Duration.seconds(60)
    /// How far the clock may be set back before all that waits for a time is given a new one.
    package var clockTolerance = Duration.seconds(2)
    /// Before anything is tried again after the store failed.
    package var storeRetryPause = Duration.seconds(1)

    package init() {}
}
