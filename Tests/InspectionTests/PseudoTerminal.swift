import Foundation
import Glibc
import Processes

/// A terminal with a program on it, and a person before it.
final class PseudoTerminal {
    let pid: pid_t
    private let master: Int32
    /// Kept open, so that what the terminal is set to can be seen after the program has ended.
    private let slave: Int32
    private(set) var screen: Screen
    /// What the terminal was set to before the program began.
    let settingsBefore: tcflag_t
    private(set) var size: (rows: Int, columns: Int)
    private(set) var everything = ""
    private var ending: Ending?
    private var rest: [UInt8] = []

    init(_ program: String, _ arguments: [String], rows: Int, columns: Int, environment: [String: String]) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        guard master >= 0 else { throw HarnessError("there is no /dev/ptmx: \(errno)") }
        var number: Int32 = 0
        var lock: Int32 = 0
        // TIOCSPTLCK and TIOCGPTN, which are no constants for Swift.
        guard ioctl(master, 0x4004_5431, &lock) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw HarnessError("no pseudo-terminal: \(errno)")
        }
        let path = "/dev/pts/\(number)"
        slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard slave >= 0 else { throw HarnessError("\(path) cannot be opened: \(errno)") }
        size = (rows, columns)
        screen = Screen(rows: rows, columns: columns)
        var window = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(slave, UInt(TIOCSWINSZ), &window)
        settingsBefore = Self.settings(of: slave)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Opened by the leader of a new session, it becomes the session's terminal.
        posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        // POSIX_SPAWN_SETSID
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80)
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, program, &actions, &attributes, &words, &settings)
        guard failure == 0 else { throw HarnessError("\(program) cannot be started: \(failure)") }
        pid = child
    }

    deinit {
        if ended == nil {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        close(master)
        close(slave)
    }

    /// How the program has ended; `nil` while it lives.
    var ended: Ending? {
        if ending != nil { return ending }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        ending = Ending(waitStatus: status)
        return ending
    }

    /// Whether lines are put together, keys are shown, and so on.
    var settings: tcflag_t { Self.settings(of: slave) }

    private static func settings(of file: Int32) -> tcflag_t {
        var settings = termios()
        tcgetattr(file, &settings)
        return settings.c_lflag
    }

    /// How much of what the program has written nobody has taken yet.
    var unreadBytes: Int {
        var count: Int32 = 0
        return ioctl(master, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
    }

    /// Takes what the program has written so far.
    func look() {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(master, &bytes, bytes.count)
            guard count > 0 else { return }
            rest += bytes.prefix(count)
            // A letter may have come in part.
            var whole = rest.count
            while whole > 0, whole > rest.count - 4, String(validating: rest.prefix(whole), as: UTF8.self) == nil {
                whole -= 1
            }
            let text = String(decoding: rest.prefix(whole), as: UTF8.self)
            rest.removeFirst(whole)
            everything += text
            screen.take(text)
        }
    }

    func press(_ keys: String) { _ = write(master, keys, keys.utf8.count) }

    func resize(rows: Int, columns: Int) {
        look()
        size = (rows, columns)
        screen = Screen(rows: rows, columns: columns)
        var window = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &window)
    }

    /// Waits until the person sees something.
    func wait(_ what: String, _ isThere: (PseudoTerminal) -> Bool) async throws {
        do {
            try await untilTrue(what) {
                self.look()
                return isThere(self)
            }
        } catch {
            throw HarnessError("\(error); on the screen:\n\(screen.text)")
        }
    }

    /// Waits until the program has ended, and reads all that it has left.
    func end() async throws -> Ending {
        let ending = try await eventually("the program to end") {
            self.look()
            return self.ended
        }
        look()
        return ending
    }
}
