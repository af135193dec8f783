/// What becomes of the volumes without a name when the container that they were made for is removed.
///
/// They go with it, as nobody would find them by themselves, unless the server was told to keep them: by a label, which
/// it gives to the instance of every container that somebody else has made. A container without a mark of Rancher's is
/// of that kind.
package enum VolumeCleanup {
    /// `none`, `unnamed` or `all`; `unnamed` where it is missing.
    package static let label = "io.rancher.container.volume_cleanup_strategy"

    /// Whether the volumes stay where the label says this; what is not understood deletes nothing.
    package static func keepsVolumes(_ strategy: String?) -> Bool {
        switch strategy {
        case nil, "", "unnamed", "all": false
        default: true
        }
    }

    /// Whether those of a container stay.
    ///
    /// - Parameters:
    ///   - instanceUUID: The instance that it belongs to by its marks; empty if it has none.
    ///   - label: What the container has as a label, if anything.
    package static func keepsVolumes(instanceUUID: String, label: (String) -> String?) -> Bool {
        instanceUUID.isEmpty || keepsVolumes(label(Self.label))
    }
}
