internal import LosslessJSON
package import Model

/// What the create call depends on besides the instance: the host, the engine and the image as they are now.
package struct CreateContext: Sendable, Hashable {
    /// Where flex volumes are mounted on this host, by the volume's name (PROTOCOL 7.4).
    package var mountpoints: [String: String] = [:]
    /// The containers of the other instances that the container has to do with; those without one are left out.
    package var containers: [RelatedInstance: String] = [:]
    /// Where the engine keeps its data; empty if unknown, which counts as the usual place.
    package var rootDirectory = ""
    /// What the host's resolv.conf tells to search (PROTOCOL 6.8).
    package var hostSearchDomains: [String] = []
    /// The device that `DEFAULT_DISK` stands for; `nil` if none was measured.
    package var defaultDisk: String?
    /// The call is made in API 1.25 or newer.
    package var supportsStopTimeout = true
    /// The call is made in API 1.41 or older: newer ones do not know this limit any more.
    package var supportsKernelMemory = true
    /// The image's own command; looked at only if the container waits for its network.
    package var imageCommand: [String]?
    /// The image's own entry point; looked at only if the container waits for its network.
    package var imageEntryPoint: [String]?

    package init() {}

    /// Takes command and entry point out of the inspection of the image.
    mutating func learn(image inspection: JSON) {
        imageCommand = inspection["Config"]["Cmd"].array?.compactMap(\.text)
        imageEntryPoint = inspection["Config"]["Entrypoint"].array?.compactMap(\.text)
    }
}
