import DequeModule
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The connections to one server, and the calls that wait for one. It lives on the event loop.
final class ConnectionPool {
    private let address: HTTPAddress
    private let tls: NIOSSLContext?
    private let limits: HTTPTransportLimits
    private let eventLoop: any EventLoop
    /// Those that are free, the one that was used last at the end.
    private var idle: [HTTPConnection] = []
    private var open: [ObjectIdentifier: HTTPConnection] = [:]
    /// Those of calls that want a whole answer, also while they are being made. A stream's does not count.
    private var taken: Set<ObjectIdentifier> = []
    private var waiting: Deque<HTTPCall> = []
    private var sweep: Scheduled<Void>?
    private var isShutDown = false

    init(_ address: HTTPAddress, _ tls: NIOSSLContext?, _ limits: HTTPTransportLimits, on eventLoop: any EventLoop) {
        self.address = address
        self.tls = tls
        self.limits = limits
        self.eventLoop = eventLoop
    }

    func start(_ call: HTTPCall) {
        if isShutDown { return call.giveUp(.cancelled) }
        // A stream ends by its connection being closed as often as not, and may last for days.
        if case .stream = call.wish { return connect(for: call) }
        if let kept = kept(for: call) { return kept.send(call) }
        if taken.count >= limits.connections, let oldest = idle.first {
            forget(oldest)
            oldest.close()
        }
        if taken.count < limits.connections { return connect(for: call) }
        waiting.append(call)
    }

    func shutDown() {
        isShutDown = true
        sweep?.cancel()
        for call in waiting { call.giveUp(.cancelled) }
        waiting = []
        for connection in open.values { connection.shutDown() }
    }

    /// A connection of a moment ago. It may turn out to be dead all the same, and a call that changes something would
    /// then have an unknown outcome: such a call gets one that has just been in use, or a new one.
    private func kept(for call: HTTPCall) -> HTTPConnection? {
        guard !call.wasRepeated, let last = idle.last, let since = last.idleSince else { return nil }
        guard call.request.isRepeatable || NIODeadline.now() - since < limits.idleBeforeChange else { return nil }
        return idle.popLast()
    }

    // MARK: Making connections

    private func connect(for call: HTTPCall) {
        let handshake = tls == nil ? nil : eventLoop.makePromise(of: Void.self)
        let connection = HTTPConnection(keeper: self, handshake: handshake, on: eventLoop)
        let id = ObjectIdentifier(connection)
        open[id] = connection
        if case .whole = call.wish { taken.insert(id) }
        let bound = NIOLoopBound(connection, eventLoop: eventLoop)
        let (tls, address) = (tls, address)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(limits.connect)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.prepare(channel, bound.value, tls, address)
                }
            }
        let connected =
            switch address {
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            }
        connected.assumeIsolated().whenComplete { result in
            switch result {
            case .failure(let error):
                handshake?.fail(error)
                self.failed(connection, call, error)
            case .success(let channel):
                self.keepAlive(channel)
                guard let handshake else { return self.isReady(connection, call) }
                let timeout = self.eventLoop.assumeIsolated().scheduleTask(in: self.limits.connect) {
                    connection.close()
                }
                handshake.futureResult.assumeIsolated().whenComplete { result in
                    timeout.cancel()
                    switch result {
                    case .success: self.isReady(connection, call)
                    case .failure(let error): self.failed(connection, call, error)
                    }
                }
            }
        }
    }

    private static func prepare(
        _ channel: any Channel, _ connection: HTTPConnection, _ tls: NIOSSLContext?, _ address: HTTPAddress
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        if let tls {
            var name: String?
            // A certificate for an address is compared with the address that was connected to.
            if case .tcp(let host, _) = address, (try? SocketAddress(ipAddress: host, port: 0)) == nil { name = host }
            try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
        }
        try pipeline.addHandler(HTTPRequestEncoder())
        try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)))
        try pipeline.addHandler(connection)
    }

    /// A stream may be silent for days, so only the kernel can notice that a remote host is gone: within a minute or so.
    private func keepAlive(_ channel: any Channel) {
        guard case .tcp = address else { return }
        let options: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] = [
            (.init(level: .socket, name: .so_keepalive), 1),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE)), 30),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), 10),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPCNT)), 3),
        ]
        // Not worth failing for.
        for (option, value) in options { try? channel.syncOptions?.setOption(option, value: value) }
    }

    private func isReady(_ connection: HTTPConnection, _ call: HTTPCall) {
        if isShutDown {
            call.giveUp(.cancelled)
            return connection.close()
        }
        guard call.isOver else { return connection.send(call) }
        // Whoever it was made for did not wait.
        if taken.contains(ObjectIdentifier(connection)) { connection.becomeIdle() } else { connection.close() }
    }

    private func failed(_ connection: HTTPConnection, _ call: HTTPCall, _ error: any Error) {
        connection.close()
        forget(connection)
        if isShutDown { call.giveUp(.cancelled) } else { call.failed(error) }
        next()
    }

    private func forget(_ connection: HTTPConnection) {
        open[ObjectIdentifier(connection)] = nil
        taken.remove(ObjectIdentifier(connection))
        idle.removeAll { $0 === connection }
    }

    /// Serves those that wait, now that there is room.
    private func next() {
        while taken.count < limits.connections || !idle.isEmpty, let call = waiting.popFirst() {
            if !call.isOver { start(call) }
        }
    }

    // MARK: Keeping connections

    private func sweepLater(at time: NIODeadline) {
        guard sweep == nil, !isShutDown else { return }
        sweep = eventLoop.assumeIsolated().scheduleTask(deadline: time) {
            self.sweep = nil
            let limit = NIODeadline.now() - self.limits.idle
            let old = self.idle.filter { ($0.idleSince ?? limit) <= limit }
            // A farewell takes a while with TLS, and nobody may get one that is being closed.
            self.idle.removeAll { connection in old.contains { $0 === connection } }
            for connection in old { connection.close() }
            if let oldest = self.idle.first?.idleSince { self.sweepLater(at: oldest + self.limits.idle) }
        }
    }
}

extension ConnectionPool: HTTPConnection.Keeper {
    func isFree(_ connection: HTTPConnection) {
        guard !isShutDown, taken.contains(ObjectIdentifier(connection)) else { return connection.close() }
        idle.append(connection)
        next()
        sweepLater(at: .now() + limits.idle)
    }

    func isClosed(_ connection: HTTPConnection) {
        forget(connection)
        next()
    }

    func repeats(_ call: HTTPCall) { start(call) }
}
