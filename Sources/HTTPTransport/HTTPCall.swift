import NIOCore
import NIOHTTP1

/// One call: what is sent, how far it has come, and who waits for its answer. It lives on the event loop.
final class HTTPCall {
    enum Wish {
        /// The whole answer; one with a longer body fails.
        case whole(limit: Int)
        /// The head of the answer, and the body as it comes.
        case stream
    }

    /// The status from which on an answer is a refusal: as much of its body as can be had is good enough.
    private static let refusal = 400
    /// The part of the body of a refusal that is read.
    private static let refusalLimitBytes = 1 << 20

    let request: HTTPRequest
    let wish: Wish
    /// Whether it was sent before on a connection that turned out to be dead.
    var wasRepeated = false
    /// Which it is given to, until one of the two is through with the other.
    var connection: (any HTTPCarrier)?
    private var stage = TransportFailure.Stage.notSent
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []
    private var stream: HTTPStream.Source?
    private var waiter: CheckedContinuation<Result<HTTPReply, TransportFailure>, Never>?
    private var alarm: Scheduled<Void>?

    init(
        _ request: HTTPRequest, _ wish: Wish, deadline: TimeAmount, on eventLoop: any EventLoop,
        waiter: CheckedContinuation<Result<HTTPReply, TransportFailure>, Never>
    ) {
        self.request = request
        self.wish = wish
        self.waiter = waiter
        alarm = eventLoop.assumeIsolated().scheduleTask(in: deadline) { self.giveUp(.expired) }
    }

    /// Whether nobody waits for it any more. The body of a stream may still be to come.
    var isOver: Bool { waiter == nil }

    /// Its head was given to the kernel.
    func wasSent() { if stage == .notSent { stage = .sent } }

    /// Whether it may be sent once more after it was lost on a kept connection: nothing has come back, and the server
    /// has either not got it or is none the worse for getting it twice.
    var mayBeRepeated: Bool {
        !isOver && !wasRepeated && (stage == .notSent || stage == .sent && request.isRepeatable)
    }

    /// The answer begins.
    ///
    /// - Returns: Whether the rest of it is wanted.
    func received(_ head: HTTPResponseHead) -> Bool {
        self.head = head
        stage = .answering
        if case .stream = wish, !isRefusal, let connection {
            let source = HTTPStream.Source(connection)
            stream = source
            finish(.success(HTTPReply(head: head, body: [], stream: HTTPStream(source))))
            return true
        }
        let length = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
        if !isRefusal, length > limit { return fails(HTTPTransportError.bodyTooLong(limit: limit)) }
        body.reserveCapacity(min(length, limit, 1 << 16))
        return true
    }

    /// - Returns: Whether the rest of it is wanted.
    func received(_ part: ByteBuffer) -> Bool {
        if let stream { return stream.received(part) }
        let room = limit - body.count
        part.withUnsafeReadableBytes { body.append(contentsOf: $0.prefix(room)) }
        if part.readableBytes <= room { return true }
        if isRefusal {
            succeed()
            return false
        }
        return fails(HTTPTransportError.bodyTooLong(limit: limit))
    }

    /// The answer is complete.
    func ended() {
        if let stream { return stream.finish(.success(())) }
        succeed()
    }

    /// There is nothing more to come.
    func failed(_ error: any Error) {
        if let stream { return stream.finish(.failure(error)) }
        fail(.error(error))
    }

    /// The caller does not wait any longer. The server sees it, if it has the request.
    func giveUp(_ cause: TransportFailure.Cause) {
        guard !isOver else { return }
        fail(cause)
        connection?.abandon()
    }

    private var isRefusal: Bool { head.map { $0.status.code >= Self.refusal } ?? false }

    private var limit: Int {
        switch wish {
        case .whole(let limit): isRefusal ? Self.refusalLimitBytes : limit
        case .stream: Self.refusalLimitBytes
        }
    }

    private func fails(_ error: any Error) -> Bool {
        fail(.error(error))
        return false
    }

    private func fail(_ cause: TransportFailure.Cause) {
        // The status has said what counts.
        if isRefusal { return succeed() }
        finish(.failure(TransportFailure(stage: stage, cause: cause)))
    }

    private func succeed() {
        guard let head else { return }
        finish(.success(HTTPReply(head: head, body: body, stream: nil)))
    }

    private func finish(_ result: Result<HTTPReply, TransportFailure>) {
        alarm?.cancel()
        alarm = nil
        waiter?.resume(returning: result)
        waiter = nil
    }
}
