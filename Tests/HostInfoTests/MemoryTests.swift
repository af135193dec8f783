import FakeHost
import HostInfo
import LosslessJSON
import Testing

@Suite("The memory")
struct MemoryTests {
    @Test("is told in whole MiB, the swap in both spellings and what is used of it (defect 98)")
    func figures() throws {
        let host = try FakeHost()
        try host.write(
            "proc/meminfo",
            "MemTotal:        4046848 kB\nMemFree:         1140000 kB\nMemAvailable:    2437120 kB\n"
                + "Buffers:          166887 kB\nCached:          1297000 kB\nSwapCached:         9999 kB\n"
                + "Active:           796000 kB\nInactive:         817000 kB\nActive(anon):  1 kB\n"
                + "SwapTotal:       1730560 kB\nSwapFree:        1729536 kB\nHugePages_Total:       0\n")
        let info = MemoryInfo(roots: host.roots)
        #expect(info.totalMiB == 3952)
        #expect(
            info.json.encodedText
                == #"{"memTotal":3952,"memFree":1113,"memAvailable":2380,"buffers":162,"cached":1266,"swapCached":1,"#
                + #""active":777,"inactive":797,"swaptotal":1690,"swapfree":1689,"swapTotal":1690,"swapFree":1689}"#)
    }

    @Test("that an old kernel does not call available is what is free and what can be freed")
    func available() throws {
        let host = try FakeHost()
        try host.write("proc/meminfo", "MemFree: 1536 kB\nBuffers: 1024 kB\nCached: 512 kB\n")
        #expect(MemoryInfo(roots: host.roots).json["memAvailable"] == 3)
    }

    @Test(
        "loses only the figures that cannot be read (defect 103)",
        arguments: [
            ("", "{}"), ("MemTotal: lots kB\nMemFree:\nCached: 2048 kB", #"{"cached":2}"#),
            ("MemTotal: -1 kB\n", "{}"), ("MemTotal: 99999999999999999 kB\n\u{1}\nActive: 1024 kB\n", #"{"active":1}"#),
            ("SwapTotal: 1024 kB\n", #"{"swaptotal":1,"swapTotal":1}"#),
        ])
    func broken(text: String, json: String) throws {
        let host = try FakeHost()
        #expect(MemoryInfo(roots: host.roots).json.encodedText == "{}")
        #expect(MemoryInfo(roots: host.roots).totalMiB == nil)
        try host.write("proc/meminfo", text)
        #expect(MemoryInfo(roots: host.roots).json.encodedText == json)
    }
}
