import Deadline
import Foundation
import Testing

@testable import ContainerNetwork

@Suite("The network namespace of a container", .timeLimit(.minutes(1)), .serialized)
struct NamespaceTests {
    @Test("shows the first IPv4 address of eth0 as soon as there is one, and of no other link")
    func address() async throws {
        let state = try StateDirectory()
        let container = try NamespaceProcess()
        let missing = "eth0 is missing or has no IPv4 address"
        #expect(await state.look(pid: container.pid) == .notYet(missing))
        try container.ip("link", "add", "eth01", "type", "bridge")
        try container.ip("address", "add", "10.42.9.9/16", "dev", "eth01")
        #expect(await state.look(pid: container.pid) == .notYet(missing))
        try container.ip("link", "add", "eth0", "type", "bridge")
        #expect(await state.look(pid: container.pid) == .notYet(missing))
        try container.ip("address", "add", "fd00::7/64", "dev", "eth0")
        #expect(await state.look(pid: container.pid) == .notYet(missing))
        try container.ip("address", "add", "10.42.1.7/16", "dev", "eth0")
        #expect(await state.look(pid: container.pid) == .address("10.42.1.7"))
        try container.ip("address", "add", "10.43.1.8/16", "dev", "eth0")
        #expect(await state.look(pid: container.pid) == .address("10.42.1.7"))
        // The file comes first.
        try state.write(#"{"IP4":{"IP":"10.42.12.7/16"}}"#)
        #expect(await state.look(pid: container.pid) == .address("10.42.12.7"))
        try state.write(#"{"Error":"no free address"}"#)
        #expect(await state.look(pid: container.pid) == .failed("no free address"))
    }

    @Test("is found by an address that carries a label of its own")
    func label() async throws {
        let state = try StateDirectory()
        let container = try NamespaceProcess()
        try container.ip("link", "add", "eth0", "type", "bridge")
        try container.ip("address", "add", "10.42.1.7/16", "dev", "eth0", "label", "eth0:cni")
        #expect(await state.look(pid: container.pid) == .address("10.42.1.7"))
    }

    @Test("of a process that is gone, or a file that is none, shows nothing yet (defect 47)")
    func gone() async throws {
        let state = try StateDirectory()
        let container = try NamespaceProcess()
        let pid = container.pid
        container.end()
        #expect(
            await state.look(pid: pid) == .notYet("cannot open /proc/\(pid)/ns/net: No such file or directory"))
        #expect(await state.look(pid: 0).reason == "the container has no process")
        #expect(await state.look(pid: -1).reason == "the container has no process")
        let root = state.path + "/proc"
        try FileManager.default.createDirectory(atPath: root + "/7/ns", withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: root + "/7/ns/net"))
        #expect(
            await state.look(procRoot: root, pid: 7) == .notYet("cannot join \(root)/7/ns/net: Invalid argument"))
        mkfifo(root + "/7/ns/fifo", 0o600)
        rename(root + "/7/ns/fifo", root + "/7/ns/net")
        #expect(await state.look(procRoot: root, pid: 7).reason != nil)
    }

    @Test("is looked at from another root of the processes")
    func procRoot() async throws {
        let state = try StateDirectory()
        let container = try NamespaceProcess()
        try container.ip("link", "add", "eth0", "type", "bridge")
        try container.ip("address", "add", "10.42.1.7/16", "dev", "eth0")
        let root = state.path + "/host"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: root + "/1", withDestinationPath: "/proc/\(container.pid)")
        #expect(await state.look(procRoot: root, pid: 1) == .address("10.42.1.7"))
    }

    @Test("is left to its own threads: ours stay where they were, and none and no file is left behind")
    func threads() async throws {
        func count(_ folder: String) -> Int {
            (try? FileManager.default.contentsOfDirectory(atPath: folder))?.count ?? 0
        }
        func namespaces() throws -> Set<String> {
            // A thread may end while it is asked.
            let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
            return Set(tasks.compactMap { try? NamespaceProcess.namespace(of: "self/task/\($0)") })
        }
        let own = try NamespaceProcess.namespace(of: "self")
        let state = try StateDirectory()
        let container = try NamespaceProcess()
        try container.ip("link", "add", "eth0", "type", "bridge")
        try container.ip("address", "add", "10.42.1.7/16", "dev", "eth0")
        let lookup = AddressLookup(stateDirectories: [state.path])
        let pid = container.pid
        func lookMany() async -> [AddressSighting] {
            await withTaskGroup(of: AddressSighting.self) { group in
                for _ in 0..<20 {
                    group.addTask { await lookup.look(containerID: "a", startedAt: "b", pid: pid) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }
        // So that the pools have the threads they want.
        _ = await lookMany()
        let files = count("/proc/self/fd")
        let threads = count("/proc/self/task")
        for _ in 0..<10 {
            let sightings = await lookMany()
            #expect(sightings == Array(repeating: .address("10.42.1.7"), count: 20))
        }
        #expect(lookup.looks.count == 0)
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end, count("/proc/self/task") > threads + 4 || count("/proc/self/fd") > files {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(count("/proc/self/task") <= threads + 4)
        #expect(count("/proc/self/fd") <= files)
        let seen = try namespaces()
        #expect(seen == [own])
    }

    @Test("is joined by no thread that goes on, as whatever that one starts would be in it as well")
    func callingThread() throws {
        let container = try NamespaceProcess()
        let path = "/proc/\(container.pid)/ns/net"
        // A thread of its own, so that none of the pool is lost if this goes wrong.
        let after = OwnThread.result {
            _ = NetworkNamespace.firstAddress(ofLink: "eth0", in: path)
            return try? NamespaceProcess.namespace(of: "thread-self")
        }
        let own = try NamespaceProcess.namespace(of: "self")
        #expect(after == own)
    }
}
