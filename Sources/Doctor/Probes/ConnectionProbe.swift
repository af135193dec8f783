internal import Deadline
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Connects to an address and hangs up again.
struct ConnectionProbe: Sendable {
    let deadline: Duration
    /// More addresses than these are not tried.
    static let addressLimit = 8

    /// Tries all of them at a time.
    func connect(to addresses: [String], port: Int) async -> [ConnectionObservation] {
        let tried = Array(addresses.prefix(Self.addressLimit))
        return await withTaskGroup(of: (Int, ConnectionObservation).self) { group in
            for (index, address) in tried.enumerated() {
                group.addTask {
                    (index, ConnectionObservation(address: address, outcome: await connect(address, port)))
                }
            }
            var found: [(Int, ConnectionObservation)] = []
            for await observation in group { found.append(observation) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func connect(_ address: String, _ port: Int) async -> ConnectionObservation.Outcome {
        guard let place = try? SocketAddress.makeAddressResolvingHost(address, port: port) else {
            return .failed("no address")
        }
        let start = ContinuousClock.now
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.nanoseconds(Int64(deadline / .nanoseconds(1))))
                .connect(to: place).get()
            let took = ContinuousClock.now - start
            channel.close(promise: nil)
            return .connected(took)
        } catch let error as ChannelError {
            if case .connectTimeout = error { return .silent(deadline) }
            return .failed("\(error)")
        } catch let error as IOError {
            let words = String(cString: strerror(error.errnoCode))
            switch error.errnoCode {
            case ECONNREFUSED: return .refused
            case ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT: return .notForUs(words)
            default: return .failed(words)
            }
        } catch {
            return .failed("\(error)")
        }
    }
}
