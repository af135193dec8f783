#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#else
    package import Darwin
#endif

/// Small files that are either there as a whole or not at all. Paths are the system's own.
package enum PrivateFile {
    /// What a process writes that lives has been there for less long.
    private static let staleAfterSeconds = 60

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
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("create", temporary) }
        do throws(RancherError) {
            // The mode of open is narrowed by the umask.
            guard fchmod(descriptor, mode) == 0 else { throw failure("change the mode of", temporary) }
            try writeAll(bytes, to: descriptor, path: temporary)
            guard fsync(descriptor) == 0 else { throw failure("write", temporary) }
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        close(descriptor)
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

    /// Takes away what a process has left that was killed while it put this file in place. In a container each life has
    /// the number of the one before, and so has a process in another container that lives: the age of the file tells.
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
            guard parts.count == 3, let process = pid_t(parts[0]) else { continue }
            guard process == getpid() || kill(process, 0) != 0 && errno == ESRCH else { continue }
            let path = "\(directory)/\(found)"
            var status = stat()
            guard lstat(path, &status) == 0, time(nil) - status.changedSeconds > staleAfterSeconds else { continue }
            unlink(path)
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

extension stat {
    /// When the content was changed last, in seconds since 1970.
    fileprivate var changedSeconds: Int {
        #if canImport(Darwin)
            st_mtimespec.tv_sec
        #else
            st_mtim.tv_sec
        #endif
    }
}
