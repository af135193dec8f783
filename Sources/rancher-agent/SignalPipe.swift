import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Signals as bytes that can be waited for together with keys. A handler may do little more than write one.
enum SignalPipe {
    /// What signals ask for.
    enum Notice {
        case ended
        case suspended
        case resized
    }

    private static let readingEnd = Atomic<Int32>(-1)
    private static let writingEnd = Atomic<Int32>(-1)

    private static let endIsAsked = Atomic<Bool>(false)

    /// A signal has asked for the end.
    static var isEndAsked: Bool { endIsAsked.load(ordering: .relaxed) }

    static var reader: Int32 { readingEnd.load(ordering: .relaxed) }

    /// Catches the signals that end a command, stop it, or tell that the window has another size.
    static func open() -> Bool {
        var files: [Int32] = [-1, -1]
        guard pipe(&files) == 0 else { return false }
        for file in files {
            _ = fcntl(file, F_SETFD, FD_CLOEXEC)
            _ = fcntl(file, F_SETFL, O_NONBLOCK)
        }
        readingEnd.store(files[0], ordering: .relaxed)
        writingEnd.store(files[1], ordering: .relaxed)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in SignalPipe.caught(number) }
            sigemptyset(&action.sa_mask)
            // Without SA_RESTART: a write to a terminal that nobody reads shall end.
            action.sa_flags = 0
            sigaction(signal, &action, nil)
        }
        // A terminal that is gone shows itself where it is written to.
        signal(SIGPIPE, SIG_IGN)
        return true
    }

    private static func caught(_ number: Int32) {
        let before = errno
        if number != SIGWINCH, number != SIGTSTP { endIsAsked.store(true, ordering: .relaxed) }
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(writingEnd.load(ordering: .relaxed), &byte, 1)
        errno = before
    }

    /// What the signals since the last look come down to; `nil` if there are none.
    static func next() -> Notice? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let length = read(reader, &bytes, bytes.count)
        guard length > 0 else { return nil }
        let numbers = Set(bytes.prefix(length).map(Int32.init))
        if !numbers.isDisjoint(with: [SIGINT, SIGTERM, SIGHUP, SIGQUIT]) { return .ended }
        return numbers.contains(SIGTSTP) ? .suspended : .resized
    }
}
