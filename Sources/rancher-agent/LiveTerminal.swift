import FoundationEssentials
import Inspection

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The terminal of a command that paints all of it and takes keys.
///
/// When the command ends, the terminal is as it was before: signals that ask for its end are noticed here and end it in
/// the ordinary way. A crash, or a signal that cannot be caught, leaves the terminal taken; `reset` gives it back.
struct LiveTerminal {
    /// What a wait ended with.
    enum Happening {
        case time
        case keys([WatchScreen.Key])
        case resized
        case suspended
        /// A signal asked for the end, or the terminal is gone.
        case ended
    }

    let isColoured: Bool
    private let takesKeys: Bool
    private let original: termios?

    /// `nil` if the standard output is no terminal.
    init?() {
        guard isatty(STDOUT_FILENO) == 1, SignalPipe.open() else { return nil }
        isColoured = Terminal.style(environment: StatePlace.environment).isColoured
        takesKeys = isatty(STDIN_FILENO) == 1
        var settings = termios()
        original = takesKeys && tcgetattr(STDIN_FILENO, &settings) == 0 ? settings : nil
    }

    var size: WatchScreen.Size {
        var window = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_row > 0, window.ws_col > 0 else {
            return WatchScreen.Size(rows: 24, columns: 80)
        }
        return WatchScreen.Size(rows: Int(window.ws_row), columns: Int(window.ws_col))
    }

    /// Takes the terminal: the other screen, no cursor, keys as they are pressed and unseen.
    func enter() {
        if var settings = original {
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
            _ = tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        }
        write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
    }

    /// Gives it back.
    func leave() {
        if var settings = original { _ = tcsetattr(STDIN_FILENO, TCSANOW, &settings) }
        // Somebody may have halted the output with Ctrl-S; only what was halted from here can be let go from here.
        _ = tcflow(STDOUT_FILENO, TCOOFF)
        _ = tcflow(STDOUT_FILENO, TCOON)
        write((isColoured ? "\u{1B}[0m" : "") + "\u{1B}[?25h\u{1B}[?1049l", until: .now + .seconds(1))
    }

    /// Gives the terminal back for as long as the process is stopped.
    func suspend() {
        leave()
        kill(getpid(), SIGSTOP)
        enter()
    }

    /// Writes, for as long as nothing asks for the end: nobody may be there who reads.
    ///
    /// - Parameters:
    ///   - text: Written as it is, with its control sequences.
    ///   - moment: From then on no longer, but until then in any case; `nil` for as long as it takes.
    /// - Returns: false if the terminal is gone, or did not take all of it.
    @discardableResult
    func write(_ text: String, until moment: ContinuousClock.Instant? = nil) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            if let moment { if moment < .now { return false } } else if SignalPipe.isEndAsked { return false }
            var output = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
            let isReady = poll(&output, 1, 100)
            if isReady == 0 || isReady < 0 && errno == EINTR { continue }
            let count = rest.withUnsafeBytes { systemWrite(STDOUT_FILENO, $0.baseAddress, min($0.count, 1024)) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Waits for a key, a signal, or a moment.
    func wait(until moment: ContinuousClock.Instant) -> Happening {
        while true {
            let left = max((moment - .now) / .milliseconds(1), 0)
            var sources = [
                pollfd(fd: SignalPipe.reader, events: Int16(POLLIN), revents: 0),
                pollfd(fd: takesKeys ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&sources, 2, Int32(min(left.rounded(.up), 3_600_000)))
            if count == 0 { return .time }
            if count < 0 {
                if errno == EINTR { continue }
                return .ended
            }
            if sources[0].revents != 0, let notice = SignalPipe.next() {
                switch notice {
                case .ended: return .ended
                case .suspended: return .suspended
                case .resized: return .resized
                }
            }
            if sources[1].revents != 0 {
                var bytes = [UInt8](repeating: 0, count: 256)
                let length = read(STDIN_FILENO, &bytes, bytes.count)
                // Nobody is at the other end any more.
                guard length > 0 else {
                    if length < 0, errno == EINTR || errno == EAGAIN { continue }
                    return .ended
                }
                let keys = WatchScreen.keys(in: Array(bytes.prefix(length)))
                if !keys.isEmpty { return .keys(keys) }
            }
        }
    }
}

/// `write` of the system; the name means something else within the terminal.
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(file, bytes, count) }
