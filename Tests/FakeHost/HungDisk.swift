import Foundation
import Synchronization

/// A directory of a file system that does not answer: whoever looks at anything in it waits until it is released, and
/// gets an error then. Needs root.
package final class HungDisk: Sendable {
    package let path: String
    private let server = Mutex<Int32?>(nil)

    package init() throws {
        path = NSTemporaryDirectory() + "hung-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let device = path + "/fuse"
        // The character device of this number is where file systems outside of the kernel are served.
        guard mknod(device, S_IFCHR | 0o600, 10 << 8 | 229) == 0 else { throw Fault("make a device") }
        let descriptor = open(device, O_RDWR | O_CLOEXEC)
        unlink(device)
        guard descriptor >= 0 else { throw Fault("open the device") }
        server.withLock { $0 = descriptor }
        guard mount("hung", path, "fuse", 0, "fd=\(descriptor),rootmode=40000,user_id=0,group_id=0") == 0 else {
            throw Fault("mount")
        }
        // A test that hangs on it comes to an end as well, and so does its process.
        DispatchQueue.global().asyncAfter(deadline: .now() + 30) { [self] in release() }
    }

    deinit { release() }

    /// Takes it away.
    package func release() {
        guard let descriptor = server.withLock({ $0.take() }) else { return }
        close(descriptor)
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }

    private struct Fault: Error, CustomStringConvertible {
        let description: String

        init(_ verb: String) { description = "a hung disk: cannot \(verb): \(String(cString: strerror(errno)))" }
    }
}
