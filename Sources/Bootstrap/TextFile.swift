#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Small files, most of them text, that are either there as a whole or not at all.
enum TextFile {
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
        try makeDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        let temporary = "\(path).\(getpid()).tmp"
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else { throw failure("create", temporary) }
        var rest = content[...]
        var isWritten = fchmod(file, mode) == 0
        while isWritten, !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            isWritten = count > 0
            rest = rest.dropFirst(max(0, count))
        }
        isWritten = isWritten && fsync(file) == 0
        let error = failure("write", temporary)
        close(file)
        guard isWritten else {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure("rename a new file to", path)
            unlink(temporary)
            throw error
        }
    }

    /// Makes a directory and those above it.
    ///
    /// - Throws: ``BootstrapError``.
    static func makeDirectory(_ path: String) throws(BootstrapError) {
        var status = stat()
        if path.isEmpty || stat(path, &status) == 0 { return }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try makeDirectory(String(path[..<slash])) }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("create the directory", path) }
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

    private static func failure(_ verb: String, _ path: String) -> BootstrapError {
        BootstrapError("Cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}

private func systemRead(_ file: CInt, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, buffer, count)
}
