package import LosslessJSON

/// The container that this process runs in, as the engine sees it.
package struct OwnContainer: Sendable, Hashable {
    package var id: String
    /// As it was given to the engine.
    package var image: String
    /// The engine's socket on the host; `nil` if it was not mounted.
    package var socketOnHost: String?
    /// Whether it shares the host's network.
    package var isInHostNetwork: Bool

    /// Where the engine's socket is expected in a container.
    package static let socketPath = "/var/run/docker.sock"

    package init(id: String, image: String, socketOnHost: String?, isInHostNetwork: Bool) {
        self.id = id
        self.image = image
        self.socketOnHost = socketOnHost
        self.isInHostNetwork = isInHostNetwork
    }

    /// The label of every image of the agent, and its value (PROTOCOL 1.9).
    static let label = (name: "io.rancher.container.system", value: "rancher-agent")

    /// Reads an inspection. `nil` if it is that of another container: one whose network this one uses has its files for
    /// name resolution in both.
    ///
    /// - Parameters:
    ///   - inspection: The engine's, of the container whose files are here.
    ///   - socket: Where the engine's socket is in this container.
    package init?(inspection: JSON, socket: String = socketPath) {
        guard inspection["Config"]["Labels"][Self.label.name].text == Self.label.value else { return nil }
        id = inspection["Id"].text ?? ""
        image = inspection["Config"]["Image"].nonEmptyText ?? inspection["Image"].text ?? ""
        socketOnHost = Self.source(of: [socket, Self.socketPath, "/run/docker.sock"], in: inspection)
        isInHostNetwork = inspection["HostConfig"]["NetworkMode"].text == "host"
    }

    /// What is mounted on the first of the paths that has something mounted on it.
    static func source(of destinations: [String], in inspection: JSON) -> String? {
        let mounts = inspection["Mounts"].array ?? []
        guard
            let mount = destinations.lazy.compactMap({ path in mounts.first { $0["Destination"].text == path } }).first
        else { return nil }
        if mount["Type"].text == "volume", let name = mount["Name"].nonEmptyText { return name }
        return mount["Source"].nonEmptyText
    }

    /// The id, from the table of mounts: the engine keeps the files for name resolution in a directory that is named
    /// after the container, whatever the container's host name may be. `nil` outside of a container.
    package static func id(mountInfo: String) -> String? {
        for line in mountInfo.split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: " ")
            guard fields.count > 4, ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"].contains(fields[4]) else {
                continue
            }
            let id = fields[3].split(separator: "/").last { part in
                part.utf8.count == 64 && part.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
            }
            if let id { return String(id) }
        }
        return nil
    }
}
