internal import RancherAPI

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Small files, most of them text, that are either there as a whole or not at all.
package enum TextFile {
    private static let limitBytes = 4 << 20

    /// The text; `nil` if there is no such file.
    ///
    /// - Throws: ``BootstrapError``, also for one of more than 4 MiB.
    static func read(_ path: String) throws(BootstrapError) -> String? {
        try readBytes(path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The content; `nil` if there is no such file.
    ///
    /// - Throws: ``BootstrapError``, also for one of more than 4 MiB.
    static func readBytes(_ path: String) throws(BootstrapError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("read", path)
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes { systemRead(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limitBytes else { throw BootstrapError("\(path) is larger than 4 MiB") }
        }
    }

    /// Whether there is a file or a directory.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The same, also for a symbolic link that leads nowhere.
    static func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Puts a file in place: written beside it, made durable, renamed. Missing directories are made.
    ///
    /// - Throws: ``BootstrapError``; an old file is as it was then.
    static func replace(_ path: String, with text: String, mode: mode_t) throws(BootstrapError) {
        try replace(path, with: Array(text.utf8), mode: mode)
    }

    /// The same with any content.
    ///
    /// - Throws: ``BootstrapError``; an old file is as it was then.
    static func replace(_ path: String, with content: [UInt8], mode: mode_t) throws(BootstrapError) {
        try words { () throws(RancherError) in try PrivateFile.replace(path, with: content, mode: mode) }
    }

    /// Makes a directory and those above it.
    ///
    /// - Throws: ``BootstrapError``.
    static func makeDirectory(_ path: String) throws(BootstrapError) {
        if path.isEmpty { return }
        try words { () throws(RancherError) in try PrivateFile.makeDirectories(path) }
    }

    /// A whole path without `.` and `..` in it, as units of systemd need it. What a symbolic link leads to is found where
    /// it matters, behind a `..`.
    package static func withoutDots(_ path: String) -> String {
        var result = ""
        for part in path.split(separator: "/") where part != "." {
            guard part == ".." else {
                result += "/\(part)"
                continue
            }
            if let real = realpath(result.isEmpty ? "/" : result, nil) {
                result = String(cString: real)
                free(real)
            }
            result = result.lastIndex(of: "/").map { String(result[..<$0]) } ?? ""
        }
        return result.isEmpty ? "/" : result
    }

    /// Removes a file.
    ///
    /// - Returns: False if there was none.
    /// - Throws: ``BootstrapError``.
    static func remove(_ path: String) throws(BootstrapError) -> Bool {
        if unlink(path) == 0 { return true }
        if errno == ENOENT { return false }
        throw failure("remove", path)
    }

    private static func words(_ body: () throws(RancherError) -> Void) throws(BootstrapError) {
        do throws(RancherError) {
            try body()
        } catch {
            throw BootstrapError(error.message.prefix(1).uppercased() + error.message.dropFirst())
        }
    }

    private static func failure(_ verb: String, _ path: String) -> BootstrapError {
        BootstrapError("Cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}

private func systemRead(_ file: CInt, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, buffer, count)
}
