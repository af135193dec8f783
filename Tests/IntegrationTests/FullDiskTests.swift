import FaultProxy
import Foundation
import Glibc
import LosslessJSON
import RancherSimulator
import Synchronization
import Testing

/// The disk under the database fills up in the middle of everything, and is emptied again.
@Suite(.serialized, .engineDifferences)
struct FullDiskTests {
    /// A play whose state directory is a small disk, which goes after the agent has ended.
    private func onSmallDisk(
        in dialect: Dialect, kibibytes: Int, isProxied: Bool = false, _ body: (Scene, Disk) async throws -> Void
    ) async throws {
        try await Scene.play(in: dialect, .init(isProxied: isProxied, starts: false)) { scene in
            let disk = try Disk(scene.stateDirectory, kibibytes: kibibytes)
            defer { disk.unmount() }
            try await scene.start()
            try await body(scene, disk)
            #expect(try await scene.agent.terminate().ending == .code(0))
            let store = try StoreAtRest(stateDirectory: scene.stateDirectory)
            #expect(store.integrity == "ok")
            #expect(store.underWay == [] && store.openEvents == 0 && store.undeliveredAnswers == 0)
            #expect(store.quarantined == [])
        }
    }

    @Test(arguments: Dialect.all) func `lives go on through a disk that fills and is emptied again and again`(
        dialect: Dialect
    ) async throws {
        try await onSmallDisk(in: dialect, kibibytes: 8192) { scene, disk in
            let pid = try scene.agent.pid
            let refused = Refusals()
            let lives = scene.instances(8, "tight", command: Scene.obedient)
            let pings = try await withPings(scene) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for instance in lives { group.addTask { try await live(instance, scene, refused) } }
                    for _ in 1...4 {
                        try await Task.sleep(for: .milliseconds(400))
                        try disk.fill()
                        try await press(scene, refused)
                        try await Task.sleep(for: .milliseconds(500))
                        disk.empty()
                    }
                    try await group.waitForAll()
                }
            }
            for instance in lives { try await scene.confirmGone(instance) }
            print("full disk: \(refused.count) events were refused and sent anew; \(pings)")
            #expect(refused.count >= 4)
            #expect(pings.areTimely)
            #expect(try scene.agent.pid == pid && scene.agent.ended == nil)
        }
    }

    /// Asks for something large until it is refused; what has its place already can still be written for a while.
    private func press(_ scene: Scene, _ refused: Refusals) async throws {
        for number in 1...200 {
            let padded = scene.instance("press\(number)") {
                $0.environment = ["PAD": String(repeating: "x", count: 100_000)]
            }
            let reply = try await scene.server.ask(padded.deactivate())
            guard let failure = reply.failure else { continue }
            try #require(failure.contains("cannot store the event"), "\(failure)")
            refused.add()
            return
        }
        throw HarnessError("the full disk was never noticed")
    }

    /// One life in which an event that could not be stored is sent anew, as the server's user would.
    private func live(_ instance: InstanceEvents, _ scene: Scene, _ refused: Refusals) async throws {
        var known = instance
        func step(_ event: () -> JSON) async throws {
            for _ in 1...200 {
                let event = event()
                try #require(scene.server.send(event: event))
                let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(60))
                try scene.confirmOneAnswer(to: event)
                guard let failure = reply.failure else {
                    let id = known.externalID
                    known = known.learned(from: reply)
                    try #require(id == nil || id == known.externalID, "\(known.name) has another container")
                    return
                }
                try #require(failure.contains("cannot store the event"), "\(failure)")
                refused.add()
                try await Task.sleep(for: .milliseconds(50))
            }
            throw HarnessError("\(known.name) was refused for ever")
        }
        // Large enough to be felt on the disk.
        known.environment = ["PAD": String(repeating: "x", count: 20_000)]
        for _ in 1...2 {
            try await step { known.activate() }
            try await scene.confirm(known, runs: true)
            try await step { known.deactivate(timeoutSeconds: 2) }
            try await scene.confirm(known, runs: false)
        }
        try await step { known.remove() }
    }

    @Test(arguments: Dialect.all)
    func `what was accepted is answered after a kill on a full disk and starts that fail on it`(dialect: Dialect)
        async throws
    {
        try await onSmallDisk(in: dialect, kibibytes: 2048, isProxied: true) { scene, disk in
            let instances = scene.instances(4, "held")
            for instance in instances {
                scene.proxy.order(.create, of: instance.dockerName, .delay(.milliseconds(800)))
            }
            let events = instances.map { $0.activate() }
            for event in events { scene.server.send(event: event) }
            try await scene.agent.waitForAcceptance(of: events.map(\.eventID))
            for instance in instances { try await scene.proxy.waitForFault(.create, of: instance.dockerName) }
            try disk.fill()
            try await scene.agent.kill9()
            var endings: [Ending] = []
            // A supervisor's work: on the full disk the agent lives, or says why it does not and ends.
            for _ in 1...3 {
                try scene.agent.start()
                try await Task.sleep(for: .seconds(1))
                if let ending = scene.agent.ended { endings.append(ending) } else { try await scene.agent.kill9() }
            }
            #expect(endings.allSatisfy { $0 == .code(1) })
            #expect(endings.isEmpty || scene.agent.log.contains("cannot be opened"))
            print("full disk: of 3 starts \(endings.count) ended by themselves")
            disk.empty()
            try await scene.start()
            for (instance, event) in zip(instances, events) {
                let reply = try await scene.server.waitForReply(to: event.eventID)
                try #require(reply.outcome == .success, "\(reply.failure ?? "")")
                try scene.confirmOneAnswer(to: event)
                try await scene.confirm(instance.learned(from: reply), runs: true)
            }
        }
    }

    @Test(arguments: Dialect.all)
    func `a database that is spoilt under the running agent is replaced without a restart`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let pid = try scene.agent.pid
            let known = try await scene.activate(scene.instance("kept"))
            // More than SQLite keeps at hand, so that it has to read.
            let padded = (1...80).map { number in
                scene.instance("pad\(number)") { $0.environment = ["PAD": String(repeating: "x", count: 50_000)] }
                    .deactivate()
            }
            for event in padded { try await scene.succeed(event) }
            let midway = scene.instance("midway")
            scene.proxy.order(.create, of: midway.dockerName, .delay(.seconds(1)))
            let event = midway.activate()
            scene.server.send(event: event)
            try await scene.proxy.waitForFault(.create)

            for ending in ["", "-wal"] { try spoil(scene.stateDirectory + "/agent.db" + ending) }
            // What the server hears nothing of it sends again. A wish for what was stored long ago has to be read.
            try await eventually("the answer to what was under way") {
                for old in padded.prefix(20) { scene.server.send(event: RancherServer.renewed(old)) }
                scene.server.send(event: event)
                try await Task.sleep(for: .milliseconds(300))
                return scene.server.replies(to: event.eventID).first
            }
            try await scene.agent.waitForLog("the store had become unreadable and was opened again")
            try await scene.confirm(midway, runs: true)
            #expect(scene.proxy.count(.create, of: midway.dockerName) == 1)
            try await scene.deactivate(known)
            try await scene.remove(known)
            let files = try FileManager.default.contentsOfDirectory(atPath: scene.stateDirectory)
            #expect(files.contains { $0.contains(".unreadable-") })
            #expect(try scene.agent.pid == pid && scene.agent.ended == nil)
            #expect(try await scene.agent.terminate().ending == .code(0))
            #expect(try StoreAtRest(stateDirectory: scene.stateDirectory).integrity == "ok")
        }
    }

    private func spoil(_ path: String) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        defer { try? file.close() }
        let size = try file.seekToEnd()
        try file.seek(toOffset: 0)
        try file.write(contentsOf: Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }))
    }
}

/// How many events could not be stored.
private final class Refusals: Sendable {
    private let refusals = Atomic(0)

    var count: Int { refusals.load(ordering: .relaxed) }

    func add() { refusals.add(1, ordering: .relaxed) }
}

/// A file system of its own, of a size.
private struct Disk: Sendable {
    let path: String

    init(_ path: String, kibibytes: Int) throws {
        self.path = path
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(kibibytes)k") == 0 else {
            throw HarnessError("no disk at \(path): \(String(cString: strerror(errno)))")
        }
    }

    func fill() throws {
        let file = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard file >= 0 else { throw HarnessError("no file on \(path)") }
        defer { close(file) }
        let block = [UInt8](repeating: 1, count: 4096)
        while write(file, block, block.count) > 0 {}
    }

    func empty() { unlink(path + "/filler") }

    func unmount() { umount2(path, Int32(MNT_DETACH)) }
}
