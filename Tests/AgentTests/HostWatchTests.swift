import FakeHost
import Foundation
import HostInfo
import Logging
import Synchronization
import Testing

@testable import Agent

@Suite("The figures of the host")
struct HostWatchTests {
    private static let silence = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    private func fakeHost() throws -> FakeHost {
        let host = try FakeHost()
        try host.write("proc/stat", "cpu0 1 0 0 1\ncpu1 1 0 0 1\n")
        try host.write("proc/meminfo", "MemTotal: 2097152 kB\n")
        try host.write("proc/filesystems", "\text4\n")
        try host.write("proc/self/mounts", "/dev/a /a ext4 rw 0 0\n/dev/b /b ext4 rw 0 0\n")
        return host
    }

    private func watch(
        _ host: FakeHost, interval: Duration = .zero, sample: Duration = .milliseconds(1),
        keyInterval: Duration = .seconds(60), stateDirectory: String? = nil, probe: FileSystemProbe
    ) -> HostWatch {
        let configuration = AgentConfiguration(environment: [
            "HOST_PROC": host.roots.proc, "HOST_SYS": host.roots.sys, "HOST_ETC": host.roots.etc,
            "CATTLE_STATE_DIR": stateDirectory ?? host.state, "CATTLE_HOST_KEY_FILE": host.directory + "/host.key",
        ])
        return HostWatch(
            configuration: configuration, engineDirectory: { "/engine" }, probe: probe,
            limits: HostLimits(
                cpuSample: sample, refreshInterval: interval, readDeadline: .milliseconds(500),
                keyInterval: keyInterval),
            logger: Self.silence)
    }

    private static let usage = FileSystemUsage(total: 4 << 20, used: 1 << 20, free: 3 << 20)

    @Test("are all there after the first sample", .timeLimit(.minutes(1)))
    func all() async throws {
        let host = try fakeHost()
        let watch = watch(host, probe: FileSystemProbe { _ in Self.usage })
        #expect(watch.snapshot == nil)
        try await running(watch) {
            try await waitFor { watch.snapshot?.freeStorageMiB != nil }
            let snapshot = try #require(watch.snapshot)
            #expect(snapshot.memoryBytes == 2 << 30)
            #expect(snapshot.cpu.percentages == [0, 0])
            #expect(snapshot.disk.usage.map(\.device) == ["/dev/a", "/dev/b"])
            #expect(snapshot.freeStorageMiB == 3)
            #expect(snapshot.key != nil)
        }
    }

    @Test("are there but for the processors' during the first sample", .timeLimit(.minutes(1)))
    func duringTheSample() async throws {
        let host = try fakeHost()
        defer { withExtendedLifetime(host) {} }
        let watch = watch(host, sample: .seconds(100), probe: FileSystemProbe { _ in Self.usage })
        try await running(watch) {
            try await waitFor { watch.snapshot?.key != nil }
            #expect(watch.snapshot?.disk.usage.count == 2)
            #expect(watch.snapshot?.cpu.percentages == [])
        }
    }

    @Test("lack only the disk that hangs (defect 97)", .timeLimit(.minutes(1)))
    func hungDisk() async throws {
        let host = try fakeHost()
        defer { withExtendedLifetime(host) {} }
        let gate = DispatchSemaphore(value: 0)
        defer { gate.signal() }
        let probe = FileSystemProbe(deadline: .milliseconds(50)) { path in
            if path == "/a" { gate.wait() }
            return Self.usage
        }
        let watch = watch(host, probe: probe)
        try await running(watch) {
            try await waitFor { watch.snapshot?.freeStorageMiB != nil }
            #expect(watch.snapshot?.disk.usage.map(\.device) == ["/dev/b"])
            #expect(watch.snapshot?.key != nil)
            #expect(watch.snapshot?.cpu.percentages.count == 2)
        }
    }

    @Test(
        "lack only the host key when that cannot be read, and have it once it can (defect 99)", .timeLimit(.minutes(1)))
    func brokenKey() async throws {
        let host = try fakeHost()
        try host.write("host.key", "broken")
        let watch = watch(host, keyInterval: .zero, probe: FileSystemProbe { _ in Self.usage })
        try await running(watch) {
            try await waitFor { watch.snapshot?.freeStorageMiB != nil }
            #expect(watch.snapshot?.key == nil)
            #expect(watch.snapshot?.disk.usage.count == 2)
            try FileManager.default.removeItem(atPath: host.directory + "/host.key")
            watch.refresh()
            try await waitFor { watch.snapshot?.key != nil }
        }
    }

    @Test("read the host key once, whatever becomes of the file (defect 99)", .timeLimit(.minutes(1)))
    func keyOnce() async throws {
        let host = try fakeHost()
        let watch = watch(host, probe: FileSystemProbe { _ in Self.usage })
        try await running(watch) {
            try await waitFor { watch.snapshot?.freeStorageMiB != nil }
            let key = watch.snapshot?.key
            try FileManager.default.removeItem(atPath: host.directory + "/host.key")
            try host.write("proc/meminfo", "MemTotal: 4194304 kB\n")
            try await waitFor {
                watch.refresh()
                return watch.snapshot?.memoryBytes == 4 << 30
            }
            #expect(watch.snapshot?.key == key)
        }
    }

    @Test("hold nobody up while the disk of the state hangs, and come when that is over", .timeLimit(.minutes(1)))
    func hungState() async throws {
        let host = try fakeHost()
        defer { withExtendedLifetime(host) {} }
        let disk = try HungDisk()
        defer { disk.release() }
        let watch = watch(host, stateDirectory: disk.path, probe: FileSystemProbe { _ in Self.usage })
        try await running(watch) { try await Task.sleep(for: .milliseconds(100)) }
        #expect(watch.snapshot == nil)
        disk.release()
        let later = self.watch(host, stateDirectory: disk.path, probe: FileSystemProbe { _ in Self.usage })
        try await running(later) { try await waitFor { later.snapshot?.freeStorageMiB != nil } }
    }

    @Test("are collected anew once however many pings come in the meantime", .timeLimit(.minutes(1)))
    func coalesced() async throws {
        let host = try fakeHost()
        defer { withExtendedLifetime(host) {} }
        let rounds = Mutex(0)
        let probe = FileSystemProbe { path in
            if path == "/a" { rounds.withLock { $0 += 1 } }
            return Self.usage
        }
        let watch = watch(host, interval: .milliseconds(300), probe: probe)
        try await running(watch) {
            try await waitFor { watch.snapshot?.freeStorageMiB != nil }
            let start = ContinuousClock.now
            for _ in 0..<1000 { watch.refresh() }
            try await waitFor { rounds.withLock { $0 } == 2 }
            #expect(.now - start < .seconds(10))
            for _ in 0..<1000 { watch.refresh() }
            try await waitFor { rounds.withLock { $0 } == 3 }
        }
    }

    @Test("hold nobody up who stops the agent", .timeLimit(.minutes(1)))
    func stop() async throws {
        let host = try fakeHost()
        defer { withExtendedLifetime(host) {} }
        let watch = watch(host, sample: .seconds(100), probe: FileSystemProbe { _ in Self.usage })
        var start = ContinuousClock.now
        try await running(watch) {
            try await waitFor { watch.snapshot?.key != nil }
            start = .now
        }
        #expect(.now - start < .seconds(1))
    }
}
