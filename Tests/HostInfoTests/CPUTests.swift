import FakeHost
import HostInfo
import LosslessJSON
import Testing

@Suite("The processors")
struct CPUTests {
    @Test("are described by the first of them, its highest speed and the load as short text")
    func description() throws {
        let host = try FakeHost()
        try host.write(
            "proc/cpuinfo",
            "processor\t: 0\nmodel name\t: Some  CPU @ 2.30GHz\ncpu MHz\t\t: 2299.998\n\n"
                + "processor\t: 1\nmodel name\t: Another\ncpu MHz\t\t: 800\n")
        try host.write("proc/loadavg", "0.05 0.10 2.00 1/234 5678\n")
        var info = CPUInfo(roots: host.roots, count: 2)
        #expect(
            info.json.encodedText
                == #"{"count":2,"modelName":"Some  CPU @ 2.30GHz","mhz":2299.998,"cpuCoresPercentages":[],"#
                + #""loadAvg":["0.05","0.1","2"]}"#)
        try host.write("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3400000\n")
        info = CPUInfo(roots: host.roots, count: 2)
        #expect(info.mhz == 3400)
    }

    @Test("may have another name for their model, or none, or files that are missing, empty or broken (defect 103)")
    func strange() throws {
        let host = try FakeHost()
        #expect(
            CPUInfo(roots: host.roots, count: 3).json.encodedText.hasPrefix(#"{"count":3,"cpuCoresPercentages":[]"#))
        try host.write("proc/cpuinfo", "processor : 0\nBogoMIPS : 48.00\n: :\n\nHardware : BCM2711\n")
        try host.write("proc/loadavg", "0.5 x")
        let info = CPUInfo(roots: host.roots, count: 3)
        #expect(info.modelName == "BCM2711")
        #expect(info.mhz == nil)
        #expect(info.loadAverages == [])
        try host.write("proc/cpuinfo", "")
        #expect(CPUInfo(roots: host.roots, count: 3).modelName == nil)
        #expect(CPUInfo(roots: HostRoots(), count: 3).count == 3)
        #expect(CPUInfo(roots: HostRoots()).count > 0)
    }

    @Test("are busy while they do anything but idle, each for itself")
    func percentages() throws {
        let host = try FakeHost()
        try host.write("proc/stat", "cpu  9 9 9 9\ncpu0 100 0 100 1000 0 0 0 0 0 0\ncpu1 0 0 0 10 0 0 0 0 0 0\n")
        let before = CPUTimes(roots: host.roots)
        // 1 and 1 of guests, which are in the first already and count twice, and 2 of waiting.
        try host.write(
            "proc/stat", "cpu  9 9 9 9\ncpu0 101 0 100 1006 2 0 0 0 1 0\ncpu1 0 0 0 110 0 0 0 0 0 0\nintr 1 2 3\n")
        #expect(CPUTimes(roots: host.roots).percentages(since: before) == [40, 0])
    }

    @Test("that appear, vanish, run backwards or cannot be read cost only themselves")
    func oddTimes() throws {
        let host = try FakeHost()
        try host.write("proc/stat", "cpu0 100 0 0 100\ncpu1 100 0 0 100\ncpu3 50 0 0 50\ncpux 1 1 1 1\ncpu4 1 2\n")
        let before = CPUTimes(roots: host.roots)
        try host.write(
            "proc/stat", "cpu3 60 0 0 40\ncpu0 150 0 0 150\ncpu1 90 0 0 900\ncpu2 5 0 0 5\ncpu5 1 many 1 1\n")
        #expect(CPUTimes(roots: host.roots).percentages(since: before) == [50, 0, 0, 100])
        #expect(before.percentages(since: before) == [0, 0, 0])
        try host.write("proc/stat", "")
        #expect(CPUTimes(roots: host.roots).percentages(since: before) == [])
    }
}
