import Glibc
import Logging
import LosslessJSON
import Testing

@testable import Agent

@Suite("The lines of the log")
struct AgentLogTests {
    private struct Trouble: Error, CustomStringConvertible {
        var description: String { "no\nluck" }
    }

    /// What is written when this is logged.
    private func written(_ format: LogFormat, debug: Bool = false, _ log: (Logger) -> Void) -> String {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let output = LogOutput(descriptor: ends[1]) { "\($0) lost\n" }
        let levels = LogLevels(debug: debug)
        log(Logger(label: "agent") { AgentLogHandler(label: $0, format: format, levels: levels, output: output) })
        output.flush(within: .seconds(5))
        close(ends[1])
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            count = max(0, read(ends[0], buffer.baseAddress, buffer.count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("for people: time, level, program, what varies in the order of its names, source, message")
    func text() {
        let line = written(.text) { logger in
            logger.info("event accepted", metadata: ["name": "ping", "event": "e1", "about": "\(42)"], source: "Here")
        }
        let (time, rest) = (line.prefix(24), line.dropFirst(24))
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}/) != nil, "\(line)")
        #expect(rest == " info agent: about=42 event=e1 name=ping [Here] event accepted\n")
        #expect(written(.text) { $0.info("bare", source: "Here") }.hasSuffix(" info agent: [Here] bare\n"))
    }

    @Test("nothing that came from elsewhere begins a line or steers a terminal")
    func controls() {
        let line = written(.text) { logger in
            logger.warning("odd", error: Trouble(), metadata: ["name": "a\nb\u{1B}[31m\u{85}é", "list": ["x\ty"]])
        }
        #expect(line.filter { $0 == "\n" }.count == 1)
        #expect(line.contains(#" error=no\nluck "#))
        #expect(line.contains(#"name=a\nb\u{1B}[31m\u{0085}é "#), "\(line)")
        #expect(!line.contains("\t"))
    }

    @Test("what a line says counts for more than what its logger says, and each level is asked for at the moment")
    func merging() {
        let lines = written(.text) { logger in
            var logger = logger
            logger[metadataKey: "a"] = "logger"
            logger[metadataKey: "b"] = "logger"
            logger.notice("x", metadata: ["a": "line"], source: "S")
            logger.debug("not shown")
        }
        #expect(lines.hasSuffix(" notice agent: a=line b=logger [S] x\n"))
        #expect(written(.text, debug: true) { $0.debug("shown") }.hasSuffix("shown\n"))
    }

    @Test("for programs: one JSON object a line")
    func json() throws {
        let line = written(.json) { logger in
            logger.error("odd", error: Trouble(), metadata: ["name": "a\nb"], source: "Here")
        }
        #expect(line.hasSuffix("}\n"))
        let object = try JSON(parsing: String(line.dropLast()))
        #expect(object["message"].text == "odd")
        #expect(object["level"].text == "error")
        #expect(object["source"].text == "Here")
        #expect(object["program"].text == "agent")
        #expect(object["data"] == ["error": "no\nluck", "name": "a\nb"])
    }
}
