import Doctor
import FakeProxy
import Foundation
import Glibc
import Model
import PaperEngine
import SimulatedEngine
import Store
import Testing

/// Each trouble is there for real.
@Suite("On the host")
struct HostTests {
    /// There is no server in these; that is said once, and is no matter.
    private func expectCulprit(
        _ examination: Examination, _ step: Step, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            examination.steps(.failure) == [.settings, step], "\(examination.dossier)", sourceLocation: sourceLocation)
        for word in words {
            #expect(
                examination[step]?.text.contains(word) == true, "\(word): \(examination.dossier)",
                sourceLocation: sourceLocation)
        }
        #expect(examination[step]?.advice.isEmpty == false, sourceLocation: sourceLocation)
    }

    // MARK: The engine

    @Test("no Docker socket is named")
    func noSocket() async throws {
        try await Host.play(withEngine: false) { host in
            let examination = await host.examine()
            expectCulprit(examination, .dockerSocket, ["There is no Docker socket", host.engineSocket])
            #expect(examination[.docker]?.verdict == .skipped)
        }
    }

    @Test("a directory in the place of the Docker socket is named")
    func directory() async throws {
        try await Host.play(withEngine: false) { host in
            try FileManager.default.createDirectory(atPath: host.engineSocket, withIntermediateDirectories: false)
            expectCulprit(await host.examine(), .dockerSocket, ["is no socket"])
        }
    }

    @Test("a Docker socket that an engine has left behind is named")
    func leftSocket() async throws {
        try await Host.play(withEngine: false) { host in
            close(try listener(host.engineSocket, backlog: 1))
            expectCulprit(await host.examine(), .dockerSocket, ["Nobody listens"])
        }
    }

    @Test("an engine that hangs is named")
    func hungEngine() async throws {
        try await Host.play(withEngine: false) { host in
            let socket = try listener(host.engineSocket, backlog: 8)
            defer { close(socket) }
            let examination = await host.examine { $0.engine = .seconds(1) }
            expectCulprit(examination, .docker, ["does not answer within 1000 ms"])
            #expect(examination[.dockerSocket]?.verdict == .ok)
        }
    }

    @Test("an engine that does not even take connections any more is named")
    func fullBacklog() async throws {
        try await Host.play(withEngine: false) { host in
            let socket = try listener(host.engineSocket, backlog: 0)
            defer { close(socket) }
            let waiting = (0..<4).map { _ in knock(at: host.engineSocket) }
            defer { for descriptor in waiting { close(descriptor) } }
            let examination = await host.examine { $0.socket = .seconds(1) }
            expectCulprit(examination, .dockerSocket, ["does not take a connection within 1000 ms"])
        }
    }

    @Test("an engine that is too old for the agent is named")
    func oldEngine() async throws {
        try await Host.play(withEngine: false) { host in
            try await PaperEngine.play(socket: host.engineSocket, apiVersion: "1.23") { _ in
                expectCulprit(await host.examine(), .docker, ["too old", "API 1.23", "at least 1.24"])
            }
            try await PaperEngine.play(socket: host.engineSocket, apiVersion: "1.24") { _ in
                #expect(await host.examine()[.docker]?.verdict == .ok)
            }
        }
    }

    @Test("what is no engine is named")
    func noEngine() async throws {
        try await FakeProxy.run { proxy in
            try await Host.play(withEngine: false) { host in
                let examination = await host.examine(["DOCKER_HOST": "tcp://127.0.0.1:\(proxy.port)"])
                expectCulprit(examination, .docker, ["is no Docker Engine"])
            }
        }
    }

    @Test("an address of the engine that is none is named")
    func badAddress() async throws {
        try await Host.play(withEngine: false) { host in
            expectCulprit(await host.examine(["DOCKER_HOST": "ftp://x"]), .dockerSocket, ["'ftp://' is not supported"])
        }
    }

    // MARK: Plug-ins

    @Test("each storage plug-in that does not connect is named")
    func storagePlugins() async throws {
        try await Host.play { host in
            try FileManager.default.createDirectory(atPath: host.plugins, withIntermediateDirectories: false)
            let good = try listener(host.plugins + "/rancher-nfs.sock", backlog: 8)
            defer { close(good) }
            let well = await host.examine()
            #expect(well[.storagePlugins]?.text.contains("rancher-nfs connects") == true)
            #expect(well.steps(.failure) == [.settings])
            close(try listener(host.plugins + "/rancher-ebs.sock", backlog: 1))
            try "".write(toFile: host.plugins + "/rancher-efs.sock", atomically: false, encoding: .utf8)
            expectCulprit(
                await host.examine(), .storagePlugins,
                [
                    "nobody listens on rancher-ebs", "rancher-efs cannot be reached (it is no socket)",
                    "rancher-nfs connects",
                ])
        }
    }

    @Test("the addresses that network plug-ins have given are counted")
    func network() async throws {
        try await Host.play { host in
            for container in ["0123", "4567"] {
                try FileManager.default.createDirectory(
                    atPath: "\(host.state)/cni/\(container)", withIntermediateDirectories: true)
            }
            let examination = await host.examine()
            #expect(examination[.network]?.text.contains("of 2 containers") == true)
            #expect(examination[.network]?.verdict == .ok)
        }
    }

    // MARK: The disk

    @Test("a full disk is named, and the database on it is still read")
    func fullDisk() async throws {
        let disk = try SmallDisk(kibibytes: 16384)
        _ = try Store.open(path: "\(disk.path)/\(Store.fileName)")
        try await Host.play { host in
            let before = await host.examine(["CATTLE_STATE_DIR": disk.path])
            #expect(before[.disk]?.verdict == .warning, "\(before.dossier)")
            try disk.fill()
            let full = await host.examine(["CATTLE_STATE_DIR": disk.path])
            expectCulprit(full, .disk, ["The disk is full", "0 bytes of 16 MiB", disk.path])
            #expect(full[.database]?.verdict == .ok)
            disk.empty()
            try disk.makeReadOnly()
            let readOnly = await host.examine(["CATTLE_STATE_DIR": disk.path])
            expectCulprit(readOnly, .disk, ["read-only"])
            #expect(readOnly[.database]?.verdict == .ok, "\(readOnly.dossier)")
        }
    }

    @Test("a state directory that is not there is named, and is not made")
    func noState() async throws {
        try await Host.play { host in
            let place = host.directory + "/elsewhere"
            expectCulprit(await host.examine(["CATTLE_STATE_DIR": place]), .disk, ["no state directory \(place)"])
            #expect(!FileManager.default.fileExists(atPath: place))
        }
    }

    @Test("a damaged database is named, and left as it is")
    func damagedDatabase() async throws {
        try await Host.play { host in
            let path = "\(host.state)/\(Store.fileName)"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            for offset in stride(from: 0, to: bytes.count, by: 3) { bytes[offset] ^= 0x5A }
            try bytes.write(to: URL(fileURLWithPath: path))
            let examination = await host.examine()
            expectCulprit(examination, .database, ["damaged"])
            #expect(examination[.lastEvent]?.verdict == .skipped)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        }
    }

    @Test("an empty database is no damaged one, whatever its directory is called")
    func emptyDatabase() async throws {
        try await Host.play { host in
            let place = host.directory + "/state-damaged"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
            try Data().write(to: URL(fileURLWithPath: "\(place)/\(Store.fileName)"))
            let examination = await host.examine(["CATTLE_STATE_DIR": place])
            #expect(examination[.database]?.verdict == .warning, "\(examination.dossier)")
            #expect(examination[.database]?.text.contains("is empty") == true)
            #expect(examination[.database]?.text.contains("is damaged") == false)
            #expect(examination[.database]?.advice.contains("root") == false)
        }
    }

    @Test("a host without a database is warned of it")
    func noDatabase() async throws {
        try await Host.play { host in
            try FileManager.default.removeItem(atPath: "\(host.state)/\(Store.fileName)")
            let examination = await host.examine()
            #expect(examination[.database]?.verdict == .warning)
            #expect(try FileManager.default.contentsOfDirectory(atPath: host.state) == [])
        }
    }

    @Test("the last event and one that is stuck are told of, beside a daemon that has the database open")
    func events() async throws {
        try await Host.play { host in
            let store = try Store.open(path: "\(host.state)/\(Store.fileName)")
            let now = Timestamp(milliseconds: Int(Date().timeIntervalSince1970 * 1000))
            func event(_ id: String, _ state: EventRow.State, _ at: Timestamp) -> EventRow {
                EventRow(
                    header: EventHeader(
                        id: id, name: "compute.instance.activate", replyTo: "r", resourceID: nil, resourceType: nil),
                    key: nil, generation: 1, frame: "", state: state, receivedAt: at)
            }
            #expect(await host.examine()[.lastEvent]?.text.contains("No event is remembered") == true)
            try store.insert(event("one", .closed, now - .seconds(600)))
            let quiet = await host.examine()
            #expect(quiet[.lastEvent]?.verdict == .ok)
            #expect(quiet[.lastEvent]?.text.contains("10 min ago") == true)
            try store.insert(event("two", .open, now - .seconds(7300)))
            let stuck = await host.examine()
            #expect(stuck[.lastEvent]?.verdict == .warning, "\(stuck.dossier)")
            #expect(stuck[.lastEvent]?.text.contains("1 events wait for their end") == true)
            #expect(stuck[.lastEvent]?.text.contains("2 h") == true)
        }
    }

    // MARK: Sockets

    private struct Failure: Error {}

    private func address(_ path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
        return address
    }

    /// A socket that takes connections and says nothing.
    private func listener(_ path: String, backlog: Int32) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = address(path)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0, listen(descriptor, backlog) == 0 else { throw Failure() }
        return descriptor
    }

    /// A connection that is wanted, and perhaps not taken.
    private func knock(at path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = address(path)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return descriptor
    }
}
