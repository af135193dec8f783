import FakeHost
import Foundation
import HostInfo
import LosslessJSON
import Synchronization
import Testing

@Suite("The disks")
struct DiskTests {
    private static let kinds = "nodev\tsysfs\nnodev\ttmpfs\n\text4\n\txfs\nnodev\toverlay\n"

    private func partitions(_ host: FakeHost, _ mounts: String) throws -> [String: [String]] {
        try host.write("proc/filesystems", Self.kinds)
        try host.write("proc/self/mounts", mounts)
        let partitions = MountTable(roots: host.roots).partitions
        return Dictionary(uniqueKeysWithValues: partitions.map { ($0.device, $0.paths) })
    }

    @Test("are those whose file systems need a device, and zfs")
    func kinds() throws {
        let mounts = """
            sysfs /sys sysfs rw 0 0
            /dev/sda1 / ext4 rw 0 0
            overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
            tank/data /tank zfs rw 0 0
            none /none ext4 rw 0 0
            /dev/sdb1 /with\\040blank xfs rw 0 0
            /dev/sdc
            broken

            /dev/sdd1 relative ext4 rw 0 0
            """
        let found = try partitions(FakeHost(), mounts)
        #expect(found == ["/dev/sda1": ["/"], "tank/data": ["/tank"], "/dev/sdb1": ["/with blank"]])
    }

    @Test("are looked at where they were mounted first of all, whatever is bound elsewhere (defect 97)")
    func bindMounts() throws {
        let mounts = """
            /dev/sdb1 /var/lib/kubelet/pods/1/volumes/data ext4 rw 0 0
            /dev/sdb1 /data ext4 rw 0 0
            /dev/sda1 / ext4 rw 0 0
            /dev/sda1 /etc/hosts ext4 rw 0 0
            /dev/sda1 /etc/hostname ext4 rw 0 0
            /dev/sda1 /etc/resolv.conf ext4 rw 0 0
            /dev/sdc1 /data ext4 rw 0 0
            """
        let found = try partitions(FakeHost(), mounts)
        #expect(found["/dev/sda1"] == ["/", "/etc/hosts", "/etc/hostname"])
        // The last mount at a point hides what was there before.
        #expect(found["/dev/sdb1"] == ["/var/lib/kubelet/pods/1/volumes/data"])
        #expect(found["/dev/sdc1"] == ["/data"])
    }

    @Test("do not count Docker's own thin devices, and do count those that are only named like them (defect 97)")
    func thinPools() throws {
        let mounts = """
            /dev/mapper/docker-253:1-1234-pool /a ext4 rw 0 0
            /dev/mapper/docker-253:1-1234-0123456789abcdef /b xfs rw 0 0
            /dev/mapper/docker-data /c ext4 rw 0 0
            /dev/mapper/vg-pool /d ext4 rw 0 0
            """
        #expect(try partitions(FakeHost(), mounts).keys.sorted() == ["/dev/mapper/docker-data", "/dev/mapper/vg-pool"])
    }

    @Test("are the host's and not those of our container, if the host can be looked into (defect 97)")
    func hostMounts() throws {
        let host = try FakeHost()
        try host.write("proc/1/mounts", "/dev/host / ext4 rw 0 0\n/dev/data /srv ext4 rw 0 0\n")
        let own = "/dev/own /own ext4 rw 0 0\n"
        #expect(try partitions(host, own) == ["/dev/own": ["/own"]])
        try host.write("proc/1/root/etc/hostname", "host")
        let root = host.roots.proc + "/1/root"
        #expect(try partitions(host, own) == ["/dev/host": [root], "/dev/data": [root + "/srv"]])
    }

    @Test("without a mount table are none")
    func noTable() throws {
        let host = try FakeHost()
        #expect(MountTable(roots: host.roots).partitions == [])
        #expect(try partitions(host, "") == [:])
    }

    @Test("that refuse cost only themselves, and are tried where else they are mounted (defect 97)")
    func refusal() async throws {
        let host = try FakeHost()
        _ = try partitions(
            host, "/dev/a /a ext4 rw 0 0\n/dev/b /b ext4 rw 0 0\n/dev/c /c ext4 rw 0 0\n/dev/c /elsewhere ext4 rw 0 0\n"
        )
        let probe = FileSystemProbe { path in
            ["/a", "/c"].contains(path) ? nil : FileSystemUsage(total: 100 << 20, used: 41 << 20, free: 50 << 20)
        }
        let info = await DiskInfo(roots: host.roots, probe: probe)
        let figures = #"{"free":50,"total":100,"used":41,"percentage":41}"#
        #expect(
            info.json(storageDriver: "overlay2").encodedText
                == #"{"fileSystems":{"/dev/b":{"capacity":100},"/dev/c":{"capacity":100}},"#
                + #""mountPoints":{"/dev/b":"# + figures + #","/dev/c":"# + figures + "},"
                + #""dockerStorageDriver":"overlay2","dockerStorageDriverStatus":{}}"#)
    }

    @Test(
        "that never answer hold nobody up and are not asked again until they have (defect 97)", .timeLimit(.minutes(1)))
    func hanging() async throws {
        let asked = Mutex<[String: Int]>([:])
        let gate = DispatchSemaphore(value: 0)
        let usage = FileSystemUsage(total: 3, used: 2, free: 1)
        let probe = FileSystemProbe(deadline: .milliseconds(100)) { path in
            asked.withLock { $0[path, default: 0] += 1 }
            if path.hasPrefix("/dead") { gate.wait() }
            return usage
        }
        let paths = ["/a", "/dead1", "/b", "/dead2", "/c"]
        let living: Set = ["/a", "/b", "/c"]
        let start = ContinuousClock.now
        #expect(await Set(probe.usage(of: paths).keys) == living)
        #expect(.now - start < .seconds(5))
        #expect(probe.hanging == ["/dead1", "/dead2"])
        for _ in 0..<10 { #expect(await Set(probe.usage(of: paths).keys) == living) }
        asked.withLock { #expect($0["/dead1"] == 1 && $0["/dead2"] == 1 && $0["/b"] == 11) }
        // The network is back.
        for _ in 0..<4 { gate.signal() }
        while !probe.hanging.isEmpty { await Task.yield() }
        #expect(await Set(probe.usage(of: paths).keys) == Set(paths))
    }

    @Test("that are all dead end the asking", .timeLimit(.minutes(1)))
    func allDead() async throws {
        let gate = DispatchSemaphore(value: 0)
        let probe = FileSystemProbe(deadline: .milliseconds(10)) { _ in
            gate.wait()
            return nil
        }
        #expect(await probe.usage(of: (0..<40).map { "/dead\($0)" }).isEmpty)
        #expect(probe.hanging.count == 16)
        #expect(await probe.usage(of: ["/other"]).isEmpty)
        for _ in 0..<40 { gate.signal() }
    }

    @Test("of the real system have a size, and what is free where the engine is counts in MiB (defect 94)")
    func real() async throws {
        let usage = try #require(FileSystemUsage(path: "/"))
        #expect(usage.total > 0 && usage.used <= usage.total)
        #expect(FileSystemUsage(path: "/no/such/place") == nil)
        let host = try FakeHost()
        let sizes = ["/engine": 7 << 20, ".": 5 << 20, host.roots.proc + "/1/root/engine": 9 << 20]
        let probe = FileSystemProbe { path in sizes[path].map { FileSystemUsage(total: $0, used: 0, free: $0) } }
        func free(_ directory: String) async -> Int? {
            await DiskInfo.freeMiB(in: directory, roots: host.roots, probe: probe)
        }
        #expect(await free("/engine") == 7)
        #expect(await free("/gone") == 5)
        #expect(await free("") == 5)
        try host.write("proc/1/root/etc/hostname", "host")
        #expect(await free("/engine") == 9)
    }
}
