/// The directories in which network plug-ins leave the addresses that they have given.
enum NetworkObservation: Sendable, Hashable {
    /// None of these is there.
    case missing([String])
    /// How many containers have an entry.
    case containers(Int, directory: String)
    case failed(String, directory: String)
    case silent(Duration)

    func finding() -> Diagnosis {
        switch self {
        case .missing(let directories):
            .ok(
                "There is no \(directories.joined(separator: " and no ")): no network plug-in has connected a container "
                    + "here. Addresses are looked for in the containers themselves.")
        case .containers(let count, let directory):
            .ok("\(directory) has the addresses of \(count) \(count == 1 ? "container" : "containers").")
        case .failed(let reason, let directory):
            .failure(
                "\(directory) cannot be read: \(reason).",
                "Without it containers of a network plug-in get no address: give the user of the agent the right to read "
                    + "it, or mount it into the agent's container.")
        case .silent(let deadline):
            .failure("The directory of the CNI state does not answer within \(deadline.words).", Self.hungDisk)
        }
    }

    static let hungDisk = "A file system hangs: look at dmesg, and at what is mounted there."
}

/// The sockets of the storage plug-ins.
struct StoragePluginObservation: Sendable, Hashable {
    enum Outcome: Sendable, Hashable {
        case connected
        case refused
        case silent(Duration)
        case failed(String)
    }

    struct Socket: Sendable, Hashable {
        let driver: String
        let outcome: Outcome
    }

    let directory: String
    let sockets: [Socket]
    /// Why the directory cannot be read; `nil` if it can, or is not there.
    var fault: String?

    func finding() -> Diagnosis {
        if let fault {
            return .failure(
                "\(directory) cannot be read: \(fault).", "Give the user of the agent the right to read it.")
        }
        guard !sockets.isEmpty else { return .ok("\(directory) has no storage plug-in.") }
        let dead = sockets.filter { $0.outcome != .connected }
        let list = sockets.map { socket in
            switch socket.outcome {
            case .connected: "\(socket.driver) connects"
            case .refused: "nobody listens on \(socket.driver)"
            case .silent(let deadline): "\(socket.driver) takes no connection within \(deadline.words)"
            case .failed(let reason): "\(socket.driver) cannot be reached (\(reason))"
            }
        }.joined(separator: ", ")
        guard dead.isEmpty else {
            return .failure(
                "Storage plug-ins in \(directory): \(list).",
                "Start the plug-in \(dead.map(\.driver).joined(separator: ", ")) anew, or remove its socket if it is not "
                    + "wanted any more: instances with its volumes wait for it.")
        }
        return .ok("Storage plug-ins in \(directory): \(list).")
    }
}

/// The file system that holds the agent's state.
enum DiskObservation: Sendable, Hashable {
    /// In bytes; the files that can still be made, or `nil` where there is no such limit.
    case usage(total: Int, free: Int, freeFiles: Int?, isReadOnly: Bool)
    case missing
    case failed(String)
    case silent(Duration)

    /// What a day of many events may take, log included.
    static let comfortableBytes = 128 << 20
    /// The write-ahead log may grow by that before it is written back.
    static let neededBytes = 8 << 20

    func finding(directory: String) -> Diagnosis {
        switch self {
        case .missing:
            return .failure(
                "There is no state directory \(directory).",
                "Is the agent installed here? Name the directory with --state-dir or CATTLE_STATE_DIR; the agent makes it "
                    + "when it starts.")
        case .failed(let reason):
            return .failure("\(directory) cannot be looked at: \(reason).", "Run this as root.")
        case .silent(let deadline):
            return .failure("\(directory) does not answer within \(deadline.words).", NetworkObservation.hungDisk)
        case .usage(_, _, _, true):
            return .failure(
                "The file system of \(directory) is read-only.",
                "Mount it for writing; if the kernel has made it so, look at dmesg for the disk's errors.")
        case .usage(let total, let free, let freeFiles, false):
            let room = "\(Self.size(free)) of \(Self.size(total)) are free in \(directory)"
            if free < Self.neededBytes {
                return .failure(
                    "The disk is full: \(room). The agent refuses events until there is room.",
                    "Make room on that file system; nothing that the agent has accepted is lost meanwhile.")
            }
            if let freeFiles, freeFiles < 16 {
                return .failure(
                    "The disk is full: no more files can be made in \(directory) (\(freeFiles) inodes are left).",
                    "Delete files on that file system.")
            }
            if free < Self.comfortableBytes {
                return .warning("\(room): that is not much.", "Make room on that file system before it is full.")
            }
            return .ok("\(room).")
        }
    }

    static func size(_ bytes: Int) -> String {
        if bytes < 10 << 10 { return "\(bytes) bytes" }
        if bytes < 10 << 20 { return "\(bytes >> 10) KiB" }
        return bytes < 10 << 30 ? "\(bytes >> 20) MiB" : "\(bytes >> 30) GiB"
    }
}
