extension RancherServer {
    /// What a server speaks: where its interface is, what its events are called and how they describe things.
    package enum Dialect: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
        /// The tech preview of Rancher 2.0: deployment sync requests, interface `/v3`. Dialect A.
        case rancher20 = "2.0"
        /// Rancher 1.6: maps of instances to hosts and of volumes to pools, interface `/v1` and `/v2-beta`. Dialect B.
        case rancher16 = "1.6"

        /// The dialect with the product's name.
        package var description: String { "Rancher \(rawValue)" }

        /// The versions of the interface that the server has, the one that it hands out first.
        var versions: [String] {
            switch self {
            case .rancher20: ["v3"]
            case .rancher16: ["v1", "v2-beta"]
            }
        }

        /// Further versions whose root answers, but with the schemas of the first one: agents are often given one of
        /// those. Of a newer version nobody knows anything.
        var olderVersions: [String] {
            switch self {
            case .rancher20: ["v1", "v2-beta"]
            case .rancher16: []
            }
        }

        /// How long the server waits for an answer, in milliseconds.
        var timeoutMilliseconds: Int {
            switch self {
            case .rancher20: 15_000
            case .rancher16: 45_000
            }
        }

        /// The names that an agent of this dialect subscribes to (PROTOCOL.md 3.1).
        package var eventNames: [String] {
            let both = [
                "compute.instance.activate", "compute.instance.deactivate", "compute.instance.inspect",
                "compute.instance.pull", "compute.instance.remove", "storage.volume.remove", "ping",
            ]
            switch self {
            case .rancher20: return both
            case .rancher16:
                return both + [
                    "compute.instance.force.stop", "storage.image.activate", "storage.volume.activate", "config.update",
                ]
            }
        }
    }
}
