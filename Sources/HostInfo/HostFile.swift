internal import FoundationEssentials
internal import Glibc

/// Files of the kernel, which say nothing of their size, and small ones of our own.
enum HostFile {
    /// More than any file of the kernel that is read here has, on the largest of machines.
    private static let limit = 4 << 20

    /// The bytes of a file, at most 4 MiB of them; `nil` if it cannot be read.
    static func bytes(_ path: String) -> [UInt8]? {
        // A pipe or a device in the place of a file must hold nobody up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < limit {
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// The text of a file; `nil` if it cannot be read. What is no UTF-8 in it is replaced.
    static func text(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

    /// The lines of a file; none if it cannot be read.
    static func lines(_ path: String) -> [Substring] {
        text(path)?.split(whereSeparator: \.isNewline) ?? []
    }

    static func canEnter(_ directory: String) -> Bool { access(directory + "/.", R_OK | X_OK) == 0 }

    /// Puts a file in place: written beside it as `.tmp`, made durable, renamed. What a process has left there that was
    /// killed meanwhile is taken away.
    ///
    /// - Throws: ``HostInfoError``; an old file is as it was then.
    static func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(HostInfoError) {
        let temporary = path + ".tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .failed("create", temporary) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                write(descriptor, buffer.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            written += count
        }
        let isWhole = written == bytes.count && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0
        let isInPlace = isWhole && rename(temporary, path) == 0
        let error = HostInfoError.failed("write", path)
        close(descriptor)
        guard isInPlace else {
            unlink(temporary)
            throw error
        }
        // The new name is only safe once the directory is.
        let parent = open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            close(parent)
        }
    }

    /// Makes a directory and those above it, and sees to it that its owner can use it.
    ///
    /// - Throws: ``HostInfoError``.
    static func makePrivateDirectory(_ path: String) throws(HostInfoError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw HostInfoError("\(path) is no directory") }
            if status.st_mode & 0o700 != 0o700 { _ = chmod(path, 0o700) }
            return
        }
        let above = directory(of: path)
        if above != path, stat(above, &status) != 0 {
            do {
                try FileManager.default.createDirectory(atPath: above, withIntermediateDirectories: true)
            } catch {
                throw HostInfoError("cannot create the directory \(above): \(error)")
            }
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .failed("create the directory", path) }
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// Why something about the host cannot be told.
package struct HostInfoError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }

    /// With the reason that the system gave last.
    static func failed(_ verb: String, _ path: String) -> HostInfoError {
        HostInfoError("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
