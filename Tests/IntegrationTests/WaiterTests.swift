import Foundation
import Testing

/// The first program of containers whose address comes from a network plug-in (PROTOCOL 6.9).
struct WaiterTests {
    private static let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/network-waiter/waiter.c").path

    /// The interface is there without an address for two seconds, as a bridge is before its plug-in has asked for one.
    private static let script = """
        ip link add eth0 type bridge && ip link set eth0 up || exit 1
        "$1" echo started >"$1.out" &
        sleep 2
        [ ! -s "$1.out" ] || echo early
        [ "$2" = none ] || ip address add "$2" dev eth0 || exit 1
        for _ in $(seq 30); do [ -s "$1.out" ] || sleep 0.1; done
        [ -s "$1.out" ] || echo late
        wait
        cat "$1.out"
        """

    @Test(arguments: [
        ("10.42.9.9/16", "started\n"), ("fd00::9/64", "started\n"),
        // Every interface gives itself such an address. After ten seconds there will be no other.
        ("fe80::9/64", "late\nstarted\n"), ("none", "late\nstarted\n"),
    ])
    func `a program starts as soon as eth0 has an address, and without one after ten seconds`(
        address: String, expected: String
    ) async throws {
        let program = NSTemporaryDirectory() + "waiter-" + UUID().uuidString
        defer { for file in [program, program + ".out"] { try? FileManager.default.removeItem(atPath: file) } }
        let (built, complaints) = try await Child.run(
            "cc", ["-static", "-Wall", "-Werror", "-o", program, Self.source])
        try #require(built == .code(0), "\(complaints)")
        let (ending, output) = try await Child.run("unshare", ["-n", "sh", "-c", Self.script, "sh", program, address])
        #expect(ending == .code(0))
        #expect(output == expected)
        // What it cannot run, it says so of, with the code that a shell has for that.
        let (missing, words) = try await Child.run(
            "unshare",
            [
                "-n", "sh", "-c",
                #"ip link add eth0 type bridge && ip address add 10.1.1.1/8 dev eth0 && "$0" /no/such"#, program,
            ])
        #expect(missing == .code(127))
        #expect(words == "r: /no/such cannot be run: No such file or directory\n")
    }
}
