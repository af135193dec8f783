import Foundation
import Glibc
import Model
import Processes
import Store
import Testing

@testable import Inspection

/// `state watch` on a terminal, as a person would use it.
@Suite("Watching", .serialized)
struct WatchTests {
    let directory: TemporaryDirectory
    let store: Store

    init() throws {
        directory = try TemporaryDirectory()
        store = try directory.openStore()
        try Fixture.fill(store)
    }

    private func watch(
        rows: Int = 40, columns: Int = 120, environment: [String: String] = [:]
    ) throws -> PseudoTerminal {
        let program = try AgentProcess.program("rancher-agent", namedBy: "RANCHER_AGENT_BINARY")
        return try PseudoTerminal(
            program, ["state", "watch", "--interval", "0.2", "--state-dir", directory.path], rows: rows,
            columns: columns,
            environment: ["PATH": "/usr/bin:/bin", "TERM": "xterm"].merging(environment) { $1 })
    }

    @Test("shows the state, and what changes in it, until q")
    func live() async throws {
        let terminal = try watch()
        let before = terminal.settingsBefore
        try await terminal.wait("the instance") { $0.screen.text.contains("Waiting") || $0.screen.text.contains("web") }
        try await terminal.wait("the whole of it") { $0.screen.text.contains("q quits") }
        #expect(terminal.screen.isAlternate && !terminal.screen.isCursorVisible)
        #expect(terminal.settings & tcflag_t(ICANON | ECHO) == 0)
        #expect(terminal.screen.text.contains("Last changes"))
        try store.put(
            Fixture.row(
                ResourceKey(.volume, "brand-new"), name: "brand-new", desired: "active", phase: "creating",
                settled: false))
        try await terminal.wait("the new volume") { $0.screen.text.contains("brand-new") }
        try store.deleteResource("volume:brand-new")
        try await terminal.wait("its end") { !$0.screen.text.contains("brand-new") }
        // A key that means nothing changes nothing, and is not shown.
        terminal.press("x")
        terminal.press("q")
        #expect(try await terminal.end() == .code(0))
        #expect(!terminal.screen.isAlternate && terminal.screen.isCursorVisible)
        #expect(terminal.settings == before)
        #expect(terminal.everything.hasSuffix("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l"))
        #expect(!terminal.screen.hasOverflowed)
        #expect(terminal.screen.unknown == [])
        #expect(terminal.everything.contains("\u{1B}[3"))
        for secret in Fixture.secrets { #expect(!terminal.everything.contains(secret)) }
    }

    @Test("leaves the terminal as it was, whatever ends it", arguments: ["q", "\u{3}", "\u{1C}", "TERM", "HUP", "INT"])
    func leaves(by way: String) async throws {
        let terminal = try watch()
        let before = terminal.settingsBefore
        try await terminal.wait("the screen") { $0.screen.text.contains("q quits") }
        switch way {
        case "TERM": kill(terminal.pid, SIGTERM)
        case "HUP": kill(terminal.pid, SIGHUP)
        case "INT": kill(terminal.pid, SIGINT)
        default: terminal.press(way)
        }
        #expect(try await terminal.end() == .code(0))
        #expect(!terminal.screen.isAlternate && terminal.screen.isCursorVisible)
        #expect(terminal.settings == before)
    }

    @Test("ends also when the output is halted, and takes that back")
    func halted() async throws {
        let terminal = try watch()
        let before = terminal.settingsBefore
        try await terminal.wait("the screen") { $0.screen.text.contains("q quits") }
        terminal.press("\u{13}")
        // Halted: nothing new comes for longer than it takes to paint.
        var paints = -1
        try await terminal.wait("the end of the output") { terminal in
            defer { paints = terminal.screen.paints }
            usleep(600_000)
            return terminal.screen.paints == paints
        }
        kill(terminal.pid, SIGTERM)
        #expect(try await terminal.end() == .code(0))
        #expect(!terminal.screen.isAlternate && terminal.screen.isCursorVisible)
        #expect(terminal.settings == before)
    }

    @Test("ends when nobody reads what it writes")
    func unread() async throws {
        let terminal = try watch(rows: 200, columns: 400)
        try await terminal.wait("the screen") { $0.screen.text.contains("q quits") }
        // It goes on writing until nothing more is taken of it.
        var before = 0
        try await untilTrue("a terminal that is full") {
            terminal.press("r")
            let unread = terminal.unreadBytes
            defer { before = unread }
            // Longer than between two paints.
            usleep(500_000)
            return unread > 0 && unread == before && terminal.unreadBytes == unread
        }
        kill(terminal.pid, SIGTERM)
        try await untilTrue("the end, unread") { terminal.ended != nil }
        #expect(terminal.ended == .code(0))
    }

    @Test("fits every terminal", arguments: [(10, 20), (24, 40), (24, 80), (50, 200), (3, 30)])
    func fits(rows: Int, columns: Int) async throws {
        let terminal = try watch(rows: rows, columns: columns)
        try await terminal.wait("two paints") {
            $0.screen.paints >= 2 && $0.screen.rows.last.map { String($0).hasPrefix("q quits") } == true
        }
        #expect(!terminal.screen.hasOverflowed)
        #expect(terminal.screen.unknown == [])
        #expect(terminal.screen.text.contains(columns >= 80 ? "rancher-agent state, 2" : "rancher-agent"))
        terminal.press("q")
        #expect(try await terminal.end() == .code(0))
    }

    @Test("is painted anew when the window changes its size")
    func resized() async throws {
        let terminal = try watch(rows: 40, columns: 120)
        try await terminal.wait("the wide screen") { $0.screen.text.contains("CONTAINER") }
        terminal.resize(rows: 12, columns: 40)
        try await terminal.wait("the narrow screen") {
            $0.screen.paints >= 1 && !$0.screen.text.contains("CONTAINER")
                && $0.screen.rows[11].starts(with: "q quits")
        }
        // What was on its way when the size changed has been painted over.
        let paints = terminal.screen.paints
        try await terminal.wait("another paint") { $0.screen.paints > paints }
        #expect(terminal.screen.unknown == [])
        terminal.resize(rows: 30, columns: 150)
        try await terminal.wait("the wide screen again") { $0.screen.text.contains("CONTAINER") }
        terminal.press("q")
        #expect(try await terminal.end() == .code(0))
    }

    @Test("scrolls where there is more than fits")
    func scrolls() async throws {
        let terminal = try watch(rows: 10, columns: 80)
        try await terminal.wait("the first lines") { $0.screen.text.contains("0 lines above") }
        #expect(terminal.screen.text.contains("rancher-agent state, 2"))
        terminal.press("j")
        try await terminal.wait("one line down") { $0.screen.text.contains("1 lines above") }
        #expect(!terminal.screen.text.contains("rancher-agent state, 2"))
        terminal.press("\u{1B}[6~\u{1B}[6~\u{1B}[6~\u{1B}[6~\u{1B}[6~\u{1B}[6~")
        try await terminal.wait("the end") { $0.screen.text.contains(", 0 below") }
        #expect(terminal.screen.text.contains("→"))
        terminal.press("\u{1B}[5~\u{1B}[5~\u{1B}[5~\u{1B}[5~\u{1B}[5~\u{1B}[5~k\u{1B}[A")
        try await terminal.wait("the beginning") { $0.screen.text.contains("rancher-agent state, 2") }
        terminal.press("Q")
        #expect(try await terminal.end() == .code(0))
    }

    @Test("is plain where no colours are wanted")
    func plain() async throws {
        let terminal = try watch(environment: ["NO_COLOR": "1"])
        try await terminal.wait("the screen") { $0.screen.text.contains("q quits") }
        terminal.press("q")
        #expect(try await terminal.end() == .code(0))
        #expect(!terminal.everything.contains(#/\u{1B}\[[0-9]*m/#))
    }

    @Test("goes on when there is nothing to read, and shows what there is as soon as there is something")
    func comesAndGoes() async throws {
        let other = try TemporaryDirectory()
        let program = try AgentProcess.program("rancher-agent", namedBy: "RANCHER_AGENT_BINARY")
        let terminal = try PseudoTerminal(
            program, ["state", "watch", "--interval", "0.2", "--state-dir", other.path], rows: 24, columns: 80,
            environment: ["TERM": "xterm"])
        try await terminal.wait("the reason") { $0.screen.text.contains("No state at") }
        let store = try other.openStore()
        try Fixture.fill(store)
        try await terminal.wait("the state") { $0.screen.text.contains("nginx:latest") }
        terminal.press("q")
        #expect(try await terminal.end() == .code(0))
        withExtendedLifetime((other, store)) {}
    }

    @Test("can be stopped like any program, and is painted anew when it goes on")
    func suspended() async throws {
        let terminal = try watch()
        let before = terminal.settingsBefore
        try await terminal.wait("the screen") { $0.screen.text.contains("q quits") }
        // A session without a shell ignores the key, so it is told as a shell would tell it.
        kill(terminal.pid, SIGTSTP)
        try await terminal.wait("the terminal given back") { !$0.screen.isAlternate && $0.settings == before }
        #expect(terminal.ended == nil)
        try await untilTrue("the program to be stopped") {
            let state = try String(contentsOfFile: "/proc/\(terminal.pid)/stat", encoding: .utf8)
            return state.split(separator: ")").last?.hasPrefix(" T") == true
        }
        kill(terminal.pid, SIGCONT)
        try await terminal.wait("the screen again") { $0.screen.isAlternate && $0.screen.text.contains("q quits") }
        terminal.press("q")
        #expect(try await terminal.end() == .code(0))
        #expect(terminal.settings == before)
    }

    @Test("Keys are what terminals send for them")
    func keys() {
        #expect(WatchScreen.keys(in: Array("qQ\u{3}".utf8)) == [.quit, .quit, .quit])
        #expect(
            WatchScreen.keys(in: Array("\u{1B}[A\u{1B}OB\u{1B}[5~\u{1B}[6~".utf8)) == [.up, .down, .pageUp, .pageDown])
        #expect(WatchScreen.keys(in: Array("kj b".utf8)) == [.up, .down, .pageDown, .pageUp])
        #expect(WatchScreen.keys(in: Array("\u{1B}\u{1B}[1;5Cäx".utf8)) == [])
        #expect(WatchScreen.keys(in: [0x1B]) == [] && WatchScreen.keys(in: []) == [])
    }

    @Test("A window never shows less than it could, nor more than there is")
    func window() {
        var screen = WatchScreen(size: .init(rows: 4, columns: 20))
        screen.show("1\n2\n3\n4\n5")
        #expect(screen.top == 0)
        for _ in 0..<9 { screen.pressed(.down) }
        #expect(screen.top == 2)
        screen.pressed(.pageUp)
        #expect(screen.top == 0)
        screen.pressed(.pageDown)
        screen.show("1\n2")
        #expect(screen.top == 0)
        #expect(screen.painted(isColoured: false) == "\u{1B}[H1\u{1B}[K\r\n2\u{1B}[K\r\n\u{1B}[K\r\nq quits\u{1B}[K")
    }
}
