internal import Deadline
internal import Glibc
internal import Synchronization

/// Takes the lines of the log, and never lets anybody wait for whoever reads them.
///
/// In a container the log is a pipe that the engine reads. One that hangs reads nothing, and when the pipe is full
/// everybody who writes into it stands still. Here the lines wait in memory then, as far as there is room, and are
/// written by a thread of their own as soon as somebody reads again. Until then, and afterwards, no thread is needed.
final class LogOutput: TextOutputStream, Sendable {
    private struct State {
        /// What the descriptor has not taken, oldest first.
        var backlog: [UInt8] = []
        /// Lines for which there was no room.
        var lost = 0
        /// A thread sees to the backlog.
        var isDraining = false

        /// Says, where they would stand, that there are lines missing.
        mutating func noticeLoss(_ notice: (Int) -> String) {
            guard lost > 0 else { return }
            backlog += notice(lost).utf8
            lost = 0
        }
    }

    private let state = Mutex(State())
    private let descriptor: Int32
    private let limit: Int
    private let noticeOfLoss: @Sendable (Int) -> String

    /// - Parameters:
    ///   - descriptor: Open for writing. It is not closed.
    ///   - limit: The bytes that may wait.
    ///   - noticeOfLoss: The line, with its end, that takes the place of so many lines for which there was no room.
    init(descriptor: Int32, limit: Int = 1 << 20, noticeOfLoss: @escaping @Sendable (Int) -> String) {
        self.descriptor = descriptor
        self.limit = limit
        self.noticeOfLoss = noticeOfLoss
    }

    /// Writes a line, which has its end, now or later; at once in any case.
    func write(_ line: String) {
        let needsThread = state.withLock { state in
            if state.backlog.isEmpty {
                var line = line
                state.backlog = line.withUTF8 { Array($0[writeWhatFits($0)...]) }
                if state.backlog.isEmpty { return false }
            } else if state.backlog.count + line.utf8.count <= limit {
                state.noticeLoss(noticeOfLoss)
                state.backlog += line.utf8
            } else {
                state.lost += 1
            }
            defer { state.isDraining = true }
            return !state.isDraining
        }
        guard needsThread, !OwnThread.start({ self.drain(until: nil) }) else { return }
        // The next line tries again.
        state.withLock { $0.isDraining = false }
    }

    /// Waits until all of it is written, but not for ever: who ends the process has the last word.
    func flush(within patience: Duration) {
        drain(until: .now + patience)
    }

    private func drain(until end: ContinuousClock.Instant?) {
        while end.map({ $0 > .now }) ?? true {
            let isDone = state.withLock { state in
                let count = state.backlog.withUnsafeBufferPointer { writeWhatFits($0) }
                state.backlog.removeFirst(count)
                guard state.backlog.isEmpty else { return false }
                state.noticeLoss(noticeOfLoss)
                guard state.backlog.isEmpty else { return false }
                // Nothing of the room that was needed is kept.
                state.backlog = []
                if end == nil { state.isDraining = false }
                return true
            }
            if isDone { return }
            _ = isReady(within: 100)
        }
    }

    /// Writes without waiting for a reader.
    ///
    /// - Returns: How much of it needs no more writing. That includes what can never be written: nobody is there to read
    ///   it, or a disk is full.
    private func writeWhatFits(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var count = 0
        while count < bytes.count, isReady(within: 0) {
            // So much finds room in a pipe or a socket that is ready at all, and is not torn by what others write. No
            // line is cut that is not longer itself.
            var part = UnsafeRawBufferPointer(bytes)[count..<min(bytes.count, count + Int(PIPE_BUF))]
            if part.endIndex < bytes.count, let end = part.lastIndex(of: UInt8(ascii: "\n")) { part = part[...end] }
            let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: part).baseAddress, part.count)
            if written >= 0 {
                count += written
            } else if errno == EAGAIN {
                break
            } else if errno != EINTR {
                count += part.count
            }
        }
        return count
    }

    /// Whether a write would not have to wait, be it because it would fail.
    private func isReady(within milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, milliseconds) > 0
    }
}

extension LogOutput {
    /// The standard output or error of this process.
    convenience init(_ stream: StandardStream, noticeOfLoss: @escaping @Sendable (Int) -> String) {
        self.init(descriptor: Self.withoutWaiting(stream.rawValue), noticeOfLoss: noticeOfLoss)
    }

    /// A descriptor that is written to like this one, and never waits where a terminal is full: that may have less room
    /// than a write needs, although it is ready for one. What others do with this one is not changed by it.
    ///
    /// - Returns: The same one for all but terminals, and where the terminal cannot be opened again.
    static func withoutWaiting(_ descriptor: Int32) -> Int32 {
        guard isatty(descriptor) == 1 else { return descriptor }
        let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        return own >= 0 ? own : descriptor
    }
}
