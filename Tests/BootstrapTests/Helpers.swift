import Foundation
import Synchronization

/// A directory that is gone with the test.
func withDirectory(_ body: (String) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "bootstrap-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await body(directory)
}

/// The table of mounts of a process in the container.
func mountTable(in directory: String, _ id: String) throws -> String {
    let path = directory + "/mountinfo"
    try "2 1 8:1 /var/lib/docker/containers/\(id)/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
        .write(toFile: path, atomically: true, encoding: .utf8)
    return path
}

/// What was said to people.
final class Said: Sendable {
    private let all = Mutex<[String]>([])

    var lines: [String] { all.withLock { $0 } }
    var warnings: [String] { lines.filter { $0.hasPrefix("WARN: ") } }
    var say: @Sendable (String) -> Void { { line in self.all.withLock { $0.append(line) } } }
}
