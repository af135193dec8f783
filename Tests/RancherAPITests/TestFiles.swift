#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

struct FileFailure: Error {}

/// What tests need of files.
enum TestFiles {
    static func makeDirectory(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 else { throw FileFailure() }
    }

    static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard descriptor >= 0 else { throw FileFailure() }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        #if canImport(Glibc)
            let count = Glibc.write(descriptor, bytes, bytes.count)
        #elseif canImport(Musl)
            let count = Musl.write(descriptor, bytes, bytes.count)
        #else
            let count = Darwin.write(descriptor, bytes, bytes.count)
        #endif
        guard count == bytes.count else { throw FileFailure() }
    }

    static func read(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else { throw FileFailure() }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while true {
            let byte = getc(file)
            guard byte >= 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(UInt8(byte))
        }
    }

    static func mode(_ path: String) throws -> mode_t {
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileFailure() }
        return status.st_mode & 0o777
    }

    static func names(in path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw FileFailure() }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func removeAll(_ path: String) {
        for name in (try? names(in: path)) ?? [] {
            let inside = "\(path)/\(name)"
            if unlink(inside) != 0 { removeAll(inside) }
        }
        rmdir(path)
    }
}
