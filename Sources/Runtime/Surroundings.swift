package import ContainerNetwork
import Deadline
package import StoragePlugin

/// What the work needs of the host besides the engine.
package struct Surroundings: Sendable {
    /// The host's resolv.conf, as this process sees it.
    package var resolverFile = "/etc/resolv.conf"
    /// The device that `DEFAULT_DISK` stands for, as far as it is known at the moment of the call. May block.
    package var defaultDisk: @Sendable () -> String? = { nil }
    /// How long a file of this host is waited for: its disk may hang.
    package var readDeadline = Duration.seconds(5)
    /// Where files are read. Not many creates go on at a time, so most of these hang.
    let reads = BlockingCalls(limit: 64)
    /// Whether anybody wants to know what the image of a container exposes.
    package var tellsImagePorts: @Sendable () -> Bool = { false }
    /// `nil` if there are none here.
    package var plugins: StoragePlugins?
    package var addresses = AddressLookup()
    /// `nil` if there is none.
    package var configurationProgram: ConfigurationProgram?

    /// Those of a plain host without storage plug-ins.
    package init() {}
}
