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

    /// Reads an inspection.
    package init(inspection: JSON) {
        id = inspection["Id"].text ?? ""
        image = inspection["Config"]["Image"].nonEmptyText ?? inspection["Image"].text ?? ""
        socketOnHost = Self.source(of: [Self.socketPath, "/run/docker.sock"], in: inspection)
        isInHostNetwork = inspection["HostConfig"]["NetworkMode"].text == "host"
    }

    /// What is mounted on one of the paths.
    static func source(of destinations: [String], in inspection: JSON) -> String? {
        for mount in inspection["Mounts"].array ?? [] {
            guard let destination = mount["Destination"].text, destinations.contains(destination) else { continue }
            if mount["Type"].text == "volume", let name = mount["Name"].nonEmptyText { return name }
            return mount["Source"].nonEmptyText
        }
        return nil
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
