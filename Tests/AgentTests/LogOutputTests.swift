import Deadline
import Dispatch
import Glibc
import Testing

@testable import Agent

@Suite("The output of the log")
struct LogOutputTests {
    /// A pipe that holds one page and that nobody reads unless told to.
    private final class Pipe {
        let reader: Int32
        let writer: Int32

        init() {
            var ends: [Int32] = [0, 0]
            precondition(pipe(&ends) == 0)
            (reader, writer) = (ends[0], ends[1])
            // F_SETPIPE_SZ, which Swift does not know.
            precondition(fcntl(writer, 1031, 4096) >= 0)
        }

        /// A terminal in the place of the pipe, as the engine makes one for `docker run -t`.
        init(terminal: ()) {
            var master: Int32 = 0
            var slave: Int32 = 0
            precondition(openpty(&master, &slave, nil, nil, nil) == 0)
            (reader, writer) = (master, slave)
        }

        deinit {
            close(reader)
            close(writer)
        }

        /// Reads until this much has come, or the time is over.
        func read(_ count: Int, within limit: Duration = .seconds(10)) -> String {
            let end = ContinuousClock.now + limit
            var bytes: [UInt8] = []
            while bytes.count < count, ContinuousClock.now < end {
                var request = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
                guard poll(&request, 1, 50) > 0 else { continue }
                let part = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, size in
                    size = max(0, Glibc.read(reader, buffer.baseAddress, buffer.count))
                }
                bytes += part
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private func lines(_ range: Range<Int>) -> [String] {
        let rest = String(repeating: "x", count: 80)
        return range.map { "line \($0) \(rest)\n" }
    }

    private func output(_ pipe: Pipe, limit: Int = 1 << 20) -> LogOutput {
        LogOutput(descriptor: pipe.writer, limit: limit) { "\($0) lost\n" }
    }

    @Test("writes a line that is read at once, however long it is")
    func reads() {
        let pipe = Pipe()
        let output = output(pipe)
        let long = String(repeating: "y", count: 100_000) + "\n"
        for line in ["one\n", long, "two\n"] { output.write(line) }
        #expect(pipe.read(long.utf8.count + 8) == "one\n" + long + "two\n")
    }

    @Test("makes nobody wait when the log is not read, and writes all of it, in order, when it is read again")
    func full() {
        let pipe = Pipe()
        let output = output(pipe)
        let lines = lines(0..<2000)
        let start = ContinuousClock.now
        for line in lines { output.write(line) }
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(pipe.read(lines.joined().utf8.count) == lines.joined())
        // The one that is written after all is well again stands last.
        output.write("last\n")
        #expect(pipe.read(5) == "last\n")
    }

    @Test("makes nobody wait for a terminal either")
    func terminal() {
        let pipe = Pipe(terminal: ())
        let own = LogOutput.withoutWaiting(pipe.writer)
        defer { close(own) }
        #expect(own != pipe.writer)
        #expect(fcntl(pipe.writer, F_GETFL) & O_NONBLOCK == 0)
        let output = LogOutput(descriptor: own) { "\($0) lost\n" }
        // A short line finds room in a terminal that is ready for one.
        let lines = (0..<100).map { "line \($0) " + String(repeating: "x", count: 3000) + "\n" }
        // A thread of its own: one that waits here would wait for ever.
        let isWritten = DispatchSemaphore(value: 0)
        #expect(
            OwnThread.start {
                for line in lines { output.write(line) }
                isWritten.signal()
            })
        #expect(isWritten.wait(timeout: .now() + 10) == .success)
        let text = lines.joined().replacing("\n", with: "\r\n")
        #expect(pipe.read(text.utf8.count) == text)
    }

    @Test("says where lines are missing for which there was no room, and leaves none in pieces")
    func loss() {
        let pipe = Pipe()
        let output = output(pipe, limit: 10_000)
        let lines = lines(0..<1000)
        for line in lines { output.write(line) }
        let text = pipe.read(1 << 20, within: .milliseconds(500))
        let got: [String] = text.split(separator: "\n").map { String($0) + "\n" }
        let kept = got.count - 1
        let expected = Array(lines.prefix(kept))
        #expect(got.dropLast().elementsEqual(expected))
        #expect(got.last == "\(1000 - kept) lost\n")
        #expect((10_000...16_000).contains(text.utf8.count))
    }

    @Test("keeps the lines of each thread whole and in order when many write at once into a pipe that is full")
    func crowd() {
        let pipe = Pipe()
        let output = output(pipe)
        let rest = String(repeating: "z", count: 60)
        let sent: [[String]] = (0..<4).map { writer in (0..<500).map { number in "\(writer) \(number) \(rest)" } }
        for texts in sent { #expect(OwnThread.start { for text in texts { output.write(text + "\n") } }) }
        let count = sent.joined().reduce(0) { (sum: Int, text: String) in sum + text.utf8.count + 1 }
        let got = pipe.read(count).split(separator: "\n").map(String.init)
        for (writer, texts) in sent.enumerated() {
            #expect(got.filter { $0.hasPrefix("\(writer) ") } == texts)
        }
    }

    @Test("tears no line that is not longer than what a pipe takes at once")
    func whole() {
        let pipe = Pipe()
        let output = output(pipe)
        let lines = lines(0..<500)
        for line in lines { output.write(line) }
        // The first lines came one by one, until the pipe had no room; from then on it takes a part when it is empty.
        var text = ""
        while text.utf8.count < lines.joined().utf8.count {
            let part = pipe.read(1)
            guard part.hasSuffix("\n") else {
                Issue.record("torn: \(part.suffix(100))")
                break
            }
            text += part
        }
        #expect(text == lines.joined())
    }

    @Test("waits at the end for what is not read, but only so long")
    func flush() {
        let pipe = Pipe()
        let output = output(pipe)
        let lines = lines(0..<200)
        for line in lines { output.write(line) }
        let start = ContinuousClock.now
        output.flush(within: .milliseconds(300))
        #expect((.milliseconds(300)..<(.seconds(3))).contains(ContinuousClock.now - start))
        #expect(OwnThread.start { output.flush(within: .seconds(10)) })
        #expect(pipe.read(lines.joined().utf8.count) == lines.joined())
        output.flush(within: .seconds(10))
    }

    @Test("forgets what nobody will ever read")
    func closed() {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let output = LogOutput(descriptor: ends[1]) { "\($0) lost\n" }
        close(ends[0])
        let start = ContinuousClock.now
        for line in lines(0..<100) { output.write(line) }
        output.flush(within: .seconds(10))
        #expect(ContinuousClock.now - start < .seconds(5))
        close(ends[1])
    }
}
