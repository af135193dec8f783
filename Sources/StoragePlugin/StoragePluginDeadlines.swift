/// How long each kind of call to a storage plug-in may take, from connecting to the last byte of the answer.
///
/// The longest time that a healthy plug-in of a busy storage system needs, and some: who gives up too early does not
/// know what became of the call.
package struct StoragePluginDeadlines: Sendable, Hashable {
    /// The plug-in may have to make the volume in a storage system far away.
    package var create: Duration = .seconds(60)
    /// A cloud's disk takes its time to appear at a host, above all if it has to leave another one first.
    package var attach: Duration = .seconds(120)
    /// The first mount of a disk makes its file system.
    package var mount: Duration = .seconds(60)
    /// Unmounting writes back what is still in memory.
    package var unmount: Duration = .seconds(60)
    /// The plug-in may have to detach and delete the volume in a storage system far away.
    package var remove: Duration = .seconds(60)

    /// The plug-in only has to say what it is.
    package var capabilities: Duration = .seconds(10)

    package init() {}

    /// The same deadlines, none of them longer than `limit`.
    package func capped(at limit: Duration) -> StoragePluginDeadlines {
        var capped = self
        for path in [\StoragePluginDeadlines.create, \.attach, \.mount, \.unmount, \.remove, \.capabilities] {
            capped[keyPath: path] = min(capped[keyPath: path], limit)
        }
        return capped
    }
}
