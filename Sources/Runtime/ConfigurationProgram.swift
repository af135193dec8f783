internal import CSpawn
internal import Deadline
internal import Glibc
package import Model

/// The program that servers of the 1.6 line have run to bring a host's configuration up to date (PROTOCOL 5.13): it
/// fetches the items that it is called with, and applies them.
package struct ConfigurationProgram: Sendable {
    private let path: String
    private let directory: String
    private let environment: @Sendable () -> [String: String]
    private let deadline: Duration

    /// What is kept of the output: its end, which tells what went wrong.
    private static let outputLimit = 64 << 10
    /// Between two looks at the program.
    private static let pause = Duration.milliseconds(50)
    /// Between the request to end and the kill, for one that has run out of time.
    private static let grace = Duration.seconds(2)
    /// How long one run may take. The program downloads some small archives and starts what is in them; nobody on the
    /// server's side waits for longer.
    package static let defaultDeadline = Duration.seconds(300)

    /// - Parameters:
    ///   - path: The program's file; not searched for in `PATH`.
    ///   - directory: Where it runs.
    ///   - deadline: How long one run may take before it is ended.
    ///   - environment: All of it; asked for at each run.
    package init(
        path: String, directory: String, deadline: Duration = defaultDeadline,
        environment: @escaping @Sendable () -> [String: String]
    ) {
        self.path = path
        self.directory = directory
        self.deadline = deadline
        self.environment = environment
    }

    /// Runs it for the items. It and what it has started are ended when its time is over, or when the task is
    /// cancelled.
    package func run(_ items: [String]) async -> OperationOutcome {
        let child: Child
        do {
            child = try Child(
                [path] + items, directory: directory,
                environment: environment().sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
        } catch {
            return .configurationUpdated(exitCode: -1, output: "\(path) cannot be run: \(error)")
        }
        defer { child.close() }
        var output: [UInt8] = []
        let start = ContinuousClock.now
        while true {
            let status = child.reap()
            // What was written before the end is there by now. What the program has left running may go on writing for
            // ever, and is not waited for.
            child.read(into: &output, keeping: Self.outputLimit)
            if let status {
                return .configurationUpdated(exitCode: status, output: String(decoding: output, as: UTF8.self))
            }
            if Task.isCancelled {
                await end(child)
                return .unknown("The agent is shutting down")
            }
            guard ContinuousClock.now - start < deadline else {
                await end(child)
                child.read(into: &output, keeping: Self.outputLimit)
                let text = String(decoding: output, as: UTF8.self)
                return .configurationUpdated(
                    exitCode: -1, output: "\(text)\n\(path) was ended, for it took longer than \(deadline)")
            }
            await pass(Self.pause)
        }
    }

    private func end(_ child: Child) async {
        child.signal(SIGTERM)
        let start = ContinuousClock.now
        // A cancelled task cannot wait.
        while !Task.isCancelled, ContinuousClock.now - start < Self.grace {
            if child.reap() != nil { break }
            await pass(Self.pause)
        }
        child.signal(SIGKILL)
        if child.reap() == nil { child.reapLater() }
    }
}

/// A process of our own, in a group of its own.
private final class Child {
    private let process: pid_t
    private let pipe: CInt
    private var status: Int?

    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ code: CInt) { description = String(cString: strerror(code)) }
    }

    init(_ arguments: [String], directory: String, environment: [String]) throws(Failure) {
        var process = pid_t()
        var output: CInt = -1
        let code = Self.withTexts(arguments) { arguments in
            Self.withTexts(environment) { environment in
                start_program(directory, arguments, environment, &process, &output)
            }
        }
        guard code == 0 else { throw Failure(code) }
        self.process = process
        pipe = output
    }

    private static func withTexts<Result>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("a list with an end has a beginning") }
            return body(base)
        }
    }

    /// The exit code if it has ended; 128 and the signal's number if a signal has ended it, as a shell has it.
    func reap() -> Int? {
        if let status { return status }
        var raw: CInt = 0
        if waitpid(process, &raw, WNOHANG) == process { note(raw) }
        return status
    }

    /// Has somebody wait for the end of one that was killed: where it hangs on a disk that may be never.
    func reapLater() {
        _ = OwnThread.start { [process] in
            var raw: CInt = 0
            while waitpid(process, &raw, 0) < 0, errno == EINTR {}
        }
    }

    private func note(_ raw: CInt) {
        let signal = raw & 0x7F
        status = signal == 0 ? Int(raw >> 8 & 0xFF) : 128 + Int(signal)
    }

    /// To it and to what it has started.
    func signal(_ number: CInt) { _ = kill(-process, number) }

    /// What there is to read now, a pipe's worth of it at most: somebody may write faster than we read.
    func read(into output: inout [UInt8], keeping limit: Int) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        for _ in 0..<64 {
            let count = Glibc.read(pipe, &buffer, buffer.count)
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                return
            }
            output.append(contentsOf: buffer[..<count])
            if output.count > 2 * limit { output.removeFirst(output.count - limit) }
        }
    }

    func close() { Glibc.close(pipe) }
}
