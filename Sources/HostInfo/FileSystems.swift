internal import Deadline
internal import Glibc
internal import Synchronization

/// How much of a file system is used, in bytes.
package struct FileSystemUsage: Sendable, Hashable {
    package var total: Int
    package var used: Int
    /// To whoever is not root.
    package var free: Int

    package init(total: Int, used: Int, free: Int) {
        self.total = total
        self.used = used
        self.free = free
    }

    /// Asks the system, which may take for ever when a network is in between; `nil` if it refuses.
    package init?(path: String) {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let block = Int(clamping: status.f_frsize)
        func bytes(_ blocks: UInt) -> Int { Int(clamping: blocks).multipliedReportingOverflow(by: block).partialValue }
        self.init(
            total: bytes(status.f_blocks), used: bytes(status.f_blocks &- status.f_bfree),
            free: bytes(status.f_bavail))
    }
}

/// Asks for the usage of file systems, each of which may never answer: such a one costs a thread and the deadline
/// once, and is not asked again while its call has not come back.
package final class FileSystemProbe: Sendable {
    private let deadline: Duration
    private let ask: @Sendable (String) -> FileSystemUsage?
    /// The paths whose call is out. A call from an earlier round is one that hangs.
    private let out = Mutex<Set<String>>([])
    /// Calls that may hang at a time; with so many dead file systems nothing more is asked.
    private static let hangLimit = 16

    /// - Parameters:
    ///   - deadline: For a round of questions, from the last one that was found to hang.
    ///   - ask: Gives the usage for a path, `nil` if that is refused; may never return.
    package init(
        deadline: Duration = .seconds(1),
        ask: @escaping @Sendable (String) -> FileSystemUsage? = { FileSystemUsage(path: $0) }
    ) {
        self.deadline = deadline
        self.ask = ask
    }

    /// The paths that have been asked for and have not answered.
    package var hanging: Set<String> { out.withLock { $0 } }

    /// The usage by path, of those that answered. One round at a time.
    package func usage(of paths: [String]) async -> [String: FileSystemUsage] {
        var found: [String: FileSystemUsage] = [:]
        var left = paths
        // At worst each hangs in a round of its own.
        for _ in 0...paths.count where !left.isEmpty && !Task.isCancelled {
            let hanging = hanging
            guard hanging.count < Self.hangLimit else { break }
            left.removeAll { hanging.contains($0) }
            let (answers, isDone) = await round(left)
            for (path, usage) in answers { found[path] = usage }
            if isDone { break }
            let answered = Set(answers.map(\.0))
            left.removeAll { answered.contains($0) }
        }
        return found
    }

    private typealias Answer = (String, FileSystemUsage?)

    /// Asks for one path after the other on one thread, until one of them hangs.
    private func round(_ paths: [String]) async -> (answers: [Answer], isDone: Bool) {
        let (stream, answers) = AsyncStream.makeStream(of: Answer.self)
        let isStarted = OwnThread.start {
            for path in paths {
                // Nobody reads any more: the round is over, and this thread hung until now.
                guard self.out.withLock({ $0.insert(path).inserted }) else { continue }
                let usage = self.ask(path)
                _ = self.out.withLock { $0.remove(path) }
                if case .terminated = answers.yield((path, usage)) { return }
            }
            answers.finish()
        }
        guard isStarted else { return ([], true) }
        return await withTaskGroup(of: (answers: [Answer], isDone: Bool)?.self) { group in
            group.addTask {
                var collected: [Answer] = []
                for await answer in stream { collected.append(answer) }
                return (collected, !Task.isCancelled)
            }
            group.addTask { [deadline] in
                await pass(deadline)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            if let first { return first }
            return (await group.next() ?? nil) ?? ([], false)
        }
    }
}
