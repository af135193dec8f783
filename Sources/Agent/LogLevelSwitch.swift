internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Logs everything after a SIGUSR1, and the usual again after the next one.
struct LogLevelSwitch: Service {
    let levels: LogLevels
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sigusr1).cancelOnGracefulShutdown() {
            levels.toggle()
            logger.notice("log level changed", metadata: ["level": "\(levels.current)"])
        }
        // Until the others end: a service that returns would end them.
        try await gracefulShutdown()
    }
}
