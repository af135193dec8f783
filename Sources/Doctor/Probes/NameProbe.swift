internal import Deadline
internal import Glibc

/// Asks the resolver of this host, in the way in which the agent does.
struct NameProbe: Sendable {
    let calls: BlockingCalls
    let deadline: Duration

    func look(up host: String) async -> NameObservation {
        var address = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1 { return .address }
        do throws(BlockingCallError) {
            return try await calls.run(within: deadline) { Self.ask(host) }
        } catch {
            return .silent(deadline)
        }
    }

    /// EAI_NODATA: the name is known, and has no address. The header has it for GNU programs only.
    private static let noAddress: Int32 = -5

    private static func ask(_ host: String) -> NameObservation {
        let start = ContinuousClock.now
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var result: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &result)
        guard code == 0, let first = result else {
            return .unknown(
                reason: String(cString: gai_strerror(code)), isFinal: code == EAI_NONAME || code == noAddress)
        }
        defer { freeaddrinfo(first) }
        var addresses: [String] = []
        for info in sequence(first: first, next: { $0.pointee.ai_next }) {
            var buffer = [CChar](repeating: 0, count: 128)
            let length = socklen_t(buffer.count)
            guard
                getnameinfo(info.pointee.ai_addr, info.pointee.ai_addrlen, &buffer, length, nil, 0, NI_NUMERICHOST) == 0
            else { continue }
            let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if !addresses.contains(text) { addresses.append(text) }
        }
        return .addresses(addresses, took: .now - start)
    }
}
