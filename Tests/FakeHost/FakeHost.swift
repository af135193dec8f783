internal import Foundation
package import HostInfo

/// A host made of files, gone with the test.
package final class FakeHost: Sendable {
    package let directory: String
    package let roots: HostRoots
    package var state: String { directory + "/state" }

    package init() throws {
        directory = NSTemporaryDirectory() + "host-\(UUID().uuidString.prefix(8))"
        roots = HostRoots(proc: directory + "/proc", sys: directory + "/sys", etc: directory + "/etc")
        for path in [roots.proc, roots.sys, roots.etc, state] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// Writes a file below the directory of the host, such as `proc/stat`.
    package func write(_ path: String, _ text: String) throws {
        let file = directory + "/" + path
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: false, encoding: .utf8)
    }

    package func text(_ path: String) throws -> String {
        try String(contentsOfFile: directory + "/" + path, encoding: .utf8)
    }

    package func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory + "/" + path).sorted()
    }

    package func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: directory + "/" + path)[.posixPermissions] as? Int
    }
}
