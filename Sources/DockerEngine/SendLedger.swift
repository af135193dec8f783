import NIOCore
import NIOHTTP1
import Synchronization

/// Knows of every call whether its request was given to a connection.
///
/// The error of a failed request does not tell: a reset may come from connecting as well as from waiting for the
/// answer, and "did not happen" must be certain. So each request carries a ticket in a header, which a handler next to
/// the encoder takes off and books here. A withdrawn ticket is not let through any more.
final class SendLedger: Sendable {
    static let header = "rancher-agent-ticket"

    private struct State {
        var next = 0
        var waiting: Set<Int> = []
    }

    private let state = Mutex(State())

    /// A ticket for a request that is about to be made.
    func issue() -> Int {
        state.withLock { state in
            state.next += 1
            state.waiting.insert(state.next)
            return state.next
        }
    }

    /// The request is about to be written. False: it must not be.
    func depart(_ ticket: String?) -> Bool {
        guard let ticket, let number = Int(ticket) else { return false }
        return state.withLock { $0.waiting.remove(number) != nil }
    }

    /// The call is over. True: its request was written. False: it was not and will not be.
    func withdraw(_ ticket: Int) -> Bool { state.withLock { $0.waiting.remove(ticket) == nil } }

    /// Puts the handler that books departures into a new connection.
    func watch(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.submit { [self] in
            do {
                let pipeline = channel.pipeline.syncOperations
                let encoder = try pipeline.handler(type: HTTPRequestEncoder.self)
                try pipeline.addHandler(DepartureHandler(self), position: .after(encoder))
            } catch {
                // Already closed. It must not be used unwatched, so make sure of it.
                channel.close(promise: nil)
            }
        }
    }
}

private final class DepartureHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    private let ledger: SendLedger

    init(_ ledger: SendLedger) { self.ledger = ledger }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            let ticket = head.headers.first(name: SendLedger.header)
            head.headers.remove(name: SendLedger.header)
            if ledger.depart(ticket) {
                context.write(wrapOutboundOut(.head(head)), promise: promise)
            } else {
                promise?.fail(ChannelError.ioOnClosedChannel)
                context.close(promise: nil)
            }
        case .body, .end: context.write(data, promise: promise)
        }
    }
}
