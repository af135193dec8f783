internal import FoundationEssentials
package import Logging
internal import LosslessJSON
internal import Synchronization

/// How the log is written: one line for each event of importance.
package enum LogFormat: String, Sendable, CaseIterable {
    /// For people.
    case text
    /// For programs: one JSON object a line.
    case json
}

/// What is logged at the moment, for all loggers of the process; an operator can change it while they are in use.
package final class LogLevels: Sendable {
    private let isDebug: Mutex<Bool>

    /// - Parameter debug: Whether everything is logged from the start.
    package init(debug: Bool) { isDebug = Mutex(debug) }

    package var current: Logger.Level { isDebug.withLock { $0 } ? .debug : .info }

    /// From the usual log to all of it, and back.
    package func toggle() { isDebug.withLock { $0.toggle() } }
}

/// Writes the log.
struct AgentLogHandler: LogHandler {
    private let label: String
    private let format: LogFormat
    private let levels: LogLevels
    private let output: LogOutput
    private var text: StreamLogHandler

    init(label: String, format: LogFormat, levels: LogLevels, output: LogOutput) {
        self.label = label
        self.format = format
        self.levels = levels
        self.output = output
        text = StreamLogHandler(label: label, stream: output)
        text.logLevel = .trace
    }

    /// The same for all; what is set here has no effect.
    var logLevel: Logger.Level {
        get { levels.current }
        set {}
    }

    var metadata: Logger.Metadata {
        get { text.metadata }
        set { text.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { text.metadataProvider }
        set { text.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { text[metadataKey: key] }
        set { text[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        switch format {
        case .text: text.log(event: event.onOneLine)
        case .json: output.write(line(event, at: .now) + "\n")
        }
    }

    /// The event as a JSON object on one line.
    private func line(_ event: LogEvent, at time: Date) -> String {
        var values = metadata
        for source in [metadataProvider?.get(), event.metadata] { values.merge(source ?? [:]) { _, own in own } }
        if let error = event.error { values["error"] = "\(error)" }
        var object = JSONObject()
        object.append("time", .string(Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(time)))
        object.append("level", .string(event.level.rawValue))
        object.append("message", .string(event.message.description))
        object.append("source", .string(event.source))
        object.append("program", .string(label))
        if !values.isEmpty { object.append("data", JSON(values.mapValues(\.description))) }
        return JSON.object(object).encodedText
    }
}

extension LogOutput {
    /// The standard output, for a log of that format.
    static func standard(_ format: LogFormat) -> LogOutput {
        LogOutput(.output) { lost in
            switch format {
            case .text: "(\(lost) lines of the log are missing here: nobody read it)\n"
            case .json:
                #"{"level":"warning","message":"lines of the log are missing here: nobody read it","data":{"lines":"#
                    + "\(lost)}}\n"
            }
        }
    }
}

extension LogEvent {
    /// The same, with what came from elsewhere (names, the engine's words) unable to begin a line or to steer a terminal.
    fileprivate var onOneLine: LogEvent {
        var event = self
        event.metadata = metadata?.mapValues { "\($0.description.withoutControls)" }
        // The handler would write it on its own.
        if let error {
            event.error = nil
            event.metadata = event.metadata ?? [:]
            event.metadata?["error"] = "\("\(error)".withoutControls)"
        }
        return event
    }
}

extension String {
    /// With an escape in the place of each control character.
    fileprivate var withoutControls: String {
        // None has other bytes than these in it.
        guard utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0xC2 }) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            if scalar.isControl { text += scalar.escaped(asASCII: true) } else { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
