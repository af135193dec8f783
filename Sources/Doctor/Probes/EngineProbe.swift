internal import DockerEngine
internal import Glibc
internal import HTTPTransport
internal import Logging
internal import LosslessJSON

/// Knocks at the engine's socket, and asks the engine for its version.
struct EngineProbe: Sendable {
    let endpoint: EngineEndpoint
    let sockets: SocketProbe
    let deadline: Duration

    func knock() async -> EngineSocketObservation {
        guard case .unixSocket(let path) = endpoint.address else { return .notUnix }
        switch await sockets.connect(to: path) {
        case .connected: return .connected
        case .noSocket: return .noSocket
        case .tooLong: return .failed("the path is too long for a socket")
        case .silent: return .silent(sockets.deadline)
        case .failed(ENOENT), .failed(ENOTDIR): return .missing
        case .failed(EACCES), .failed(EPERM): return .notPermitted
        case .failed(ECONNREFUSED): return .nobodyListens
        case .failed(let code): return .failed(String(cString: strerror(code)))
        }
    }

    func ask() async -> EngineObservation {
        let client: EngineClient
        do throws(EngineError) {
            client = try EngineClient(
                endpoint: endpoint, deadlines: Deadlines().capped(at: deadline),
                logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() })
        } catch {
            return .unreachable("\(error)")
        }
        let start = ContinuousClock.now
        let observation: EngineObservation
        do throws(EngineError) {
            let version = try await client.version()
            if let engine = version["Version"].nonEmptyText, let api = version["ApiVersion"].nonEmptyText,
                let spoken = APIVersion(api)
            {
                observation =
                    spoken < .oldest
                    ? .tooOld(engine: engine, api: api) : .version(engine: engine, api: api, took: .now - start)
            } else {
                observation = .strange("its answer names no version")
            }
        } catch {
            switch error.kind {
            case .timedOut: observation = .silent(deadline)
            case .unreachable, .cut, .cancelled, .configuration: observation = .unreachable(error.cause ?? "\(error)")
            case .refused, .failedInStream, .badAnswer: observation = .strange("\(error)")
            }
        }
        await client.shutdown()
        return observation
    }
}
