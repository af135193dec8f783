import DequeModule
package import NIOCore

/// What a connection is to those that use it.
protocol HTTPCarrier: AnyObject {
    var eventLoop: any EventLoop { get }
    /// Nobody wants the answer any more: the server is to see it.
    func abandon()
    /// The server is not read from while its answer is not wanted yet.
    func pause(_ isPaused: Bool)
}

/// The body of an answer as it comes. One task reads it; no more is taken from the server than is asked for, and some.
package struct HTTPStream: Sendable {
    private let source: NIOLoopBound<Source>

    init(_ source: Source) { self.source = NIOLoopBound(source, eventLoop: source.eventLoop) }

    /// The next part of the body, `nil` after the last.
    ///
    /// - Throws: `CancellationError`, also if the stream was closed, and the error of a body that was not complete.
    package func next() async throws -> ByteBuffer? {
        let source = source
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let isCancelled = Task.isCancelled
                source.eventLoop.runHere {
                    if isCancelled { source.value.giveUp() }
                    source.value.take(waiter)
                }
            }
        } onCancel: {
            source.eventLoop.execute { source.value.giveUp() }
        }
    }

    /// Gives the rest of the body up; the server sees it.
    package func close() {
        let source = source
        source.eventLoop.runHere { source.value.giveUp() }
    }

    /// What is there of the body. It lives on the event loop.
    final class Source {
        /// How much may lie here unread before the server has to wait.
        private static let highWaterBytes = 256 << 10

        let eventLoop: any EventLoop
        private var connection: (any HTTPCarrier)?
        private var parts: Deque<ByteBuffer> = []
        private var bytes = 0
        private var isPaused = false
        private var end: Result<Void, any Error>?
        private var waiter: CheckedContinuation<ByteBuffer?, any Error>?

        init(_ connection: any HTTPCarrier) {
            self.connection = connection
            eventLoop = connection.eventLoop
        }

        /// - Returns: Whether more is wanted.
        func received(_ part: ByteBuffer) -> Bool {
            guard end == nil else { return false }
            if let waiter {
                self.waiter = nil
                waiter.resume(returning: part)
                return true
            }
            parts.append(part)
            bytes += part.readableBytes
            if bytes > Self.highWaterBytes { pause(true) }
            return true
        }

        func finish(_ end: Result<Void, any Error>) {
            guard self.end == nil else { return }
            self.end = end
            connection = nil
            if let waiter {
                self.waiter = nil
                waiter.resume(with: end.map { nil })
            }
        }

        func take(_ waiter: CheckedContinuation<ByteBuffer?, any Error>) {
            if let part = parts.popFirst() {
                bytes -= part.readableBytes
                if bytes == 0 { pause(false) }
                return waiter.resume(returning: part)
            }
            if let end { return waiter.resume(with: end.map { nil }) }
            self.waiter = waiter
        }

        func giveUp() {
            parts = []
            let connection = connection
            finish(.failure(CancellationError()))
            connection?.abandon()
        }

        private func pause(_ isPaused: Bool) {
            guard isPaused != self.isPaused else { return }
            self.isPaused = isPaused
            connection?.pause(isPaused)
        }
    }
}

extension EventLoop {
    /// Runs the work at once if this is the loop's thread, and there as soon as possible if not.
    func runHere(_ work: @escaping @Sendable () -> Void) {
        if inEventLoop { work() } else { execute(work) }
    }
}
