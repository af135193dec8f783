internal import Deadline
internal import Glibc

/// Connects to a unix socket and hangs up again.
struct SocketProbe: Sendable {
    let calls: BlockingCalls
    let deadline: Duration

    enum Outcome: Sendable, Hashable {
        case connected
        /// The system's number.
        case failed(Int32)
        case noSocket
        case tooLong
        case silent
    }

    func connect(to path: String) async -> Outcome {
        do throws(BlockingCallError) {
            return try await calls.run(within: deadline) { Self.connect(path) }
        } catch {
            return .silent
        }
    }

    private static func connect(_ path: String) -> Outcome {
        var status = stat()
        guard stat(path, &status) == 0 else { return .failed(errno) }
        guard status.st_mode & S_IFMT == S_IFSOCK else { return .noSocket }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let isShort = withUnsafeMutableBytes(of: &address.sun_path) { place in
            guard bytes.count < place.count else { return false }
            place.copyBytes(from: bytes)
            return true
        }
        guard isShort else { return .tooLong }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return .failed(errno) }
        defer { close(descriptor) }
        // Waits while too many others do: the caller's deadline is for that.
        let failure = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
            }
        }
        return failure == 0 ? .connected : .failed(failure)
    }
}
