import ContainerNetwork
import Foundation

/// A state directory of a network plug-in, gone with the value.
final class StateDirectory {
    static let containerID = "4f1d0a9cbe6e"
    static let startedAt = "2017-11-02T10:11:12.123456789Z"

    let path = FileManager.default.temporaryDirectory.appending(path: "cni-\(UUID().uuidString)").path

    var folder: String { "\(path)/cni/\(Self.containerID)" }
    var file: String { "\(folder)/\(Self.startedAt)" }

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: file)) }

    func look(
        procRoot: String = "/proc", containerID: String = containerID, startedAt: String = startedAt, pid: Int = 0
    ) async -> AddressSighting {
        await AddressLookup(stateDirectories: [path], procRoot: procRoot).look(
            containerID: containerID, startedAt: startedAt, pid: pid)
    }
}

/// A process in a network namespace of its own, gone with the value. Needs root.
final class NamespaceProcess {
    private let process = Process()

    var pid: Int { Int(process.processIdentifier) }

    init() throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["unshare", "-n", "sleep", "600"]
        try process.run()
        let own = try Self.namespace(of: "self")
        let end = Date.now + 20
        // It comes to life in ours and leaves it a little later.
        while (try? Self.namespace(of: "\(pid)")) ?? own == own {
            guard Date.now < end, process.isRunning else { throw Failure() }
            usleep(2000)
        }
    }

    deinit { end() }

    func end() {
        kill(pid_t(pid), SIGKILL)
        process.waitUntilExit()
    }

    /// Runs `ip` inside.
    func ip(_ arguments: String...) throws {
        let ip = Process()
        ip.executableURL = URL(filePath: "/usr/bin/env")
        ip.arguments = ["nsenter", "-t", "\(pid)", "-n", "ip"] + arguments
        try ip.run()
        ip.waitUntilExit()
        guard ip.terminationStatus == 0 else { throw Failure() }
    }

    /// The identity of the network namespace of a process or thread.
    static func namespace(of task: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(task)/ns/net")
    }

    private struct Failure: Error {}
}

extension AddressSighting {
    /// Why there is no address yet.
    var reason: String? {
        guard case .notYet(let reason) = self else { return nil }
        return reason
    }
}
