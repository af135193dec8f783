import HTTPTransport
import LosslessJSON
import NIOCore
import NIOHTTP1

extension EngineClient {
    /// Follows what happens to the containers of this host.
    ///
    /// Returns when the engine ends the stream in good order, as it does when it is shut down, and throws
    /// ``EngineError`` when it breaks. In both cases all events received before have been delivered.
    ///
    /// - Parameters:
    ///   - actions: What is of interest, in Docker's words: an engine that can tell it apart sends nothing else. Others
    ///     send all that happens, and all of that is delivered. `nil`: all of it.
    ///   - since: Begin with what has happened since then, as far as the engine remembers; `nil`: with what happens
    ///     from now on.
    ///   - bufferLimit: The number of events that may wait for `onEvent`. One more breaks the stream with `cut`, as
    ///     does any other loss: the caller has to look for itself what it has missed.
    ///   - onOpen: Called when the engine has accepted the subscription. Nothing that happens after this is missed:
    ///     events are received while it runs, and delivered when it has returned.
    ///   - onEvent: Called for one event after the other.
    /// - Throws: ``EngineError``, and whatever `onOpen` and `onEvent` throw, which ends the subscription.
    package func withContainerEvents(
        _ actions: [String]? = nil, since: EngineTime? = nil, bufferLimit: Int = 8192, onOpen: () async throws -> Void,
        onEvent: (EngineEvent) async throws -> Void
    ) async throws {
        var request = EngineRequest(method: .GET, path: "/events")
        if let since { request.query.append(("since", since.description)) }
        var filters = JSONObject()
        filters.append("type", ["container"])
        if let actions, try await negotiated(for: request.call).isDocker {
            filters.append("event", .array(actions.map(JSON.string)))
        }
        request.query.append(("filters", JSON.object(filters).encodedText))
        let body = try await open(request, within: deadlines.eventsAccepted)
        let call = request.call
        let (events, buffer) = AsyncThrowingStream.makeStream(
            of: EngineEvent.self, bufferingPolicy: .bufferingOldest(bufferLimit))
        defer { forgetVersion() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // What is not received any more is not to be sent either, whatever else goes on.
                defer { body.close() }
                do {
                    try await Self.receive(body, call: call, into: buffer)
                    buffer.finish()
                } catch {
                    buffer.finish(throwing: error)
                }
            }
            // Whichever way this is left, the group ends its task, and that ends the subscription.
            defer { group.cancelAll() }
            try await onOpen()
            for try await event in events { try await onEvent(event) }
            if Task.isCancelled { throw EngineError(.cancelled, "the subscription was given up", call: call) }
        }
    }

    private static func receive(
        _ body: HTTPStream, call: String,
        into buffer: AsyncThrowingStream<EngineEvent, any Error>.Continuation
    ) async throws(EngineError) {
        var splitter = JSONSplitter()
        do {
            while let chunk = try await body.next() {
                for object in try objects(in: chunk, &splitter, call: call) {
                    guard let event = EngineEvent(object), event.type == "container" else { continue }
                    if case .dropped = buffer.yield(event) {
                        throw EngineError(.cut, "more events than can be kept", call: call)
                    }
                }
            }
            try Task.checkCancellation()
        } catch let error as EngineError {
            throw error
        } catch is CancellationError {
            throw EngineError(.cancelled, "the subscription was given up", call: call)
        } catch {
            throw cut(call, cause: String(describing: error))
        }
        if splitter.isInsideValue { throw cut(call, cause: "the stream ended within an event") }
    }
}
