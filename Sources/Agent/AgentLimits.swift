/// What the shell around the reconciler may hold and how long it waits, each with its reason.
package struct AgentLimits: Sendable {
    /// Inputs waiting for the loop. The server keeps at most 100 messages per socket, so this much behind means that
    /// the disk has stalled for minutes; further events are answered with an error at once.
    package var queuedInputs = 16_384
    /// Bytes of their frames, each of which is held once more as what was read in it.
    package var queuedBytes = 64 << 20
    /// Inputs in one transaction: enough to share an fsync, few enough to answer the first of them soon, and for their
    /// pages to find room in the store's cache, where otherwise each is written and read again before the end.
    package var batch = 256
    /// Inputs waiting after a batch beyond which new work on the engine is kept back: more come than are handled.
    package var flood = 64
    /// How long it may be kept back for events that come faster than they are written down.
    package var floodPatience = Duration.seconds(2)
    /// Pings being answered at a time. One comes every 5 s and is void after 15 s (PROTOCOL 3.5); a server that has
    /// connected anew may send many at once.
    package var pings = 64
    /// After which a ping's answer is of no use.
    package var pingAge = Duration.seconds(15)
    /// Progress messages being sent at a time; what comes on top is dropped, for the next one says it better.
    package var progressInFlight = 64
    /// Answers to events that could not be stored, being sent at a time: they come in any number, and others want to be
    /// sent, too.
    package var unstoredInFlight = 16
    /// How long such an answer is tried, waiting and pauses included. After 15 s the server sends the event anew
    /// (PROTOCOL 3.5), and what was said of the first one must not be heard about the second.
    package var unstoredPatience = Duration.seconds(12)
    /// How long work in flight may go on after the signal to stop. It is safe to cut it, this is only tidier.
    package var drain = Duration.seconds(2)

    package init() {}
}
