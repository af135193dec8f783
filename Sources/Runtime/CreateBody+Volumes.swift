import LosslessJSON
import Model

extension CreateBody {
    /// A volume or a directory of the host, and where it is in the container.
    struct Bind {
        var source: String
        var destination: String
        var mode: String

        var text: String { "\(source):\(destination):\(mode)" }
    }

    /// PROTOCOL 6.10: volumes and binds. Flex volumes come first, or for Rancher 1.6 after the others, which keep their
    /// order; last comes what the wait for the network needs.
    static func volumes(
        of instance: InstanceSpecification, _ context: CreateContext, _ body: inout JSONObject,
        _ host: inout JSONObject
    ) throws(SpecificationError) {
        let container = instance.container
        var paths = JSONObject()
        var flexible: [Bind] = []
        var others: [Bind] = []
        for volume in container.dataVolumes where !volume.isEmpty {
            let parts = volume.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.allSatisfy({ !$0.isEmpty }) else {
                throw SpecificationError("The volume \"\(volume)\" has an empty part")
            }
            let mountpoint = context.mountpoints[parts[0]]
            guard parts.count > 1 else {
                guard mountpoint == nil else { throw SpecificationError("The volume \"\(volume)\" has no path") }
                paths[parts[0]] = [:]
                continue
            }
            let bind = Bind(source: parts[0], destination: parts[1], mode: parts.count > 2 ? parts[2] : "rw")
            if let mountpoint {
                // An empty source would be read as something else altogether (PROTOCOL 12.3 no. 66).
                guard !mountpoint.isEmpty else { throw SpecificationError("The volume \"\(parts[0])\" is not mounted") }
                flexible.append(Bind(source: mountpoint, destination: bind.destination, mode: bind.mode))
                continue
            }
            for bind in moved(bind, context) {
                paths[bind.destination] = [:]
                others.append(bind)
            }
        }
        let flexibleLast = instance.volumes.contains { $0.keeping == .byRancherPlugin }
        var binds = flexibleLast ? others + flexible : flexible + others
        if container.waitsForNetwork {
            // Two binds to one path are refused (PROTOCOL 12.3 no. 43).
            let waiter = networkWaiterBind
            binds.removeAll { $0.destination == waiter.destination || $0.destination == waiter.destination + "/" }
            binds.append(waiter)
        }
        body.put("Volumes", paths)
        host.put("Binds", binds.map(\.text))
        host.put(
            "VolumesFrom", container.volumesFrom + container.volumesFromInstances.compactMap { context.containers[$0] })
    }

    /// Where the engine keeps its data somewhere else, its directory is given to the container in both places, as the
    /// paths that the engine tells lead into the second one.
    private static func moved(_ bind: Bind, _ context: CreateContext) -> [Bind] {
        let root = context.rootDirectory
        guard bind.isEngineDirectory, !root.isEmpty, root != Bind.engineDirectory else { return [bind] }
        return [bind.destination, root].map { Bind(source: root, destination: $0, mode: bind.mode) }
    }
}

extension CreateBody.Bind {
    static let engineDirectory = "/var/lib/docker"

    var isEngineDirectory: Bool { source == Self.engineDirectory && destination == Self.engineDirectory }
}

extension ContainerSpecification {
    /// It mounts the directory in which the engine normally keeps its data.
    var mountsEngineDirectory: Bool {
        let bind = "\(CreateBody.Bind.engineDirectory):\(CreateBody.Bind.engineDirectory)"
        return dataVolumes.contains { $0 == bind || $0.hasPrefix(bind + ":") }
    }
}
