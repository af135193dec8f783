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
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, format: LogFormat, levels: LogLevels, output: LogOutput) {
        self.label = label
        self.format = format
        self.levels = levels
        self.output = output
    }

    /// The same for all; what is set here has no effect.
    var logLevel: Logger.Level {
        get { levels.current }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        switch format {
        case .text: output.write(text(event))
        case .json: output.write(line(event, at: .now) + "\n")
        }
    }

    private func data(of event: LogEvent) -> Logger.Metadata {
        var data = event.metadata ?? [:]
        if let provided = metadataProvider?.get() { data.merge(provided) { own, _ in own } }
        if !metadata.isEmpty { data.merge(metadata) { own, _ in own } }
        if let error = event.error { data["error"] = "\(error)" }
        return data
    }

    /// The event as a line in the form of swift-log's own handlers. What came from elsewhere (names, the engine's words)
    /// can neither begin a line in it nor steer a terminal.
    private func text(_ event: LogEvent) -> String {
        var line = LogClock.shared.text()
        line.reserveCapacity(320)
        for part in [" ", event.level.rawValue, " ", label, ":"] { line += part }
        for (key, value) in data(of: event).sorted(by: { $0.key < $1.key }) {
            line += " "
            line += key
            line += "="
            line += value.plainText.withoutControls
        }
        for part in [" [", event.source, "] ", event.message.description, "\n"] { line += part }
        return line
    }

    /// The event as a JSON object on one line.
    private func line(_ event: LogEvent, at time: Date) -> String {
        var object = JSONObject()
        object.append("time", .string(Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(time)))
        object.append("level", .string(event.level.rawValue))
        object.append("message", .string(event.message.description))
        object.append("source", .string(event.source))
        object.append("program", .string(label))
        let data = data(of: event)
        if !data.isEmpty { object.append("data", JSON(data.mapValues(\.plainText))) }
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

extension Logger.MetadataValue {
    /// Its text, which for most is there already.
    fileprivate var plainText: String {
        if case .string(let text) = self { text } else { description }
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
