#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#else
    package import Darwin
#endif

/// Small files that are either there as a whole or not at all. Paths are the system's own.
package enum PrivateFile {
    /// The bytes of a file; `nil` if there is none.
    ///
    /// - Throws: ``RancherError`` of the code `local`.
    static func contents(of path: String, limit: Int) throws(RancherError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("read", path)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        while count < limit {
            let got = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress?.advanced(by: count), limit - count)
            }
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            count += got
        }
        return Array(bytes[..<count])
    }

    /// Puts a file in place: written beside it, made durable, renamed. Missing directories are made with mode 0755.
    ///
    /// - Throws: ``RancherError`` of the code `local`; an old file is as it was then.
    package static func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(RancherError) {
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { String(path[..<$0]) } ?? "."
        try makeDirectories(directory.isEmpty ? "/" : directory)
        sweep(directory.isEmpty ? "/" : directory, slash.map { String(path[path.index(after: $0)...]) } ?? path)
        let (temporary, descriptor) = try create(beside: path, mode: mode)
        // And with it the lock, when the file has its name.
        defer { close(descriptor) }
        do throws(RancherError) {
            // The mode of open is narrowed by the umask.
            guard fchmod(descriptor, mode) == 0 else { throw failure("change the mode of", temporary) }
            try writeAll(bytes, to: descriptor, path: temporary)
            guard fsync(descriptor) == 0 else { throw failure("write", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure("rename a new file to", path)
            unlink(temporary)
            throw error
        }
        // The new name is only safe once the directory is.
        let parent = open(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 {
            _ = fsync(parent)
            close(parent)
        }
    }

    /// A new file, locked for as long as it is open: that tells it from one whose process was killed.
    private static func create(
        beside path: String, mode: mode_t
    ) throws(RancherError) -> (path: String, descriptor: CInt) {
        for _ in 0..<8 {
            let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
            guard descriptor >= 0 else { throw failure("create", temporary) }
            // Somebody may have taken it for a remain before it was locked. A file system without locks has no sweeping.
            var status = stat()
            let isTaken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
            if !isTaken, fstat(descriptor, &status) == 0, status.st_nlink > 0 { return (temporary, descriptor) }
            close(descriptor)
        }
        throw RancherError(.local, "cannot create a file beside \(path): each one is taken away at once")
    }

    /// Takes away what a process has left that was killed while it put this file in place. In a container each life has
    /// the number of the one before, and so has a process in another container that lives: the lock tells.
    private static func sweep(_ directory: String, _ name: String) {
        guard let listing = opendir(directory) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let found = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    String(cString: $0)
                }
            }
            guard found.hasPrefix(name + "."), found.hasSuffix(".tmp") else { continue }
            let parts = found.dropFirst(name.count + 1).split(separator: ".")
            guard parts.count == 3, pid_t(parts[0]) != nil else { continue }
            let path = "\(directory)/\(found)"
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
        }
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: CInt, path: String) throws(RancherError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                write(descriptor, buffer.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write", path)
            }
            written += count
        }
    }

    /// Makes a directory and those above it, with mode 0755.
    ///
    /// - Throws: ``RancherError`` of the code `local`.
    package static func makeDirectories(_ path: String) throws(RancherError) {
        var status = stat()
        if stat(path, &status) == 0 { return }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeDirectories(String(path[..<slash]))
        }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("create the directory", path) }
    }

    private static func failure(_ verb: String, _ path: String) -> RancherError {
        RancherError(.local, "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
