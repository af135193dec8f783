package import NIOCore
import NIOHTTP1
package import NIOSSL

/// HTTP/1.1 with one server, all on one event loop.
///
/// Every call has a deadline over everything, and says how far it had come if it fails. It is made once; only where a
/// kept connection turns out to be dead is it made once more on a new one, within the same deadline: if nothing of it
/// can have arrived, or if it changes nothing.
package final class HTTPTransport: Sendable {
    private let eventLoop: any EventLoop
    private let pool: NIOLoopBoundBox<ConnectionPool?>
    private let address: HTTPAddress
    private let tls: NIOSSLContext?
    private let limits: HTTPTransportLimits

    /// The runtime of Swift on Linux reads a superclass where there is none, and ends the process, if one thread asks
    /// whether a generic class conforms to a protocol at the very moment in which another one has nearly completed the
    /// class for its own use. Of all classes that befalls this decoder, which the first connection to the engine and
    /// the first to the server need at the same time; so it is completed before either.
    private static let decoderIsComplete: Void = {
        _ = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes))
    }()

    /// No connection is made yet.
    package init(
        address: HTTPAddress, tls: NIOSSLContext? = nil, limits: HTTPTransportLimits = HTTPTransportLimits(),
        eventLoop: any EventLoop
    ) {
        _ = Self.decoderIsComplete
        self.eventLoop = eventLoop
        self.address = address
        self.tls = tls
        self.limits = limits
        pool = .makeEmptyBox(eventLoop: eventLoop)
    }

    /// Makes a call and waits for its whole answer.
    ///
    /// - Parameters:
    ///   - request: May be sent a second time if it is lost on a kept connection.
    ///   - deadline: From now to the last byte of the answer.
    ///   - limit: The most bytes that a body may have. A refusal, from status 400 on, is cut instead of failing.
    package func whole(
        _ request: HTTPRequest, within deadline: Duration, limit: Int
    ) async -> Result<HTTPReply, TransportFailure> {
        await call(request, .whole(limit: limit), deadline)
    }

    /// Makes a call on a connection of its own and waits for the head of its answer; a refusal is read to its end.
    ///
    /// - Parameters:
    ///   - request: Sent once at most, for its connection is new.
    ///   - deadline: From now to the head of the answer.
    package func stream(
        _ request: HTTPRequest, within deadline: Duration
    ) async -> Result<HTTPReply, TransportFailure> {
        await call(request, .stream, deadline)
    }

    /// Closes all connections; calls that are under way fail as cancelled, and so do all later ones.
    package func shutDown() async {
        await withCheckedContinuation { continuation in
            eventLoop.runHere { [self] in
                currentPool.shutDown()
                continuation.resume()
            }
        }
    }

    private var currentPool: ConnectionPool {
        if let pool = pool.value { return pool }
        let made = ConnectionPool(address, tls, limits, on: eventLoop)
        pool.value = made
        return made
    }

    private func call(
        _ request: HTTPRequest, _ wish: HTTPCall.Wish, _ deadline: Duration
    ) async -> Result<HTTPReply, TransportFailure> {
        let started = NIOLoopBoundBox<HTTPCall?>.makeEmptyBox(valueType: HTTPCall.self, eventLoop: eventLoop)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                if Task.isCancelled {
                    return waiter.resume(returning: .failure(TransportFailure(stage: .notSent, cause: .cancelled)))
                }
                eventLoop.runHere { [self] in
                    let call = HTTPCall(request, wish, deadline: TimeAmount(deadline), on: eventLoop, waiter: waiter)
                    started.value = call
                    currentPool.start(call)
                }
            }
        } onCancel: {
            eventLoop.execute { started.value?.giveUp(.cancelled) }
        }
    }
}
