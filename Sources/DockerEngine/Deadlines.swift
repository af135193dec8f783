/// How long each kind of call to the Docker Engine may take, from sending the request to the last byte of the answer.
///
/// A deadline that is too short does harm, as the engine goes on with a call nobody waits for; one that is missing
/// lets a hung engine hold work for ever. So each is the longest time a healthy but busy engine was seen to take, and
/// some.
package struct Deadlines: Sendable, Hashable {
    /// TCP connect and TLS handshake. A unix socket connects at once or not at all.
    package var connect: Duration = .seconds(5)
    /// `/_ping` and `/version`: answered from memory. Also the bound of each step of the version negotiation.
    package var ping: Duration = .seconds(5)
    /// `/info`: counts containers and images and asks the storage driver.
    package var info: Duration = .seconds(10)
    /// Inspecting a container waits for that container's lock, which a start or stop may hold.
    package var inspect: Duration = .seconds(10)
    /// Listing visits every container of the host.
    package var list: Duration = .seconds(20)
    /// Creating copies the image's content into new volumes and calls volume plug-ins.
    package var create: Duration = .seconds(120)
    /// Starting mounts volumes, some of them from the network, and sets up networks.
    package var start: Duration = .seconds(120)
    /// Added to the grace period of a stop: time to kill and to release mounts and networks.
    package var stopMargin: Duration = .seconds(15)
    /// Killing waits until the process is gone.
    package var kill: Duration = .seconds(15)
    /// Renaming writes one small file.
    package var rename: Duration = .seconds(15)
    /// Removing deletes the container's file system and its anonymous volumes.
    package var remove: Duration = .seconds(60)
    /// Inspecting a volume asks its plug-in.
    package var volumeInspect: Duration = .seconds(30)
    /// A plug-in may have to make the volume in a storage system far away.
    package var volumeCreate: Duration = .seconds(120)
    /// A plug-in may have to delete the volume in a storage system far away.
    package var volumeRemove: Duration = .seconds(60)
    /// Inspecting an image reads a few small files.
    package var imageInspect: Duration = .seconds(15)
    /// Tagging writes one small file.
    package var imageTag: Duration = .seconds(15)
    /// Removing an image deletes its layers.
    package var imageRemove: Duration = .seconds(60)
    /// A pull takes as long as it takes, but it reports progress all the time: this is the longest silence, from the
    /// request to the first byte and between any two pieces.
    package var pullInactivity: Duration = .seconds(120)
    /// The same for a build, one step of which may compile a whole program without a word.
    package var buildInactivity: Duration = .seconds(900)
    /// Until the engine accepts the subscription to its events; the stream itself has no end.
    package var eventsAccepted: Duration = .seconds(10)

    package init() {}

    /// The deadline of a stop with this grace period.
    package func stop(graceSeconds: Int) -> Duration { .seconds(max(0, graceSeconds)) + stopMargin }

    /// The same deadlines, none of them longer than `limit`; of a stop the margin is shortened, not the grace period.
    package func capped(at limit: Duration) -> Deadlines {
        var capped = self
        let all: [WritableKeyPath<Deadlines, Duration>] = [
            \.connect, \.ping, \.info, \.inspect, \.list, \.create, \.start, \.stopMargin, \.kill, \.rename, \.remove,
            \.volumeInspect, \.volumeCreate, \.volumeRemove, \.imageInspect, \.imageTag, \.imageRemove,
            \.pullInactivity, \.buildInactivity, \.eventsAccepted,
        ]
        for path in all { capped[keyPath: path] = min(capped[keyPath: path], limit) }
        return capped
    }
}
