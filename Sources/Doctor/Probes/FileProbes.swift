internal import Deadline
internal import Glibc
internal import HostInfo

/// Looks at directories and file systems of this host, any of which may hang.
struct FileProbe: Sendable {
    let calls: BlockingCalls
    let deadline: Duration

    /// The network plug-ins' directories; the first that is there counts.
    func network(_ directories: [String]) async -> NetworkObservation {
        do throws(BlockingCallError) {
            return try await calls.run(within: deadline) {
                for directory in directories {
                    switch Self.names(in: directory) {
                    case .success(let names?): return .containers(names.count, directory: directory)
                    case .success(nil): continue
                    case .failure(let fault): return .failed(fault.reason, directory: directory)
                    }
                }
                return .missing(directories)
            }
        } catch {
            return .silent(deadline)
        }
    }

    /// The storage plug-ins, each of which is knocked at.
    func storagePlugins(in directory: String, _ sockets: SocketProbe) async -> StoragePluginObservation {
        let listing: Result<[String]?, Fault>
        do throws(BlockingCallError) {
            listing = try await calls.run(within: deadline) { Self.names(in: directory) }
        } catch {
            listing = .failure(Fault(reason: "no answer within \(deadline.words)"))
        }
        switch listing {
        case .failure(let fault):
            return StoragePluginObservation(directory: directory, sockets: [], fault: fault.reason)
        case .success(let names):
            let drivers = (names ?? []).filter { $0.hasSuffix(".sock") }.map { String($0.dropLast(5)) }.sorted()
            let found = await withTaskGroup(of: StoragePluginObservation.Socket.self) { group in
                for driver in drivers.prefix(Self.pluginLimit) {
                    group.addTask {
                        let outcome = await sockets.connect(to: "\(directory)/\(driver).sock")
                        return .init(driver: driver, outcome: .init(outcome, sockets.deadline))
                    }
                }
                var found: [StoragePluginObservation.Socket] = []
                for await socket in group { found.append(socket) }
                return found
            }
            return StoragePluginObservation(
                directory: directory, sockets: found.sorted { $0.driver < $1.driver })
        }
    }

    /// More than a host has.
    private static let pluginLimit = 32

    func disk(of directory: String) async -> DiskObservation {
        do throws(BlockingCallError) {
            return try await calls.run(within: deadline) { Self.usage(directory) }
        } catch {
            return .silent(deadline)
        }
    }

    private static func usage(_ directory: String) -> DiskObservation {
        var status = statvfs()
        guard statvfs(directory, &status) == 0, let usage = FileSystemUsage(path: directory) else {
            return errno == ENOENT ? .missing : .failed(String(cString: strerror(errno)))
        }
        return .usage(
            total: usage.total, free: usage.free,
            // Some file systems make inodes as they are needed, and have no number of them.
            freeFiles: status.f_files == 0 ? nil : Int(clamping: status.f_favail),
            isReadOnly: status.f_flag & UInt(ST_RDONLY) != 0)
    }

    struct Fault: Error, Sendable {
        let reason: String
    }

    /// `nil` if there is no such directory.
    private static func names(in directory: String) -> Result<[String]?, Fault> {
        guard let listing = opendir(directory) else {
            return errno == ENOENT || errno == ENOTDIR
                ? .success(nil) : .failure(Fault(reason: String(cString: strerror(errno))))
        }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return .success(names)
    }
}

extension StoragePluginObservation.Outcome {
    init(_ outcome: SocketProbe.Outcome, _ deadline: Duration) {
        switch outcome {
        case .connected: self = .connected
        case .failed(ECONNREFUSED): self = .refused
        case .failed(let code): self = .failed(String(cString: strerror(code)))
        case .noSocket: self = .failed("it is no socket")
        case .tooLong: self = .failed("its path is too long")
        case .silent: self = .silent(deadline)
        }
    }
}
